/** Sends a long body through `rewriteUrls`, or past it, and prints the most memory that was held on the way. */
import { PassThrough, pipeline, Readable, Writable, type Duplex } from 'node:stream';
import { createBrotliCompress, createGzip } from 'node:zlib';
import { rewriteUrls } from '../../../src/transforms/urls/index.js';
import { fakeContext } from '../../support/request.js';

const CHUNK_BYTES = 65_536;
const CHUNKS = 1_600;

const [mode = 'rewritten', coding = 'identity'] = process.argv.slice(2);
const row = '{"id":42,"name":"a user","self":"http://users:3001/users/42","tags":["a","b/c"],"note":"lorem ipsum"},';
const chunk = Buffer.alloc(CHUNK_BYTES, row);

/** Bytes of the heap and of buffers that are in use. */
function held(): number {
  // The memory of buffers goes with the second one.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let most = 0;
let taken = 0;

function* chunks(): Generator<Buffer, void, undefined> {
  for (let index = 0; index < CHUNKS; index++) {
    if (index % 50 === 49) most = Math.max(most, held());
    // A new one each time, as from a socket: one that were held would show.
    const bytes = Buffer.from(chunk);
    bytes.write(spelling(index));
    yield bytes;
  }
}

/** A URL in upper and lower case of its own: what is remembered of it must not hold its chunk. */
function spelling(index: number): string {
  const host = Array.from('users', (char, at) => (index & (1 << at) ? char.toUpperCase() : char)).join('');
  const scheme = Array.from('http', (char, at) => (index & (32 << at) ? char.toUpperCase() : char)).join('');
  return `${scheme}://${host}:3001/`;
}

function encoded(source: Readable): Readable {
  const encoder: Duplex | null = coding === 'gzip' ? createGzip() : coding === 'br' ? createBrotliCompress() : null;
  return encoder === null ? source : pipeline(source, encoder, () => undefined);
}

const source = encoded(Readable.from(chunks(), { objectMode: false }));
const headers = { 'content-type': 'application/json', 'content-encoding': coding };
const rewrite = rewriteUrls({
  urls: { 'http://users:3001': 'https://api.example.com/users', 'http://orders:3002': '/orders' },
  types: mode === 'rewritten' ? ['application/json'] : [],
});
const { body } = await rewrite(fakeContext(), () => ({ status: 200, headers, body: source }));
const before = held();
const sink = new Writable({
  write(bytes: Uint8Array, _encoding, done) {
    taken += bytes.length;
    setImmediate(done);
  },
});
pipeline(body as Readable, new PassThrough(), sink, (error) => {
  process.stdout.write(JSON.stringify({ held: most - before, taken, error: error?.message }));
});
