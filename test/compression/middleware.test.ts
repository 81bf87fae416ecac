import { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compression, type CompressionOptions } from '../../src/compression/index.js';
import type { Context } from '../../src/core/context.js';
import { isCoding } from '../../src/core/content-coding.js';
import { ConfigError } from '../../src/core/options.js';
import type { Body, GatewayResponse, HeaderMap } from '../../src/core/types.js';
import { cors } from '../../src/cors/index.js';
import { compose } from '../../src/core/compose.js';
import { bodyBytes, fakeContext } from '../support/request.js';

const PAGE = '<p>A sentence that comes again and again.</p>\n'.repeat(100);
const ALL = { 'accept-encoding': 'gzip, br, deflate, zstd' };

interface Exchange {
  readonly options?: CompressionOptions;
  readonly method?: string;
  readonly asked?: HeaderMap;
  readonly status?: number;
  readonly headers?: HeaderMap;
  readonly body?: Body;
}

function answerTo({ options, method = 'GET', asked = ALL, status = 200, headers, body = PAGE }: Exchange): {
  ctx: Context;
  answer: GatewayResponse;
} {
  const ctx = fakeContext({ method, headers: asked });
  const given = { 'content-type': 'text/html; charset=utf-8', ...headers };
  const answer = compression(options)(ctx, () => ({ status, headers: given, body }));
  if (answer instanceof Promise) throw new Error('it is to stay synchronous');
  return { ctx, answer };
}

function fieldsOf(headers: HeaderMap): HeaderMap {
  return JSON.parse(JSON.stringify(headers)) as HeaderMap;
}

