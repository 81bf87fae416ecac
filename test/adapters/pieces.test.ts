import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import express5 from 'express';
import express4 from 'express4';
import Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { toExpress, type ListenerOptions } from '../../src/adapters/express.js';
import { toKoa } from '../../src/adapters/koa.js';
import { toNode } from '../../src/adapters/node/index.js';
import { bodyLimit } from '../../src/body-limit/index.js';
import { concurrency } from '../../src/concurrency/index.js';
import { after } from '../../src/core/after.js';
import type { Middleware } from '../../src/core/types.js';
import { accessLog } from '../../src/logger/index.js';
import { proxy, type ProxyOptions } from '../../src/proxy/index.js';
import { rateLimit } from '../../src/rate-limiter/index.js';
import { requestId } from '../../src/request-id/index.js';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { requestText, upstream, type Echo, type UpstreamHandler } from '../support/upstream.js';

/** Koa 2 has no types of its own here; what the tests use is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

const TIMEOUT_MS = 2_000;
const SOON = { withinMs: 1_200 };
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function run(app: RequestListener): Promise<string> {
  const server = await listen(createServer(app));
  closers.push(() => server.close());
  return server.url;
}

async function proxyTo(handler?: UpstreamHandler, options: Partial<ProxyOptions> = {}): Promise<Middleware> {
  const running = await upstream(handler);
  closers.push(() => running.close());
  const forward = proxy({ target: running.url, ...options });
  closers.push(() => forward.close());
  return forward;
}

/** The app's own answer behind the pieces: 203, a field, and the body that it got. */
function appAnswer(req: IncomingMessage, res: ServerResponse): void {
  void requestText(req).then((body) => {
    res.writeHead(203, { 'x-app': 'yes', 'content-type': 'text/plain' }).end(`app got ${body}`);
  });
}

/** A host with one piece mounted ahead of {@link appAnswer}. */
type HostWith = (middleware: Middleware, options?: ListenerOptions) => RequestListener;

const inExpress =
  (express: typeof express5): HostWith =>
  (middleware, options) =>
    express().use(toExpress(middleware, options), appAnswer);

const inKoa =
  (Host: typeof Koa): HostWith =>
  (middleware, options) => {
    const app = new Host();
    app.silent = true;
    app.use(toKoa(middleware, options)).use(async (ctx) => {
      ctx.status = 203;
      ctx.set({ 'x-app': 'yes' });
      ctx.body = `app got ${await requestText(ctx.req)}`;
    });
    const handle = app.callback();
    return (req, res) => void handle(req, res);
  };

const HOSTS: readonly [string, HostWith][] = [
  ['Express 5', inExpress(express5)],
  // What the tests use is the same in both; the types are not.
  ['Express 4', inExpress(express4 as unknown as typeof express5)],
  ['Koa 3', inKoa(Koa)],
  ['Koa 2', inKoa(Koa2)],
  [
    'a connect-like host',
    (middleware, options) => {
      const listener = toNode(middleware, options);
      return (req, res) => {
        listener(req, res, () => {
          appAnswer(req, res);
        });
      };
    },
  ],
];

async function expectProblem(response: Response, status: number, code: string): Promise<string> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const text = await response.text();
  expect((JSON.parse(text) as { code: string }).code).toBe(code);
  return text;
}

const forgets = (() => undefined) as unknown as Middleware;

