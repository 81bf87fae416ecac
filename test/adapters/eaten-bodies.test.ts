import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import express5, { type NextFunction, type Request, type Response } from 'express';
import express4 from 'express4';
import Koa from 'koa';
import koaBodyParser from 'koa-bodyparser';
import { afterEach, describe, expect, test } from 'vitest';
import * as onExpress from '../../src/adapters/express.js';
import * as onKoa from '../../src/adapters/koa.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { listen } from '../support/listen.js';
import { answerJson, upstream } from '../support/upstream.js';

/** Koa 2 has no types of its own here; what the tests use is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

const TIMEOUT_MS = 2_000;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  /** One piece goes with its length, a list without. */
  readonly body: string | Uint8Array | readonly (string | Uint8Array)[];
}

/** What the upstream got. */
interface Got {
  readonly method: string;
  readonly type: string | undefined;
  readonly length: string | undefined;
  readonly encoding: string | undefined;
  readonly chunked: boolean;
  readonly base64: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function run(app: RequestListener): Promise<number> {
  const server = await listen(createServer(app));
  closers.push(() => server.close());
  return server.port;
}

async function configWithRecorder(): Promise<GatewayConfig> {
  const running = await upstream(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { 'content-type': type, 'content-length': length, 'content-encoding': encoding } = request.headers;
    const chunked = request.headers['transfer-encoding'] !== undefined;
    const base64 = Buffer.concat(chunks).toString('base64');
    answerJson(response, 200, { method: request.method ?? '', type, length, encoding, chunked, base64 } satisfies Got);
  });
  closers.push(() => running.close());
  return { accessLog: false, routes: [{ path: '/', target: running.url }] };
}

function send(port: number, { method = 'POST', path = '/x', headers = {}, body }: Sent): Promise<Answer> {
  const pieces = typeof body === 'string' || body instanceof Uint8Array ? null : body;
  const framing: Record<string, string> = pieces
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': String(Buffer.byteLength(body as string | Uint8Array)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...headers, ...framing },
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    for (const piece of pieces ?? [body as string | Uint8Array]) if (piece.length > 0) request.write(piece);
    request.end();
  });
}

function gotBy({ status, text }: Answer): Got & { bytes: Buffer; body: string } {
  expect([status, text]).toEqual([200, text]);
  const got = JSON.parse(text) as Got;
  const bytes = Buffer.from(got.base64, 'base64');
  return { ...got, bytes, body: bytes.toString() };
}

function expectConsumed({ status, text }: Answer, parser: RegExp): void {
  expect(status).toBe(500);
  const problem = JSON.parse(text) as { code: string; detail: string };
  expect(problem.code).toBe('ERR_GATEWAY_BODY_CONSUMED');
  expect(problem.detail).toMatch(parser);
}

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };
/** Nothing of this survives a parser byte for byte. */
const AWKWARD = '{ "b":1.0,\n "a":"\\u00fc\u00fc", "big":12345678901234567890, "a":"twice" }';

