import { PassThrough, Readable, type Writable } from 'node:stream';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, brotliDecompressSync, inflateSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../../src/core/context.js';
import { GatewayError } from '../../../src/core/errors.js';
import { refuse } from '../../../src/core/refuse.js';
import type { Body, ByteStream, GatewayResponse, HeaderMap } from '../../../src/core/types.js';
import { rewriteUrls, type RewriteUrlsOptions } from '../../../src/transforms/urls/index.js';
import { bodyBytes, bodyText, fakeContext, type FakeRequestOptions } from '../../support/request.js';

const USERS = 'http://users:3001';
const API = 'https://api.example.com/users';

interface Exchange {
  request?: FakeRequestOptions;
  options?: Partial<RewriteUrlsOptions>;
  target?: string;
  status?: number;
  headers?: HeaderMap;
  body?: Body;
}

/** Has an answer of a service rewritten. */
async function answered(exchange: Exchange): Promise<GatewayResponse> {
  const { request = {}, options = {}, target = USERS, status = 200, headers = {}, body = null } = exchange;
  const ctx = fakeContext(request);
  return rewriteUrls({ urls: { [USERS]: API }, ...options })(ctx, () => {
    ctx.target = target;
    return { status, headers, body };
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const TYPES = { types: ['application/json', 'text/*'] };

function stream(...chunks: readonly (string | Uint8Array)[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
}

/** A body as the proxy returns it. */
class LightBody implements ByteStream {
  readonly source = new PassThrough();
  destroyed = false;
  whole: Uint8Array | null = null;

  takeWhole(): Uint8Array | null {
    return this.whole;
  }

  pipe(destination: Writable): Writable {
    this.source.once('error', (error) => destination.destroy(error));
    return this.source.pipe(destination);
  }

  destroy(): void {
    this.destroyed = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.source as AsyncIterable<Uint8Array>;
  }
}

describe('rewriteUrls on header fields', () => {
  it('rewrites those that carry URLs, and cookies', async () => {
    const { headers } = await answered({
      headers: {
        location: `${USERS}/login?next=${encodeURIComponent(`${USERS}/me`)}`,
        'content-location': `${USERS}/42`,
        link: `<${USERS}/?page=2>; rel="next", <//users:3001/?page=9>; rel="last"; anchor="${USERS}"`,
        refresh: `5; url=${USERS}/`,
        'set-cookie': ['a=1; Path=/; Domain=users', 'b=2'],
        'x-url': USERS,
      },
    });
    expect(headers).toEqual({
      location: `${API}/login?next=${encodeURIComponent(`${API}/me`)}`,
      'content-location': `${API}/42`,
      link: `<${API}/?page=2>; rel="next", <//api.example.com/users/?page=9>; rel="last"; anchor="${API}"`,
      refresh: `5; url=${API}/`,
      'set-cookie': ['a=1; Path=/users; Domain=api.example.com', 'b=2'],
      'x-url': USERS,
    });
  });

  it.each([`${API}/42`, '/users/42', '42', 'https://elsewhere.test/'])(
    'leaves the Location %s, which the outside can use, be it by the proxy',
    async (location) => {
      expect((await answered({ headers: { location } })).headers).toEqual({ location });
    },
  );

  it('rewrites those that are named instead', async () => {
    const headers = { location: USERS, 'x-url': [USERS, 'a'], 'set-cookie': 'a=1; Path=/' };
    const answer = await answered({ headers, options: { headers: ['x-url', '__proto__', 'constructor'] } });
    expect(answer.headers).toEqual({ location: USERS, 'x-url': [API, 'a'], 'set-cookie': 'a=1; Path=/' });
  });

  it.each([null, 'http://orders:3002', 'http://users'])('cookies of the service at %s stay', async (target) => {
    const headers = { 'set-cookie': ['a=1; Path=/'] };
    const ctx = fakeContext();
    ctx.target = target;
    const answer = await rewriteUrls({ urls: { [USERS]: API } })(ctx, () => ({ status: 200, headers, body: null }));
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/']);
  });

  it('adds no field and stays synchronous', () => {
    const answer: GatewayResponse = { status: 200, headers: {}, body: 'ok' };
    expect(rewriteUrls({ urls: { [USERS]: API } })(fakeContext(), () => answer)).toBe(answer);
    expect(answer).toEqual({ status: 200, headers: {}, body: 'ok' });
  });

  it('leaves what the gateway itself answers', async () => {
    const ctx = fakeContext();
    const mw = rewriteUrls({ urls: { [USERS]: API }, types: ['application/problem+json'] });
    const answer = await mw(ctx, (inner: Context) =>
      refuse(inner, 'ERR_GATEWAY_FORBIDDEN', { detail: USERS, headers: { location: USERS } }),
    );
    expect(answer.headers.location).toBe(USERS);
    expect(answer.body).toContain(USERS);
  });
});

describe('rewriteUrls to a path', () => {
  const options = { urls: { [USERS]: '/api/users', 'ws://feed:1': '/feed', 'http://root:1': '/' } };

  it('puts it at the scheme and host that the client asked for', async () => {
    const exchange = { options, headers: { location: `${USERS}/1`, link: '<ws://feed:1/a> <http://root:1/b>' } };
    const shop = await answered({ ...exchange, request: { host: 'shop.test', protocol: 'https' } });
    expect(shop.headers.location).toBe('https://shop.test/api/users/1');
    expect(shop.headers.link).toBe('<wss://shop.test/feed/a> <https://shop.test/b>');
  });

  it('keeps clients apart, however many hosts they ask for', async () => {
    const mw = rewriteUrls(options);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 200; index++) {
        const ctx = fakeContext({ host: `h${index}.test:8080` });
        const answer = await mw(ctx, () => ({ status: 302, headers: { location: `${USERS}/1` }, body: null }));
        expect(answer.headers.location).toBe(`http://h${index}.test:8080/api/users/1`);
      }
    }
  });

  it.each(['', "a';alert(1);'", 'a&b', 'a$b'])('where the host is %j, URLs stay', async (host) => {
    const answer = await answered({ options, request: { host }, headers: { location: `${USERS}/1` } });
    expect(answer.headers.location).toBe(`${USERS}/1`);
  });

  it('gives cookies the host and the path', async () => {
    const headers = { 'set-cookie': ['a=1; Path=/; Domain=users'] };
    const answer = await answered({ options, request: { host: '[::1]:8080' }, headers });
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/api/users; Domain=[::1]']);
  });
});

describe('rewriteUrls on requests', () => {
  const options = {
    urls: { [USERS]: '/users', 'http://orders:3002': 'https://api.test/orders' },
    requestHeaders: ['referer', 'destination', 'x-none'],
  };

  function drafted(headers: HeaderMap): Context {
    const ctx = fakeContext({ headers, host: 'shop.test', protocol: 'https' });
    void rewriteUrls(options)(ctx, () => ({ status: 200, headers: {}, body: null }));
    return ctx;
  }

  it('turns URLs of the outside into internal ones', () => {
    const { drafted: draft } = drafted({
      destination: 'https://shop.test/users/2',
      referer: 'https://api.test/orders?x',
      origin: 'https://shop.test',
    });
    expect(draft?.headers.destination).toBe(`${USERS}/2`);
    expect(draft?.headers.referer).toBe('http://orders:3002?x');
    expect(draft?.headers.origin).toBe('https://shop.test');
  });

  it('costs no draft where nothing changes', () => {
    expect(drafted({ referer: 'https://shop.test/other' }).drafted).toBeNull();
    expect(drafted({ referer: 'http://shop.test/users' }).drafted).toBeNull();
  });
});

describe('rewriteUrls on bodies', () => {
  const text = JSON.stringify({ self: `${USERS}/42`, users: [USERS] });
  const rewritten = JSON.stringify({ self: `${API}/42`, users: [API] });

  it('leaves them where no types are named', async () => {
    const body = stream(text);
    const headers = { ...JSON_TYPE, 'content-length': '9', etag: '"a"' };
    const ctx = fakeContext({ headers: { range: 'bytes=0-1' } });
    const answer = await rewriteUrls({ urls: { [USERS]: API } })(ctx, () => ({ status: 200, headers, body }));
    expect(answer.body).toBe(body);
    expect(answer.headers).toEqual({ ...JSON_TYPE, 'content-length': '9', etag: '"a"' });
    expect(ctx.upstreamFields).toBeNull();
  });

  it('rewrites a stream, with fields that are true of it', async () => {
    const headers = { ...JSON_TYPE, 'content-length': String(text.length), etag: '"a"', 'accept-ranges': 'bytes' };
    const answer = await answered({ options: TYPES, headers, body: stream(text.slice(0, 14), text.slice(14)) });
    expect(await bodyText(answer.body)).toBe(rewritten);
    expect(JSON.parse(JSON.stringify(answer.headers))).toEqual({ ...JSON_TYPE, etag: 'W/"a"' });
  });

  it.each([[text], [Buffer.from(text)]])('rewrites a body that is here, and stays synchronous', (body) => {
    const mw = rewriteUrls({ urls: { [USERS]: API }, ...TYPES });
    const answer = mw(fakeContext(), () => ({ status: 200, headers: { ...JSON_TYPE }, body }));
    expect(answer).toEqual({
      status: 200,
      headers: { ...JSON_TYPE, 'content-length': String(rewritten.length) },
      body: Buffer.from(rewritten),
    });
  });

  it('rewrites the body of the proxy, that is here or still to come', async () => {
    const here = new LightBody();
    here.whole = Buffer.from(text);
    expect((await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: here })).body).toEqual(
      Buffer.from(rewritten),
    );
    const coming = new LightBody();
    const answer = await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: coming });
    coming.source.end(text);
    expect(await bodyText(answer.body)).toBe(rewritten);
  });

  it('a body that is longer than Node searches at once is rewritten as a whole', async () => {
    const long = `${' '.repeat(65_530)}"${USERS}"${' '.repeat(100_000)}`;
    const { body } = await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: long });
    expect((await bodyText(body)).trim()).toBe(`"${API}"`);
    const streamed = await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: stream(long) });
    expect((await bodyText(streamed.body)).trim()).toBe(`"${API}"`);
  });

  it.each(['text/html; charset=utf-8', 'Text/Event-Stream', 'application/json;charset="iso-8859-1"'])(
    'rewrites %s, whose type is named',
    async (type) => {
      const { body } = await answered({ options: TYPES, headers: { 'content-type': type }, body: text });
      expect(await bodyText(body)).toBe(rewritten);
    },
  );

  it.each<[string, Exchange]>([
    ['of another type', { headers: { 'content-type': 'image/svg+xml' } }],
    ['without a type', { headers: {} }],
    ['of a type that only begins so', { headers: { 'content-type': 'application/json-seq' } }],
    ['in UTF-16', { headers: { 'content-type': 'text/html; charset=UTF-16LE' } }],
    ['in UTF-32', { headers: { 'content-type': 'text/html;x=1; Charset = "utf-32"' } }],
    ['in an unknown coding', { headers: { ...JSON_TYPE, 'content-encoding': 'sdch' } }],
    ['in more codings than anybody applies', { headers: { ...JSON_TYPE, 'content-encoding': 'br,br,br,br,br' } }],
    ['that is a part', { status: 206, headers: { ...JSON_TYPE } }],
    ['that is a part, by its fields', { headers: { ...JSON_TYPE, 'content-range': 'bytes 0-1/9' } }],
    ['of a 204', { status: 204, headers: { ...JSON_TYPE } }],
    ['of a 205', { status: 205, headers: { ...JSON_TYPE } }],
    ['of a 304', { status: 304, headers: { ...JSON_TYPE } }],
  ])('leaves a body %s', async (_, exchange) => {
    const headers = { ...exchange.headers, etag: '"a"', 'content-length': '7' };
    const body = stream(text);
    const answer = await answered({ ...exchange, options: TYPES, headers: { ...headers }, body });
    expect(answer.body).toBe(body);
    expect(answer.headers).toEqual(headers);
  });

  it('the answer to a HEAD says what that to a GET does', async () => {
    const headers = { ...JSON_TYPE, 'content-length': '7', etag: '"a"' };
    const answer = await answered({ options: TYPES, request: { method: 'HEAD' }, headers });
    expect([answer.body, answer.headers['content-length'], answer.headers.etag]).toEqual([null, undefined, 'W/"a"']);
    const empty = await answered({ options: TYPES, headers: { ...JSON_TYPE, 'content-length': '0' } });
    expect(empty.headers['content-length']).toBe('0');
  });

  it('asks upstreams for whole bodies in known codings', async () => {
    const ctx = fakeContext({ headers: { range: 'bytes=0-1', 'accept-encoding': 'sdch, gzip' } });
    await rewriteUrls({ urls: { [USERS]: API }, ...TYPES })(ctx, () => ({ status: 200, headers: {}, body: null }));
    expect(ctx.upstreamFields?.lines).toEqual(['accept-encoding', 'gzip']);
    expect(ctx.upstreamFields?.takes('range')).toBe(true);
  });

  it('gives every chunk on at once', async () => {
    const source = new PassThrough();
    const headers = { 'content-type': 'text/event-stream' };
    const { body } = await answered({ options: TYPES, headers, body: source });
    const reader = (body as ByteStream)[Symbol.asyncIterator]();
    source.write(`data: ${USERS}/1\n\n`);
    expect(String((await reader.next()).value)).toBe(`data: ${API}/1\n\n`);
    source.write('data: htt');
    expect(String((await reader.next()).value)).toBe('data: ');
    source.write('ps\n\n');
    expect(String((await reader.next()).value)).toBe('https\n\n');
    source.end('data: //use');
    expect(String((await reader.next()).value)).toBe('data: ');
    expect(String((await reader.next()).value)).toBe('//use');
    expect((await reader.next()).done).toBe(true);
  });

  describe('beyond maxBodyBytes', () => {
    const options = { ...TYPES, maxBodyBytes: text.length - 1 };

    beforeEach(() => {
      const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      return () => spy.mockRestore();
    });

    it('a body whose length is known stays', async () => {
      const headers = { ...JSON_TYPE, 'content-length': String(text.length), etag: '"a"' };
      const body = stream(text);
      const answer = await answered({ options, headers: { ...headers }, body });
      expect(answer.body).toBe(body);
      expect(answer.headers).toEqual(headers);
      const here = await answered({ options, headers: { ...JSON_TYPE }, body: text });
      expect(await bodyText(here.body)).toBe(text);
    });

    it('of another one the rest stays', async () => {
      const exchange = { options: { ...TYPES, maxBodyBytes: 20 }, headers: { ...JSON_TYPE } };
      const answer = await answered({ ...exchange, body: stream(text) });
      expect(await bodyText(answer.body)).toBe(JSON.stringify({ self: `${API}/42`, users: [USERS] }));
    });

    it('the operator hears of it', async () => {
      vi.resetModules();
      const fresh = await import('../../../src/transforms/urls/index.js');
      const emitWarning = vi.mocked(process.emitWarning);
      const mw = fresh.rewriteUrls({ urls: { [USERS]: API }, ...TYPES, maxBodyBytes: 20 });
      const within = await mw(fakeContext(), () => ({
        status: 200,
        headers: { ...JSON_TYPE },
        body: stream('a'.repeat(20)),
      }));
      await bodyText(within.body);
      expect(emitWarning).not.toHaveBeenCalled();
      for (let round = 0; round < 2; round++) {
        const answer = await mw(fakeContext(), () => ({ status: 200, headers: { ...JSON_TYPE }, body: stream(text) }));
        await bodyText(answer.body);
      }
      expect(emitWarning).toHaveBeenCalledOnce();
      expect(emitWarning.mock.calls[0]?.[1]).toMatchObject({ code: 'ERR_GATEWAY_BODY_NOT_REWRITTEN' });
    });
  });

  describe('that is compressed', () => {
    const zstd = zlib as unknown as Record<'zstdCompressSync' | 'zstdDecompressSync', (bytes: Uint8Array) => Buffer>;
    const codings: readonly [string, (bytes: Uint8Array) => Buffer, (bytes: Uint8Array) => Buffer][] = [
      ['gzip', gzipSync, gunzipSync],
      ['X-Gzip', gzipSync, gunzipSync],
      ['deflate', deflateSync, inflateSync],
      ['br', brotliCompressSync, brotliDecompressSync],
      ['identity', Buffer.from, Buffer.from],
      ['gzip, br', (b) => brotliCompressSync(gzipSync(b)), (b) => gunzipSync(brotliDecompressSync(b))],
      ...('zstdCompressSync' in zlib ? [['zstd', zstd.zstdCompressSync, zstd.zstdDecompressSync] as const] : []).map(
        ([name, encode, decode]): [string, (bytes: Uint8Array) => Buffer, (bytes: Uint8Array) => Buffer] => [
          name,
          encode,
          decode,
        ],
      ),
    ];

    it.each(codings)('with %s comes back in the same coding', async (coding, encode, decode) => {
      const encoded = encode(Buffer.from(text));
      const headers = { ...JSON_TYPE, 'content-encoding': coding, 'content-length': String(encoded.length) };
      for (const body of [stream(...Array.from(encoded, (byte) => Uint8Array.of(byte))), encoded]) {
        const answer = await answered({ options: TYPES, headers: { ...headers }, body });
        const bytes = await bodyBytes(answer.body);
        expect(decode(bytes).toString()).toBe(rewritten);
        expect(answer.headers['content-encoding']).toBe(coding);
        expect([undefined, String(bytes.length)]).toContain(answer.headers['content-length']);
      }
    });

    it('a broken one is a 502 before its head is out', async () => {
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      const body = stream('no gzip at all');
      const failing = answered({ options: TYPES, headers, body });
      await expect(failing).rejects.toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_PROTOCOL' });
      expect(body.destroyed).toBe(true);
    });

    it('one that breaks off later breaks the answer off', async () => {
      const random = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * index * 2_654_435_761) >>> 24));
      const encoded = gzipSync(Buffer.concat([Buffer.from(text), random]));
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      const answer = await answered({ options: TYPES, headers, body: stream(encoded.subarray(0, -20)) });
      await expect(bodyBytes(answer.body)).rejects.toThrow('unexpected end of file');
    });

    it('a failure of the proxy stays what it is', async () => {
      const body = new LightBody();
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      const failing = answered({ options: TYPES, headers, body });
      body.source.destroy(new GatewayError('ERR_GATEWAY_IDLE_TIMEOUT', 'late'));
      await expect(failing).rejects.toMatchObject({ code: 'ERR_GATEWAY_IDLE_TIMEOUT' });
    });

    it.each(['gzip', 'br'])('with %s a chunk does not wait for the next one', async (coding) => {
      const [encoder, decoder] =
        coding === 'gzip'
          ? [zlib.createGzip(), zlib.createGunzip()]
          : [zlib.createBrotliCompress(), zlib.createBrotliDecompress()];
      const headers = { 'content-type': 'text/event-stream', 'content-encoding': coding };
      encoder.write(`data: ${USERS}\n\n`);
      encoder.flush();
      const { body } = await answered({ options: TYPES, headers, body: encoder });
      const reader = (body as Readable).pipe(decoder)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      expect(String((await reader.next()).value)).toBe(`data: ${API}\n\n`);
      encoder.write(`data: ${USERS}/2\n\n`);
      encoder.flush();
      expect(String((await reader.next()).value)).toBe(`data: ${API}/2\n\n`);
      encoder.end();
      expect((await reader.next()).done).toBe(true);
    });
  });

  describe('that ends early', () => {
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' };

    it.each([{ ...JSON_TYPE }, { ...gzip }])('a failing source breaks the answer off: %o', async (headers) => {
      for (const source of [new PassThrough(), new LightBody()]) {
        const input = source instanceof LightBody ? source.source : source;
        const encoded = gzipSync(text);
        input.write('content-encoding' in headers ? encoded.subarray(0, -8) : text);
        const { body } = await answered({ options: TYPES, headers: { ...headers }, body: source });
        input.destroy(new Error('reset'));
        await expect(bodyBytes(body)).rejects.toThrow('reset');
      }
    });

    it('a source that has failed before there was a reader can be told', async () => {
      const source = new LightBody();
      const { body } = await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: source });
      const error = new Error('reset');
      source.source.destroy(error);
      await vi.waitFor(() => expect((body as ByteStream).failure).toBe(error));
    });

    it('a reader that leaves takes the source and every stage along', async () => {
      for (const source of [new PassThrough(), new LightBody()]) {
        for (const headers of [{ ...JSON_TYPE }, { ...gzip }]) {
          const fresh = source instanceof LightBody ? new LightBody() : new PassThrough();
          (fresh instanceof LightBody ? fresh.source : fresh).write(
            'content-encoding' in headers ? gzipSync(text) : text,
          );
          const { body } = await answered({ options: TYPES, headers, body: fresh });
          (body as Readable).destroy();
          await vi.waitFor(() => expect(fresh.destroyed).toBe(true));
        }
      }
    });

    it('a reader that waits makes the source wait', async () => {
      let given = 0;
      const source = new Readable({
        read() {
          given++;
          this.push(Buffer.alloc(65_536, 'a'));
        },
      });
      const { body } = await answered({ options: TYPES, headers: { ...JSON_TYPE }, body: source });
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(given).toBeLessThan(10);
      (body as Readable).destroy();
    });
  });
});
