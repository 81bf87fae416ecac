/** Rules that hide members of answers, against those who want to read them. */
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResponseTransform } from '../../src/transforms/index.js';
import { eventually } from '../support/eventually.js';
import { rawClient } from '../support/raw-client.js';
import { reply, type RawRequest } from '../support/raw-upstream.js';
import { BOMBS, memoryOf } from './bombs.js';
import { get, lines, MOUNTINGS, observe, type Front } from './front.js';
import { CLOSE, ruled } from './ruled.js';

const SECRET = 'not-for-you';
const HIDING: ResponseTransform = { omit: ['secret', 'items.*.secret'] };
const TEXT = JSON.stringify({ secret: SECRET, items: [{ id: 1, secret: SECRET }] });
const CLEANED = JSON.stringify({ items: [{ id: 1 }] });

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync,
  br: zlib.brotliDecompressSync,
};

function decoded(bytes: Buffer, codings = ''): string {
  const names = codings.split(',').map((name) => name.trim().toLowerCase().replace('x-gzip', 'gzip'));
  return names.reduceRight((given, name) => DECODERS[name]?.(given) ?? given, bytes).toString();
}

describe.each(MOUNTINGS)('a %s gateway that hides members of answers', (mounting) => {
  let gateway: Front;
  let answer: (request: RawRequest) => Answer;

  beforeAll(async () => {
    gateway = await ruled(
      {
        '/': { response: HIDING, maxBodyBytes: 300_000 },
        '/retyped': { response: { ...HIDING, replace: { headers: { 'content-type': 'text/plain' } } } },
        '/untyped': { response: { ...HIDING, remove: { headers: ['content-type'] } } },
      },
      {
        mounting,
        onRequest: (request, socket) => {
          const { status = 200, headers = {}, body = TEXT } = request.url === '/alive' ? {} : answer(request);
          const isHead = request.method === 'HEAD';
          const length = isHead ? { 'content-length': String(Buffer.byteLength(body)) } : {};
          const fields = { 'content-type': 'application/json', ...length, ...headers };
          reply(socket, status, fields, isHead ? null : body);
        },
      },
    );
  });
  afterAll(() => gateway.close());

  /** The answer to a request; nobody finds the secret in it. */
  async function asked(
    given: Answer | ((request: RawRequest) => Answer),
    data = get('/', CLOSE),
  ): Promise<{ status: number | undefined; text: string }> {
    answer = typeof given === 'function' ? given : () => given;
    const { response, raw } = await observe(gateway, data, data.startsWith('HEAD'));
    const text = decoded(response?.body ?? Buffer.alloc(0), response?.headers['content-encoding']);
    expect(raw).not.toContain(SECRET);
    expect(text).not.toContain(SECRET);
    const length = response?.headers['content-length'];
    if (length !== undefined && !data.startsWith('HEAD')) expect(response?.body.length).toBe(Number(length));
    return { status: response?.status, text };
  }

  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/problem+json',
    'application/vnd.x+json; charset=utf-8',
    'application/vnd.a+b+json',
    'application/vnd.x&y+json',
    'text/json',
    'text/json; charset=utf-8',
    'text/x-json',
    'model/gltf+json',
  ])('does so in an answer of %s', async (type) => {
    expect(await asked({ headers: { 'content-type': type } })).toEqual({ status: 200, text: CLEANED });
  });

  const TYPES = [
    ['application/json', 'application/json'],
    ['application/json', 'text/plain'],
    ['text/plain', 'application/json'],
    ['application/json, text/plain'],
    ['text/plain, application/json'],
  ];

  it.each(TYPES.map((types) => [types.join(' and '), types] as const))(
    'gives nothing away in an answer of the types %s',
    async (_name, types) => {
      await asked({ headers: { 'content-type': types } });
    },
  );

  it.each([200, 201, 203, 226, 299, 300, 301, 400, 404, 422, 500, 503, 599])(
    'does so with status %i',
    async (status) => {
      expect(await asked({ status })).toEqual({ status, text: CLEANED });
    },
  );

  const ENCODED: Readonly<Record<string, readonly [string | readonly string[], Buffer]>> = {
    gzip: ['gzip', zlib.gzipSync(TEXT)],
    GZIP: ['GZIP', zlib.gzipSync(TEXT)],
    'x-gzip': ['x-gzip', zlib.gzipSync(TEXT)],
    deflate: ['deflate', zlib.deflateSync(TEXT)],
    br: ['br', zlib.brotliCompressSync(TEXT)],
    'identity, gzip': ['identity, gzip', zlib.gzipSync(TEXT)],
    'gzip, identity': ['gzip, identity', zlib.gzipSync(TEXT)],
    'two lines': [['gzip', 'br'], zlib.brotliCompressSync(zlib.gzipSync(TEXT))],
    'gzip twice': ['gzip, gzip', zlib.gzipSync(zlib.gzipSync(TEXT))],
    'a list with nothing in it': [', ,', Buffer.from(TEXT)],
  };

  it.each(Object.entries(ENCODED))('does so under the coding %s', async (_name, [coding, body]) => {
    const result = await asked(
      { headers: { 'content-encoding': coding }, body },
      get('/', 'Accept-Encoding: gzip, br, deflate', CLOSE),
    );
    expect(result).toEqual({ status: 200, text: CLEANED });
  });

  const UNREADABLE: Readonly<Record<string, Answer>> = {
    'half a text': { body: TEXT.slice(0, -1) },
    'JSON behind a prefix': { body: `)]}',\n${TEXT}` },
    'JSON and more': { body: `${TEXT}\n${TEXT}` },
    'UTF-16': { body: Buffer.from(TEXT, 'utf16le'), headers: { 'content-type': 'application/json; charset=utf-16' } },
    'Latin-1': { body: Buffer.from(`{"a":"\xe9","secret":"${SECRET}"}`, 'latin1') },
    'an unknown coding': { headers: { 'content-encoding': 'zstd' } },
    'a coding that nobody knows': { headers: { 'content-encoding': 'rot13' } },
    'an unknown coding beside a known one': { headers: { 'content-encoding': 'gzip, rot13' } },
    'plain text as gzip': { headers: { 'content-encoding': 'gzip' } },
    'gzip that is cut': { headers: { 'content-encoding': 'gzip' }, body: zlib.gzipSync(TEXT).subarray(0, -9) },
    'more than the cap': { body: JSON.stringify({ a: 'x'.repeat(300_000), secret: SECRET }) },
    'more than the cap, decoded': {
      headers: { 'content-encoding': 'gzip' },
      body: zlib.gzipSync(JSON.stringify({ a: 'x'.repeat(300_000), secret: SECRET })),
    },
    '100,000 levels': { body: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},"secret":"${SECRET}"` },
  };

  /** No part is ever asked for: nobody can say what is in it. */
  const PARTS: Readonly<Record<string, Answer>> = {
    'a part that nobody asked for': { status: 206, headers: { 'content-range': 'bytes 0-99/100' } },
    'a part without its range': { status: 206 },
  };

  it.each(Object.entries({ ...UNREADABLE, ...PARTS }))('answers 502 for %s', async (_name, given) => {
    expect((await asked(given)).status).toBe(502);
  });

  /** Some servers know older names of the field that asks for a part, such as Apache `Request-Range`. */
  function ranged({ headers }: RawRequest): Answer {
    const range = /bytes=(\d+)-(\d+)/.exec(headers.range ?? headers['request-range'] ?? '');
    if (range === null) return {};
    const [from, to] = [Number(range[1]), Number(range[2])];
    return {
      status: 206,
      headers: { 'content-range': `bytes ${from}-${to}/${TEXT.length}` },
      body: TEXT.slice(from, to + 1),
    };
  }

  const ASKED = [
    ['Range: bytes=0-40'],
    ['Range: bytes=0-40', 'If-Range: "a"'],
    ['range: bytes=0-40', 'Connection: range'],
    ['Request-Range: bytes=0-40'],
  ];

  it.each(ASKED.map((fields) => [fields.join(' and '), fields] as const))(
    'gives nothing away to a client that asks for a part by %s',
    async (_name, fields) => {
      await asked(ranged, get('/', ...fields, CLOSE));
    },
  );

  it.each(['zstd', 'rot13', '*', '*;q=0', 'identity;q=0', 'gzip;q=0', 'zstd, *;q=0', '', 'x'.repeat(8_000)])(
    'gives nothing away to a client that accepts %s',
    async (accepted) => {
      function encoding({ headers }: RawRequest): Answer {
        // A service that believes whatever the client would like.
        const wanted = headers['accept-encoding'] ?? '';
        if (/rot13|xxx/.test(wanted)) return { headers: { 'content-encoding': 'rot13' }, body: TEXT };
        return {};
      }
      const { status } = await asked(encoding, get('/', `Accept-Encoding: ${accepted}`, CLOSE));
      expect(status).toBe(200);
    },
  );

  it('gives nothing away to HTTP/1.0', async () => {
    expect(await asked({}, lines('GET / HTTP/1.0', 'Host: gateway.test', ''))).toEqual({ status: 200, text: CLEANED });
    expect(await asked({}, lines('GET / HTTP/1.0', ''))).toEqual({ status: 200, text: CLEANED });
  });

  it('gives nothing away where the end of a connection ends the answer', async () => {
    const { status, text } = await asked({
      headers: { 'transfer-encoding': 'chunked' },
      body: `${TEXT.length.toString(16)}\r\n${TEXT}\r\n0\r\n\r\n`,
    });
    expect({ status, text }).toEqual({ status: 200, text: CLEANED });
  });

  it('gives nothing away in fields of a HEAD, and no ranges of what it changes', async () => {
    answer = () => ({ headers: { etag: '"a"', 'accept-ranges': 'bytes', 'content-md5': 'x', 'repr-digest': 'x' } });
    const head = await observe(gateway, lines('HEAD / HTTP/1.1', 'Host: gateway.test', CLOSE, ''), true);
    expect(head.response?.status).toBe(200);
    const full = await observe(gateway, get('/', CLOSE));
    for (const { response } of [head, full]) {
      expect(response?.headers).toMatchObject({ etag: 'W/"a"' });
      for (const name of ['accept-ranges', 'content-md5', 'repr-digest'])
        expect(response?.headers).not.toHaveProperty(name);
    }
    expect([undefined, String(CLEANED.length)]).toContain(head.response?.headers['content-length']);
    expect((await asked(ranged, get('/', 'Range: bytes=0-40', 'If-Range: W/"a"', CLOSE))).status).toBe(200);
  });

  it('does not relay TRACE', async () => {
    const { response, bytes } = await observe(gateway, lines('TRACE / HTTP/1.1', 'Host: gateway.test', CLOSE, ''));
    expect(response?.status).toBe(405);
    expect(bytes).toBe('');
  });

  it.each(['/retyped', '/untyped'])('does so where the same rule changes the type, at %s', async (path) => {
    expect(await asked({}, get(path, CLOSE))).toEqual({ status: 200, text: CLEANED });
  });

  it('takes a rotten answer from nobody else: the connection of the client stays, the next answer is right', async () => {
    const client = rawClient(gateway.port);
    for (const given of Object.values(UNREADABLE)) {
      answer = () => given;
      client.write(get('/'));
      const refused = await client.response();
      expect(refused.body.toString()).not.toContain(SECRET);
      answer = () => ({});
      client.write(get('/'));
      const { status, body } = await client.response();
      expect([status, body.toString()]).toEqual([200, CLEANED]);
    }
    client.destroy();
  });

  it('leaks no connection to the upstream by 100 answers that it cannot use', async () => {
    const bad = Object.values(UNREADABLE);
    for (let i = 0; i < 100; i++) await asked(bad[i % bad.length] as Answer);
    await eventually(() => gateway.upstream.connections <= 4);
  });

  it.each(Object.keys(BOMBS))('answers 502 for a bomb of %s without unpacking it', async (coding) => {
    const body = BOMBS[coding] as Buffer;
    const taken = await memoryOf(async () => {
      const { status } = await asked({ headers: { 'content-encoding': coding }, body });
      expect(status).toBe(502);
    });
    expect(taken).toBeLessThan(64 * 1_048_576);
    await eventually(() => gateway.upstream.connections <= 4);
  });
});
