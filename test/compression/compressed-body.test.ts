import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { brotliDecompressSync, constants, createBrotliDecompress, createGunzip, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CompressedBody } from '../../src/compression/compressed-body.js';
import { compileEncoder, type Encoder, type EncoderStream } from '../../src/compression/encoder.js';
import type { ByteStream } from '../../src/core/types.js';
import { bodyBytes } from '../support/request.js';

/** An encoder that keeps the streams it has made. */
function watched(coding: 'gzip' | 'br' = 'gzip'): Encoder & { streams: EncoderStream[]; flushes: number } {
  const encoder = compileEncoder(coding, {});
  const streams: EncoderStream[] = [];
  const watcher = {
    ...encoder,
    streams,
    flushes: 0,
    createStream() {
      const stream = encoder.createStream();
      const flush = stream.flush.bind(stream);
      stream.flush = (kind) => {
        watcher.flushes++;
        flush(kind);
      };
      streams.push(stream);
      return stream;
    },
  };
  return watcher;
}

const DECODERS = { gzip: createGunzip, br: createBrotliDecompress } as const;

describe('CompressedBody', () => {
  it.each(['gzip', 'br'] as const)('lets out what it has, in %s, when the source pauses', async (coding) => {
    const source = new PassThrough();
    const decoder = DECODERS[coding]();
    new CompressedBody(source, compileEncoder(coding, {})).pipe(decoder);
    for (const text of ['one', 'two', 'three']) {
      source.write(text);
      const [chunk] = (await once(decoder, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(text);
    }
    source.end();
    decoder.resume();
    await finished(decoder);
  });

  it('does not flush between chunks that come together', async () => {
    const source = Readable.from(Array.from({ length: 50 }, (_, index) => Buffer.from(`chunk ${index}`)));
    const encoder = watched();
    expect(gunzipSync(await bodyBytes(new CompressedBody(source, encoder))).toString()).toContain('chunk 49');
    expect(encoder.flushes).toBe(0);
  });

  it('is the same by pipe and by iteration, and counts what it gives', async () => {
    const text = 'again and again '.repeat(10_000);
    for (const make of [() => Readable.from([Buffer.from(text)]), () => Buffer.from(text)]) {
      const piped = new CompressedBody(make(), compileEncoder('br', {}));
      const destination = new PassThrough();
      piped.pipe(destination);
      const bytes = await bodyBytes(destination);
      expect(brotliDecompressSync(bytes).toString()).toBe(text);
      expect(piped.bytesRead).toBe(bytes.length);
      const iterated = new CompressedBody(make(), compileEncoder('br', {}));
      expect(await bodyBytes(iterated)).toEqual(bytes);
      expect(iterated.bytesRead).toBe(bytes.length);
    }
  });

  it('stops reading while nobody takes what comes out', async () => {
    let chunks = 0;
    function* endless(): Generator<Buffer> {
      for (;;) {
        chunks++;
        yield Buffer.from(Array.from({ length: 16_384 }, () => Math.floor(Math.random() * 256)));
      }
    }
    const source = Readable.from(endless(), { objectMode: false });
    const body = new CompressedBody(source, watched());
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    body.pipe(stuck);
    let before = -1;
    while (chunks !== before) {
      before = chunks;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(chunks).toBeLessThan(30);
    body.destroy();
    expect(source.destroyed).toBe(true);
  });

  it.each(['pipe', 'iteration'])('breaks off by %s where the source does', async (way) => {
    const reset = new Error('the upstream broke off');
    const source = new PassThrough();
    const encoder = watched();
    const body = new CompressedBody(source, encoder);
    const destination = new PassThrough();
    if (way === 'pipe') body.pipe(destination);
    const read = bodyBytes(way === 'pipe' ? destination : body);
    source.write('half of it');
    setImmediate(() => source.destroy(reset));
    await expect(read).rejects.toBe(reset);
    expect(encoder.streams.map((stream) => stream.destroyed)).toEqual([true]);
    if (way === 'pipe') expect([destination.destroyed, destination.readableEnded]).toEqual([true, false]);
  });

  it('makes nothing before it is read, and nothing after it was destroyed', async () => {
    const source = new PassThrough();
    const encoder = watched();
    const body = new CompressedBody(source, encoder);
    body.destroy();
    expect(source.destroyed).toBe(true);
    expect(encoder.streams).toEqual([]);
    await expect(bodyBytes(body)).rejects.toThrow('destroyed before it was read');
    expect(encoder.streams.map((stream) => stream.destroyed)).toEqual([true]);
  });

  it('frees everything when its reader leaves in the middle, though the source is silent', async () => {
    const source = new PassThrough();
    const encoder = watched();
    const destination = new PassThrough();
    new CompressedBody(source, encoder).pipe(destination);
    source.write('a beginning');
    await once(destination, 'data');
    destination.destroy();
    const [stream] = encoder.streams as [EncoderStream];
    await new Promise((resolve) => stream.once('close', resolve));
    expect([source.destroyed, stream.destroyed]).toEqual([true, true]);
  });

  it('frees everything, and breaks off, when it is destroyed while it is read', async () => {
    const encoder = watched();
    const body = new CompressedBody(Buffer.alloc(1_000_000), encoder);
    const destination = new PassThrough();
    body.pipe(destination);
    body.destroy();
    expect(encoder.streams[0]?.destroyed).toBe(true);
    await expect(bodyBytes(destination)).rejects.toThrow();
  });

  it('frees everything when an iteration is left', async () => {
    const source = new PassThrough();
    const encoder = watched();
    source.write('a beginning');
    for await (const chunk of new CompressedBody(source, encoder)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(encoder.streams[0]?.destroyed).toBe(true);
    await finished(source).catch(() => undefined);
    expect(source.destroyed).toBe(true);
  });

  it('has no flush to come when it is over', async () => {
    const source = new PassThrough();
    const encoder = watched();
    const body = new CompressedBody(source, encoder);
    source.end('all of it');
    expect(gunzipSync(await bodyBytes(body)).toString()).toBe('all of it');
    await new Promise((resolve) => setImmediate(resolve));
    body.destroy();
    expect(encoder.streams.map((stream) => stream.destroyed)).toEqual([true]);
  });

  it('tells of a failure that its source knows of', () => {
    const failure = new Error('reset');
    const source = Object.assign(new PassThrough(), { failure });
    expect(new CompressedBody(source, watched()).failure).toBe(failure);
    expect(new CompressedBody(new PassThrough() as ByteStream, watched()).failure).toBeNull();
    expect(new CompressedBody(Buffer.alloc(3), watched()).failure).toBeNull();
  });

  it('flushes so that the other end can read, not so that it must begin anew', () => {
    expect(compileEncoder('gzip', {}).flushKind).toBe(constants.Z_SYNC_FLUSH);
  });
});