describe.each([
  ['Express 5', express5],
  // What the tests use is the same in both; the types are not.
  ['Express 4', express4 as unknown as typeof express5],
])('a body that was eaten in %s', { timeout: TIMEOUT_MS }, (_version, express) => {
  type Layer = (req: Request, res: Response, next: NextFunction) => void;

  async function behind(...layers: Layer[]): Promise<number> {
    const middleware = onExpress.gateway(await configWithRecorder());
    closers.push(() => middleware.close({ timeoutMs: 0 }));
    const app = express();
    for (const layer of layers) app.use(layer);
    app.use(middleware);
    app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
      res.status(599).send(String(error));
    });
    return run(app);
  }

  /** Express forgets in types that a parser may not have run. */
  function keepRaw(req: unknown, _res: unknown, bytes: Buffer): void {
    (req as { rawBody?: unknown }).rawBody = bytes;
  }

  describe('by express.json()', () => {
    test('goes on as equal JSON of the right length', async () => {
      const port = await behind(express.json());
      const value = { text: '\u00fc \u{1f600}', list: [1, null, { deep: [true] }], '': {}, number: 0.1 };
      const got = gotBy(await send(port, { headers: JSON_TYPE, body: JSON.stringify(value, null, 3) }));
      expect(JSON.parse(got.body)).toEqual(value);
      expect(got).toMatchObject({ length: String(got.bytes.length), chunked: false, type: 'application/json' });
    });

    test('goes on with a length where it came without one', async () => {
      const got = gotBy(await send(await behind(express.json()), { headers: JSON_TYPE, body: ['{"a":', '[1]}'] }));
      expect([got.body, got.length, got.chunked]).toEqual(['{"a":[1]}', '9', false]);
    });

    test.each(['PUT', 'PATCH', 'DELETE', 'GET', 'PROPFIND'])('goes on with a %s', async (method) => {
      const got = gotBy(await send(await behind(express.json()), { method, headers: JSON_TYPE, body: '{ "a": 1 }' }));
      expect([got.method, got.body, got.length]).toEqual([method, '{"a":1}', '7']);
    });

    test('goes on unchanged to the byte where `verify` keeps req.rawBody', async () => {
      const port = await behind(express.json({ verify: keepRaw }));
      const got = gotBy(await send(port, { headers: JSON_TYPE, body: AWKWARD }));
      expect([got.body, got.length]).toEqual([AWKWARD, String(Buffer.byteLength(AWKWARD))]);
    });

    test('goes on unchanged where `verify` keeps req.rawBody as text', async () => {
      const verify = (req: unknown, _res: unknown, bytes: Buffer): void => {
        (req as { rawBody?: unknown }).rawBody = bytes.toString('utf8');
      };
      const got = gotBy(await send(await behind(express.json({ verify })), { headers: JSON_TYPE, body: AWKWARD }));
      expect([got.body, got.length]).toEqual([AWKWARD, String(Buffer.byteLength(AWKWARD))]);
    });

    test.each([
      ['written anew', undefined],
      ['from kept bytes', keepRaw],
    ])('goes on without the coding that the parser took off (%s)', async (_name, verify) => {
      const port = await behind(express.json(verify === undefined ? {} : { verify }));
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      const got = gotBy(await send(port, { headers, body: gzipSync('{"a":"compressed"}') }));
      expect(got).toMatchObject({ body: '{"a":"compressed"}', length: '18', chunked: false });
      expect(got.encoding).toBeUndefined();
    });

    test('in UTF-16 goes on as text that its charset names', async () => {
      const headers = { 'content-type': 'application/json; charset=utf-16le' };
      const got = gotBy(
        await send(await behind(express.json()), { headers, body: Buffer.from('{"a":"\u00fc"}', 'utf16le') }),
      );
      expect([got.body, got.type]).toEqual(['{"a":"\u00fc"}', 'application/json; charset=utf-8']);
    });

    test('in UTF-16, kept as bytes, goes on as it was', async () => {
      const headers = { 'content-type': 'application/json; charset=utf-16le' };
      const body = Buffer.from('{"a":"\u00fc"}', 'utf16le');
      const got = gotBy(await send(await behind(express.json({ verify: keepRaw })), { headers, body }));
      expect([got.base64, got.type]).toEqual([body.toString('base64'), 'application/json; charset=utf-16le']);
    });

    test('in UTF-16, kept as text, goes on as text that its charset names', async () => {
      const verify = (req: unknown, _res: unknown, bytes: Buffer): void => {
        (req as { rawBody?: unknown }).rawBody = bytes.toString('utf16le');
      };
      const headers = { 'content-type': 'application/json; charset=utf-16le' };
      const body = Buffer.from('{"a":"\u00fc"}', 'utf16le');
      const got = gotBy(await send(await behind(express.json({ verify })), { headers, body }));
      const decoded = got.bytes.toString(got.type?.includes('utf-16le') ? 'utf16le' : 'utf8');
      expect(decoded).toBe('{"a":"\u00fc"}');
    });

    test('of a type of its own with +json goes on', async () => {
      const headers = { 'content-type': 'application/vnd.api+json' };
      const port = await behind(express.json({ type: 'application/vnd.api+json' }));
      expect(gotBy(await send(port, { headers, body: '{ "data": [] }' }))).toMatchObject({
        body: '{"data":[]}',
        type: 'application/vnd.api+json',
      });
    });

    test.each(['"text"', '0', 'false', 'null'])('that is the bare value %s goes on', async (body) => {
      const got = gotBy(await send(await behind(express.json({ strict: false })), { headers: JSON_TYPE, body }));
      expect(got.body).toBe(body);
    });

    test('of no bytes goes on as no bytes', async () => {
      const got = gotBy(await send(await behind(express.json()), { headers: JSON_TYPE, body: '' }));
      expect([got.body, got.length]).toEqual(['', '0']);
    });

    test('of no bytes and no length is no reason to wait', async () => {
      const { status } = await send(await behind(express.json()), { headers: JSON_TYPE, body: [] });
      expect(status).toBe(200);
    });

    test('is counted by the body limit', async () => {
      const config = await configWithRecorder();
      const middleware = onExpress.gateway({ ...config, defaults: { maxBodyBytes: 10 } });
      closers.push(() => middleware.close({ timeoutMs: 0 }));
      const port = await run(express().use(express.json(), middleware));
      expect((await send(port, { headers: JSON_TYPE, body: ['{"a":', '"12345678"}'] })).status).toBe(413);
    });

    test("a request that the parser refuses gets the app's answer", async () => {
      expect((await send(await behind(express.json()), { headers: JSON_TYPE, body: '{' })).status).toBe(599);
    });
  });

  describe('by express.urlencoded()', () => {
    const FORMS = [
      'a=1&b=two+words&c=%C3%BC%26%3D%2B&d=',
      'a=1&a=2&a=3',
      'a[]=only',
      'a[b][c]=1&a[b][d]=2&e=3',
      'list[0][x]=1&list[0][y]=2&list[1][x]=3',
      'm[0]=1&m[1][x]=2',
      'n[0][]=1&n[0][]=2&n[1][]=3',
      'deep[a][b][c][d]=1&deep[list][]=x',
      'with%20space[in%20it]=1&dot.ted=2',
      `many=${Array.from({ length: 60 }, (_, index) => index).join('&many=')}`,
    ];

    test.each(FORMS)('extended: the same parser reads the same from what goes on: %s', async (form) => {
      let first: unknown;
      const parser = express.urlencoded({ extended: true });
      const port = await behind(parser, (req, _res, next) => {
        first = req.body;
        next();
      });
      const got = gotBy(await send(port, { headers: FORM_TYPE, body: form }));
      expect([got.length, got.type, got.chunked]).toEqual([String(got.bytes.length), FORM_TYPE['content-type'], false]);
      let second: unknown;
      const again = await run(
        express().use(parser, (req: Request, res: Response) => {
          second = req.body;
          res.end();
        }),
      );
      await send(again, { headers: FORM_TYPE, body: got.bytes });
      expect(first).not.toEqual({});
      expect(second).toEqual(first);
    });

    test.each(['a=1&b=two+words&c=%C3%BC', 'a=1&a=2', 'a[b]=1', 'a%5B%5D=1', 'x=&y'])(
      'simple: what goes on says the same: %s',
      async (form) => {
        const port = await behind(express.urlencoded({ extended: false }));
        const got = gotBy(await send(port, { headers: FORM_TYPE, body: form }));
        expect([...new URLSearchParams(got.body)]).toEqual([...new URLSearchParams(form)]);
        expect(got.length).toBe(String(got.bytes.length));
      },
    );

    test('compressed goes on without its coding', async () => {
      const port = await behind(express.urlencoded({ extended: true }));
      const headers = { ...FORM_TYPE, 'content-encoding': 'gzip' };
      const got = gotBy(await send(port, { headers, body: gzipSync('a=1') }));
      expect([got.body, got.length, got.encoding]).toEqual(['a=1', '3', undefined]);
    });

    test('goes on unchanged where `verify` keeps req.rawBody', async () => {
      const port = await behind(express.urlencoded({ extended: true, verify: keepRaw }));
      expect(gotBy(await send(port, { headers: FORM_TYPE, body: 'b=2&a=%7e&b[]=3' })).body).toBe('b=2&a=%7e&b[]=3');
    });
  });

  describe('by express.text() and express.raw()', () => {
    test.each([
      ['', Buffer.from('caf\u00e9'), 'text/plain'],
      ['; charset=utf-8', Buffer.from('caf\u00e9'), 'text/plain; charset=utf-8'],
      [
        '; charset="iso-8859-1"; format=flowed',
        Buffer.from('caf\u00e9', 'latin1'),
        'text/plain; charset=utf-8; format=flowed',
      ],
    ])('text%s goes on as UTF-8, and says so', async (parameters, body, type) => {
      const headers = { 'content-type': `text/plain${parameters}` };
      const got = gotBy(await send(await behind(express.text()), { headers, body }));
      expect([got.body, got.length, got.type]).toEqual(['caf\u00e9', '5', type]);
    });

    test.each([
      ['as it is', undefined],
      ['compressed', 'gzip'],
    ])('bytes go on (%s)', async (_name, coding) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const headers: Record<string, string> = { 'content-type': 'application/octet-stream' };
      if (coding !== undefined) headers['content-encoding'] = coding;
      const body = coding === undefined ? bytes : gzipSync(bytes);
      const got = gotBy(await send(await behind(express.raw()), { headers, body }));
      expect([got.base64, got.length, got.encoding]).toEqual([bytes.toString('base64'), '256', undefined]);
    });
  });

  describe('by something else', () => {
    const swallow: Layer = (req, _res, next) => {
      req.resume().on('end', () => {
        req.body = { field: 'of the form' };
        (req as { file?: unknown }).file = { size: 3 };
        next();
      });
    };

    test('multipart is refused at once, with the parser named', async () => {
      const headers = { 'content-type': 'multipart/form-data; boundary=b' };
      const body = '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n';
      expectConsumed(await send(await behind(swallow), { headers, body }), /multipart parser such as multer/);
    });

    test('a type that cannot be written anew is refused at once, with the type named', async () => {
      const headers = { 'content-type': 'application/xml' };
      expectConsumed(await send(await behind(swallow), { headers, body: '<a/>' }), /application\/xml/);
    });

    test('a body without a type is refused at once', async () => {
      expectConsumed(await send(await behind(swallow), { body: 'abc' }), /without a type/);
    });

    test('a body that was read and not parsed is refused at once', async () => {
      const port = await behind((req, _res, next) => {
        req.resume().on('end', () => {
          next();
        });
      });
      expectConsumed(
        await send(port, { headers: JSON_TYPE, body: '{"a":1}' }),
        /JSON parser such as express\.json\(\)/,
      );
    });

    test('a body that was half read is refused at once, not waited for', async () => {
      const port = await behind((req, _res, next) => {
        req.once('data', () => {
          req.pause();
          next();
        });
      });
      const headers = { 'content-type': 'text/plain' };
      expectConsumed(await send(port, { headers, body: 'x'.repeat(300_000) }), /text\/plain/);
    });

    test('the empty object that a parser leaves in passing is not taken for the body that another has eaten', async () => {
      const port = await behind(express.urlencoded({ extended: true }), (req, _res, next) => {
        // Express 4 has left {} here, Express 5 nothing; the middleware keeps what it reads to itself.
        req.resume().on('end', () => {
          next();
        });
      });
      expectConsumed(await send(port, { headers: JSON_TYPE, body: '{"amount":100}' }), /JSON parser/);
    });
  });

  describe('by nobody', () => {
    test('a parser of other types leaves the body to be streamed', async () => {
      const port = await behind(express.json(), express.urlencoded({ extended: true }));
      const headers = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
      const body = gzipSync('a,b');
      const got = gotBy(await send(port, { headers, body: [body.subarray(0, 5), body.subarray(5)] }));
      expect(got).toMatchObject({ base64: body.toString('base64'), chunked: true, encoding: 'gzip', type: 'text/csv' });
    });

    test('a GET without a body passes the parsers', async () => {
      const port = await behind(express.json(), express.urlencoded({ extended: true }));
      const response = await fetch(`http://127.0.0.1:${port}/x`);
      expect(gotBy({ status: response.status, text: await response.text() })).toMatchObject({
        method: 'GET',
        body: '',
      });
    });
  });
});

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('a body that was eaten in %s', { timeout: TIMEOUT_MS }, (_version, Host) => {
  async function behind(...layers: Koa.Middleware[]): Promise<number> {
    const middleware = onKoa.gateway(await configWithRecorder());
    closers.push(() => middleware.close({ timeoutMs: 0 }));
    const app = new Host();
    app.silent = true;
    for (const layer of layers) app.use(layer);
    app.use(middleware);
    const handle = app.callback();
    return run((req, res) => void handle(req, res));
  }

  test('koa-bodyparser keeps the text of JSON, and it goes on unchanged', async () => {
    const got = gotBy(await send(await behind(koaBodyParser()), { headers: JSON_TYPE, body: AWKWARD }));
    expect([got.body, got.length, got.chunked]).toEqual([AWKWARD, String(Buffer.byteLength(AWKWARD)), false]);
  });

  test('koa-bodyparser keeps the text of a form, and it goes on unchanged', async () => {
    const form = 'a[]=only&b=%7e&c=two+words';
    const got = gotBy(await send(await behind(koaBodyParser()), { headers: FORM_TYPE, body: form }));
    expect([got.body, got.length]).toEqual([form, String(form.length)]);
  });

  test('koa-bodyparser and gzip: goes on without the coding', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    const got = gotBy(await send(await behind(koaBodyParser()), { headers, body: gzipSync('{"a": 1}') }));
    expect([got.body, got.length, got.encoding]).toEqual(['{"a": 1}', '8', undefined]);
  });

  test('koa-bodyparser and no bytes: goes on as no bytes', async () => {
    const got = gotBy(await send(await behind(koaBodyParser()), { headers: JSON_TYPE, body: [] }));
    expect(got.body).toBe('');
  });

  test('koa-bodyparser with DELETE goes on', async () => {
    const port = await behind(koaBodyParser());
    const got = gotBy(await send(port, { method: 'DELETE', headers: JSON_TYPE, body: '{"a":1}' }));
    expect([got.method, got.body]).toEqual(['DELETE', '{"a":1}']);
  });

  test('koa-bodyparser leaves other types to be streamed', async () => {
    const headers = { 'content-type': 'text/csv' };
    const got = gotBy(await send(await behind(koaBodyParser()), { headers, body: ['a,', 'b'] }));
    expect([got.body, got.chunked]).toEqual(['a,b', true]);
  });

  test('a parser that keeps only what it parsed: goes on as equal JSON', async () => {
    const port = await behind(async (ctx, next) => {
      const chunks: Buffer[] = [];
      for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
      (ctx.request as { body?: unknown }).body = JSON.parse(Buffer.concat(chunks).toString());
      await next();
    });
    const got = gotBy(await send(port, { headers: JSON_TYPE, body: '{ "a": [1, 2] }' }));
    expect([got.body, got.length]).toEqual(['{"a":[1,2]}', '11']);
  });

  test('a parser that keeps nothing: refused at once', async () => {
    const port = await behind(async (ctx, next) => {
      await new Promise((resolve) => ctx.req.resume().once('end', resolve));
      await next();
    });
    expectConsumed(
      await send(port, { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: 'x' }),
      /multer/,
    );
  });

  test('a half read body: refused at once', async () => {
    const port = await behind(async (ctx, next) => {
      await new Promise((resolve) => ctx.req.once('data', resolve));
      ctx.req.pause();
      await next();
    });
    expectConsumed(
      await send(port, { headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(300_000) }),
      /text\/plain/,
    );
  });
});