const FAULTY: readonly [string, Middleware][] = [
  [
    'throws',
    () => {
      throw new Error('the password is hunter2');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the password is hunter2'))],
  [
    'throws what is no error',
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- users do
      throw 'the password is hunter2';
    },
  ],
  ['returns undefined', forgets],
  ['resolves to undefined', (() => Promise.resolve()) as unknown as Middleware],
  ['returns a status that is none', () => ({ status: 42, headers: {}, body: 'hunter2' })],
];

describe.each(HOSTS)('one piece in %s', { timeout: TIMEOUT_MS }, (_name, host) => {
  test("requestId() puts its field on the app's own answer", async () => {
    const url = await run(host(requestId()));
    const response = await fetch(url, { method: 'POST', headers: { 'x-request-id': 'of-the-client' }, body: 'text' });
    expect([response.status, await response.text()]).toEqual([203, 'app got text']);
    expect(response.headers.get('x-request-id')).toBe('of-the-client');
    expect(response.headers.get('x-app')).toBe('yes');
  });

  test('bodyLimit() refuses a body over its limit and lets one at it through', async () => {
    const url = await run(host(bodyLimit(10)));
    const over = await fetch(url, { method: 'POST', body: '12345678901' });
    await expectProblem(over, 413, 'ERR_GATEWAY_BODY_TOO_LARGE');
    expect(over.headers.get('x-app')).toBeNull();
    const at = await fetch(url, { method: 'POST', body: '1234567890' });
    expect([at.status, await at.text()]).toEqual([203, 'app got 1234567890']);
  });

  test('bodyLimit() refuses a body that does not tell its length, since it cannot count what the app reads', async () => {
    const url = await run(host(bodyLimit(10)));
    const chunks = ReadableStream.from([Buffer.from('123456'), Buffer.from('789012')]);
    const response = await fetch(url, { method: 'POST', body: chunks, duplex: 'half' });
    await expectProblem(response, 411, 'ERR_GATEWAY_LENGTH_REQUIRED');
  });

  test("rateLimit() puts its fields on the app's own answers, and refuses in its place", async () => {
    const url = await run(host(rateLimit({ limit: 1, windowMs: 60_000, name: 'piece' })));
    const passed = await fetch(url);
    expect([passed.status, passed.headers.get('ratelimit')]).toEqual([203, '"piece";r=0;t=60']);
    const refused = await fetch(url);
    await expectProblem(refused, 429, 'ERR_GATEWAY_RATE_LIMITED');
    expect(refused.headers.get('x-app')).toBeNull();
    expect(refused.headers.get('retry-after')).toMatch(/^(?:59|60)$/);
  });

  test('rateLimit() by a field of a body that nobody has parsed says where it belongs', async () => {
    const url = await run(host(rateLimit({ limit: 9, windowMs: 60_000, key: { body: 'email' } })));
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: '{"email":"ada@example.test"}' });
    await expectProblem(response, 500, 'ERR_GATEWAY_BODY_CONSUMED');
    expect((await fetch(url)).status).toBe(203);
  });

  test('concurrency() frees the place of an answer that the app gives', async () => {
    const url = await run(host(concurrency({ limit: 1 })));
    for (let call = 0; call < 3; call++) expect((await fetch(url)).status).toBe(203);
  });

  test('proxy() answers in place of the app', async () => {
    const url = await run(host(await proxyTo()));
    const response = await fetch(`${url}/a/b?c`, { method: 'POST', body: 'text' });
    const { method, url: asked, body } = (await response.json()) as Echo;
    expect([method, asked, body]).toEqual(['POST', '/a/b?c', 'text']);
    expect(response.headers.get('x-app')).toBeNull();
  });

  test('proxy() with an upstream that is gone is 502', async () => {
    const forward = await proxyTo((request) => request.socket.destroy());
    await expectProblem(await fetch(await run(host(forward))), 502, 'ERR_GATEWAY_UPSTREAM_RESET');
  });

  test('proxy() streams, and an upstream that breaks off is no clean end', async () => {
    const forward = await proxyTo((request, response) => {
      response.writeHead(200).write('half', () => request.socket.resetAndDestroy());
    });
    const response = await fetch(await run(host(forward)));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  test("accessLog() tells the status of the app's own answer, once", async () => {
    const lines: string[] = [];
    const url = await run(host(accessLog({ sink: (line) => lines.push(line) })));
    await (await fetch(`${url}/path`)).text();
    await eventually(() => lines.length > 0, SOON);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ status: 203, path: '/path' }]);
  });

  test('a hand-made piece adds fields to the answer that comes, cookies apart', async () => {
    const adds: Middleware = (ctx, next) =>
      after(next, ctx, (response) => {
        response.headers['x-piece'] = 'yes';
        response.headers['set-cookie'] = ['a=1', 'b=2'];
        return response;
      });
    const response = await fetch(await run(host(adds)));
    expect([response.status, response.headers.get('x-piece')]).toEqual([203, 'yes']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  test('a hand-made piece that waits does so too', async () => {
    const waits: Middleware = async (ctx, next) => {
      await Promise.resolve();
      const response = await next(ctx);
      response.headers['x-piece'] = 'yes';
      return response;
    };
    const response = await fetch(await run(host(waits)), { method: 'POST', body: 'text' });
    expect([response.headers.get('x-piece'), await response.text()]).toEqual(['yes', 'app got text']);
  });

  test('a hand-made piece that returns a changed copy does so too', async () => {
    const copies: Middleware = async (ctx, next) => {
      const response = await next(ctx);
      return { ...response, headers: { ...response.headers, 'x-piece': 'yes' } };
    };
    const response = await fetch(await run(host(copies)), { method: 'POST', body: 'text' });
    expect([response.headers.get('x-piece'), await response.text()]).toEqual(['yes', 'app got text']);
  });

  test('a hand-made piece refuses', async () => {
    const refuses: Middleware = () => ({ status: 403, headers: { 'x-why': 'because' }, body: 'no' });
    const response = await fetch(await run(host(refuses)));
    expect([response.status, response.headers.get('x-why'), await response.text()]).toEqual([403, 'because', 'no']);
    expect(response.headers.get('x-app')).toBeNull();
  });

  test.each(FAULTY)('a hand-made piece that %s is 500 and tells nothing', async (_fault, middleware) => {
    const text = await expectProblem(await fetch(await run(host(middleware))), 500, 'ERR_GATEWAY_INTERNAL');
    expect(text).not.toContain('hunter2');
    expect(text).not.toMatch(/\bat .*:\d+/);
  });

  test.each(FAULTY.slice(0, 2))(
    'a piece that %s after next has refused keeps the app out',
    async (_fault, middleware) => {
      const first: Middleware = (ctx, next) => after(middleware as never, ctx, () => next(ctx));
      const response = await fetch(await run(host(first)));
      expect(response.headers.get('x-app')).toBeNull();
      await expectProblem(response, 500, 'ERR_GATEWAY_INTERNAL');
    },
  );

  test('a field that HTTP cannot carry is left out, and the answer still goes', async () => {
    const breaks: Middleware = (ctx, next) =>
      after(next, ctx, (response) => {
        response.headers['x-broken'] = 'a\r\nx-smuggled: 1';
        response.headers['x-piece'] = 'yes';
        return response;
      });
    const response = await fetch(await run(host(breaks)));
    expect([response.status, response.headers.get('x-piece')]).toEqual([203, 'yes']);
    expect([response.headers.get('x-broken'), response.headers.get('x-smuggled')]).toEqual([null, null]);
  });

  test('a malformed request is refused before the piece sees it', async () => {
    let seen = 0;
    const counts: Middleware = (ctx, next) => {
      seen++;
      return next(ctx);
    };
    const response = await fetch(`${await run(host(counts))}/%zz`);
    await expectProblem(response, 400, 'ERR_GATEWAY_REQUEST_MALFORMED');
    expect(seen).toBe(0);
  });

  test('`trustProxy` decides on the client', async () => {
    const tells: Middleware = ({ request }) => ({ status: 200, headers: {}, body: request.clientIp });
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const trusting = await fetch(await run(host(tells, { trustProxy: 1 })), { headers });
    const careful = await fetch(await run(host(tells)), { headers });
    expect([await trusting.text(), await careful.text()]).toEqual(['192.0.2.1', '127.0.0.1']);
  });
});

describe('one piece in node:http, with nothing behind it', { timeout: TIMEOUT_MS }, () => {
  test('what it lets pass is 404, with its fields', async () => {
    const response = await fetch(await run(toNode(requestId())));
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    await expectProblem(response, 404, 'ERR_GATEWAY_ROUTE_NOT_FOUND');
  });

  test('what it refuses, it refuses', async () => {
    const response = await fetch(await run(toNode(bodyLimit(1))), { method: 'POST', body: 'ab' });
    await expectProblem(response, 413, 'ERR_GATEWAY_BODY_TOO_LARGE');
  });

  test('a proxy is a whole server', async () => {
    const url = await run(toNode(await proxyTo()));
    expect(((await (await fetch(`${url}/a?b`)).json()) as Echo).url).toBe('/a?b');
  });

  test.each(FAULTY)('a piece that %s is 500 and tells nothing', async (_fault, middleware) => {
    const text = await expectProblem(await fetch(await run(toNode(middleware))), 500, 'ERR_GATEWAY_INTERNAL');
    expect(text).not.toContain('hunter2');
  });
});