describe('compression', () => {
  it.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['deflate', 'deflate', inflateSync],
  ] as const)('compresses with %s', async (accepted, coding, decode) => {
    const bodies = [PAGE, Buffer.from(PAGE), Readable.from([Buffer.from(PAGE)]), PAGE.repeat(10), wholeStream(PAGE)];
    for (const body of bodies) {
      const { answer } = answerTo({
        options: { encodings: ['br', 'gzip', 'deflate'] },
        asked: { 'accept-encoding': accepted },
        body,
      });
      expect(answer.headers['content-encoding']).toBe(coding);
      const text = decode(await bodyBytes(answer.body)).toString();
      expect(text).toBe(body === bodies[3] ? PAGE.repeat(10) : PAGE);
    }
  });

  it('prefers brotli, then gzip, and sends neither to a client that asks for none', () => {
    expect(answerTo({}).answer.headers['content-encoding']).toBe('br');
    expect(answerTo({ asked: { 'accept-encoding': 'gzip' } }).answer.headers['content-encoding']).toBe('gzip');
    const { answer } = answerTo({ asked: {} });
    expect(answer.body).toBe(PAGE);
    expect(fieldsOf(answer.headers)).toEqual({ 'content-type': 'text/html; charset=utf-8', vary: 'Accept-Encoding' });
  });

  it('gives a small body its exact length, and takes the length from a stream', async () => {
    const { answer } = answerTo({ headers: { 'content-length': String(PAGE.length) } });
    expect(answer.headers['content-length']).toBe(String((await bodyBytes(answer.body)).length));
    const body = Readable.from([Buffer.from(PAGE)]);
    const streamed = answerTo({ headers: { 'content-length': String(PAGE.length) }, body }).answer;
    expect(streamed.headers['content-length']).toBeUndefined();
    expect(brotliDecompressSync(await bodyBytes(streamed.body)).toString()).toBe(PAGE);
  });

  it('takes away what holds for other bytes, and weakens the tag', () => {
    const digests = { digest: 'sha-256=x', 'content-digest': 'sha-256=:x:', 'repr-digest': 'sha-256=:x:' };
    const headers = { ...digests, 'content-md5': 'x', 'accept-ranges': 'bytes', etag: '"v1"', 'x-else': 'stays' };
    expect(fieldsOf(answerTo({ headers, method: 'HEAD', body: null }).answer.headers)).toEqual({
      'content-type': 'text/html; charset=utf-8',
      'content-encoding': 'br',
      vary: 'Accept-Encoding',
      etag: 'W/"v1"',
      'x-else': 'stays',
    });
    expect(answerTo({ headers: { etag: 'W/"v1"' } }).answer.headers.etag).toBe('W/"v1"');
  });

  it('adds to Vary what is missing there', () => {
    expect(answerTo({ headers: { vary: 'Origin' } }).answer.headers.vary).toBe('Origin, Accept-Encoding');
    expect(answerTo({ headers: { vary: 'accept-encoding' } }).answer.headers.vary).toBe('accept-encoding');
    expect(answerTo({ headers: { vary: ['Origin', 'Accept'] } }).answer.headers.vary).toBe(
      'Origin, Accept, Accept-Encoding',
    );
  });

  it('keeps the Vary of CORS', async () => {
    const handle = compose([cors({ origin: ['https://a.example'] }), compression()], () => ({
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: PAGE,
    }));
    const ctx = fakeContext({ headers: { ...ALL, origin: 'https://a.example' } });
    const { headers } = await handle(ctx);
    ctx.completeAnswer(headers);
    expect(headers.vary).toBe('Accept-Encoding, Origin');
  });

  it.each<[string, Exchange]>([
    ['it is encoded already', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(PAGE) }],
    ['it is encoded with what nobody knows', { headers: { 'content-encoding': 'identity, x-own' } }],
    ['its origin forbids to transform it', { headers: { 'cache-control': 'public, No-Transform' } }],
    ['it is a part', { status: 206, headers: { 'content-range': 'bytes 0-9/100' } }],
    ['it says that it is a part', { headers: { 'content-range': 'bytes 0-9/100' } }],
    ['it has no body by its status', { status: 204, body: null }],
    ['it is to reset a form', { status: 205 }],
    ['nothing has changed', { status: 304, body: null }],
    ['it changes the protocol', { status: 101, body: null }],
    ['it has no body', { body: null }],
    ['it is small', { body: 'x'.repeat(1_023) }],
    ['it says that it is small', { body: Readable.from([]), headers: { 'content-length': '1023' } }],
    ['it is of a type that gains nothing', { headers: { 'content-type': 'image/png' } }],
    ['it has no type', { headers: { 'content-type': undefined } }],
    ['it is a stream of events', { headers: { 'content-type': 'text/event-stream; charset=utf-8' } }],
    ['its source has failed', { body: Object.assign(Readable.from([]), { failure: new Error('reset') }) }],
  ])('leaves an answer as it is, and its Vary too, where %s', (_case, exchange) => {
    const { answer } = answerTo(exchange);
    const { status = 200, headers, body } = { body: PAGE, ...exchange };
    expect(answer.body).toBe(body);
    expect(answer.status).toBe(status);
    expect(fieldsOf(answer.headers)).toEqual(fieldsOf({ 'content-type': 'text/html; charset=utf-8', ...headers }));
  });

  it('leaves it, too, where the client forbids to transform it, but for Vary', () => {
    const { answer } = answerTo({ asked: { ...ALL, 'cache-control': 'no-transform' } });
    expect([answer.body, answer.headers['content-encoding'], answer.headers.vary]).toEqual([
      PAGE,
      undefined,
      'Accept-Encoding',
    ]);
  });

  it('takes identity for no coding', () => {
    expect(answerTo({ headers: { 'content-encoding': 'identity' } }).answer.headers['content-encoding']).toBe('br');
  });

  it('leaves a small body that would not get smaller', () => {
    const body = Buffer.from(Array.from({ length: 2_000 }, (_, index) => (index * 7_919 * (index % 251)) % 256));
    const { answer } = answerTo({ body: gzipSync(body), options: { minBytes: 0 }, headers: { etag: '"v1"' } });
    expect(answer.headers).toMatchObject({ etag: '"v1"', vary: 'Accept-Encoding' });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it('compresses what is small, what has an unknown type and errors where it is told to', () => {
    const type = { 'content-type': 'application/x-own; v=1' };
    const options: CompressionOptions = { minBytes: 100, types: ['Application/X-Own'] };
    const { answer } = answerTo({ status: 503, options, headers: type, body: 'x'.repeat(100) });
    expect(answer.headers['content-encoding']).toBe('br');
    expect(answerTo({ options: { minBytes: 0 }, body: '' }).answer.headers['content-encoding']).toBeUndefined();
  });

  it('gives HEAD the head of GET, and touches no body', () => {
    const long = { 'content-length': '5000', etag: '"v1"' };
    expect(fieldsOf(answerTo({ method: 'HEAD', headers: long, body: null }).answer.headers)).toEqual({
      'content-type': 'text/html; charset=utf-8',
      'content-encoding': 'br',
      vary: 'Accept-Encoding',
      etag: 'W/"v1"',
    });
    const short = answerTo({ method: 'HEAD', headers: { 'content-length': '50' }, body: null });
    expect(short.answer.headers['content-length']).toBe('50');
    const body = Readable.from([Buffer.from(PAGE)]);
    expect(answerTo({ method: 'HEAD', body }).answer.body).toBe(body);
  });

  it('confirms the tag by which a client knows the compressed answer, and no other', () => {
    function confirmed(asked: string | undefined, etag: string): HeaderMap {
      const headers = { 'if-none-match': asked };
      return answerTo({ status: 304, asked: headers, headers: { 'content-type': undefined, etag }, body: null }).answer
        .headers;
    }
    expect(fieldsOf(confirmed('"v0", W/"v1"', '"v1"'))).toEqual({ etag: 'W/"v1"', vary: 'Accept-Encoding' });
    expect(fieldsOf(confirmed('"v1"', '"v1"'))).toEqual({ etag: '"v1"' });
    expect(fieldsOf(confirmed('W/"v1"', 'W/"v1"'))).toEqual({ etag: 'W/"v1"' });
    expect(fieldsOf(confirmed(undefined, '"v1"'))).toEqual({ etag: '"v1"' });
  });

  it('puts the most effort into a thread of its own', async () => {
    const { answer } = answerTo({ options: { brotliQuality: 11 } });
    expect(answer.headers['content-length']).toBeUndefined();
    expect(brotliDecompressSync(await bodyBytes(answer.body)).toString()).toBe(PAGE);
  });

  it('compresses more with more effort', async () => {
    const body = Array.from({ length: 900 }, (_, index) => `{"id":${index},"score":${Math.sin(index)}}`).join();
    async function bytes(options: CompressionOptions): Promise<number> {
      return (await bodyBytes(answerTo({ options, body }).answer.body)).length;
    }
    expect(await bytes({ brotliQuality: 11 })).toBeLessThan(await bytes({ brotliQuality: 0 }));
    const [least, most] = [
      { encodings: ['gzip'], gzipLevel: 1 },
      { encodings: ['gzip'], gzipLevel: 9 },
    ] as const;
    expect(await bytes(most)).toBeLessThan(await bytes(least));
  });

  it('works on answers that come later', async () => {
    const ctx = fakeContext({ headers: ALL });
    const answer = await compression()(ctx, () =>
      Promise.resolve({ status: 200, headers: { 'content-type': 'application/json' }, body: PAGE }),
    );
    expect(brotliDecompressSync(answer.body as Buffer).toString()).toBe(PAGE);
  });

  it.each<[string, unknown, string[]]>([
    ['no coding', { encodings: [] }, ['encodings']],
    ['an unknown coding, and another', { encodings: ['gzip', 'lzma', 'GZIP'] }, ['encodings[1]', 'encodings[2]']],
    [
      'numbers out of range',
      { minBytes: -1, brotliQuality: 12, gzipLevel: 10 },
      ['minBytes', 'brotliQuality', 'gzipLevel'],
    ],
    [
      'types that are none',
      { types: ['json', 'image/*', 'text/x; q=1', ''] },
      ['types[0]', 'types[1]', 'types[2]', 'types[3]'],
    ],
    ['an unknown option', { threshold: 5 }, ['threshold']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      compression(options as CompressionOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });

  it('compresses with zstd, or says which Node it runs on where that has none', async () => {
    if (!isCoding('zstd')) {
      expect(() => compression({ encodings: ['zstd'] })).toThrow(`zstd is not in this Node, ${process.version}`);
      return;
    }
    const { answer } = answerTo({ options: { encodings: ['zstd'] } });
    expect(answer.headers['content-encoding']).toBe('zstd');
    expect((await bodyBytes(answer.body)).readUInt32LE(0)).toBe(0xfd2fb528);
  });
});

/** A stream that is complete already. */
function wholeStream(text: string): Body {
  return Object.assign(Readable.from([]), { takeWhole: () => Buffer.from(text) });
}
