import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { Readable, Transform } from 'node:stream';
import Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { gateway, type KoaGateway } from '../../src/adapters/koa.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { answerJson, echo, requestText, upstream } from '../support/upstream.js';
import type { Echo, Upstream, UpstreamHandler } from '../support/upstream.js';

/** Koa 2 has no types of its own here; what the tests use is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

const TIMEOUT_MS = 2_000;
const SOON = { withinMs: 1_200 };
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Each `use` gives an app another type; what matters is that it listens. */
async function run(app: Pick<Koa, 'callback'>): Promise<string> {
  const server = await listen(createServer(app.callback() as RequestListener));
  closers.push(() => server.close());
  return server.url;
}

async function service(handler?: UpstreamHandler): Promise<Upstream> {
  const running = await upstream(handler);
  closers.push(() => running.close());
  return running;
}

function mount(config: GatewayConfig): KoaGateway {
  const middleware = gateway({ accessLog: false, ...config });
  closers.push(() => middleware.close({ timeoutMs: 0 }));
  return middleware;
}

async function echoOf(response: Response): Promise<Echo> {
  return (await response.json()) as Echo;
}

/** As koa-mount: a prefix is taken off the path on the way in and put back on the way out. */
function under(prefix: string, middleware: Koa.Middleware): Koa.Middleware {
  return async function mounted(ctx, next) {
    const { path } = ctx;
    if (path !== prefix && !path.startsWith(`${prefix}/`)) {
      await next();
      return;
    }
    const inner = path.slice(prefix.length) || '/';
    ctx.path = inner;
    await middleware(ctx, async () => {
      ctx.path = path;
      await next();
      ctx.path = inner;
    });
    ctx.path = path;
  };
}

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('the adapter in %s', { timeout: TIMEOUT_MS }, (_version, Host) => {
  function quiet(): Koa {
    const app = new Host();
    app.silent = true;
    return app;
  }

  describe('where it is mounted', () => {
    test('a route matches the full original path, whatever a mount made of it', async () => {
      const { url: target } = await service();
      const app = quiet().use(under('/api', mount({ routes: [{ path: '/api/users', target, stripPrefix: false }] })));
      expect((await echoOf(await fetch(`${await run(app)}/api/users/1?q=a%20b`))).url).toBe('/api/users/1?q=a%20b');
    });

    test('a path that matches only below the mount is not taken', async () => {
      const app = quiet().use(under('/api', mount({ routes: [{ path: '/users', respond: { body: 'gateway' } }] })));
      app.use((ctx) => {
        ctx.body = `app at ${ctx.path}`;
      });
      expect(await (await fetch(`${await run(app)}/api/users`)).text()).toBe('app at /api/users');
    });

    test('a request without a route reaches the next middleware with its body unread', async () => {
      const { url: target, requests } = await service();
      const app = quiet().use(mount({ routes: [{ path: '/api', target }] }));
      app.use(async (ctx) => {
        ctx.body = { got: await requestText(ctx.req), listeners: ctx.res.listenerCount('close') };
      });
      const response = await fetch(`${await run(app)}/other`, { method: 'POST', body: 'unread' });
      expect(await response.json()).toMatchObject({ got: 'unread' });
      expect(response.headers.get('x-request-id')).toBeNull();
      expect(requests).toHaveLength(0);
    });

    test("a request that nobody takes is Koa's own 404", async () => {
      const app = quiet().use(mount({ routes: [{ path: '/api', respond: { body: 'x' } }] }));
      const response = await fetch(`${await run(app)}/other`);
      expect([response.status, await response.text()]).toEqual([404, 'Not Found']);
    });

    test('of several gateways the first that has a route answers', async () => {
      const one = await service((_request, response) => answerJson(response, 200, 'one'));
      const two = await service((_request, response) => answerJson(response, 200, 'two'));
      const app = quiet().use(mount({ routes: [{ path: '/a', target: one.url }] }));
      app.use(
        mount({
          routes: [
            { path: '/a', target: two.url },
            { path: '/b', target: two.url },
          ],
        }),
      );
      app.use((ctx) => {
        ctx.body = '"app"';
      });
      const url = await run(app);
      const answers = await Promise.all(['/a', '/b', '/c'].map(async (path) => (await fetch(url + path)).json()));
      expect(answers).toEqual(['one', 'two', 'app']);
    });
  });

  describe('`app.proxy`', () => {
    const FORWARDED = { 'x-forwarded-for': '192.0.2.1, 10.0.0.9', 'x-forwarded-proto': 'https', 'x-real-ip': 'forged' };

    async function seenBy(options: object, config: Partial<GatewayConfig> = {}): Promise<Record<string, unknown>> {
      const { url: target } = await service();
      const app = new Host(options);
      let own = {};
      app.use((ctx, next) => {
        own = { ip: ctx.ip.replace('::ffff:', ''), protocol: ctx.protocol };
        return next();
      });
      app.use(mount({ routes: [{ path: '/', target }], ...config }));
      const { headers } = await echoOf(await fetch(await run(app), { headers: FORWARDED }));
      return { ip: headers['x-real-ip'], protocol: headers['x-forwarded-proto'], own };
    }

    test.each([
      ['off', {}, '127.0.0.1', 'http'],
      ['on', { proxy: true }, '192.0.2.1', 'https'],
      ['on, one address at most', { proxy: true, maxIpsCount: 1 }, '10.0.0.9', 'https'],
      ['on, two addresses at most', { proxy: true, maxIpsCount: 2 }, '192.0.2.1', 'https'],
    ])('%s: the gateway and Koa agree on the client', async (_name, options, ip, protocol) => {
      expect(await seenBy(options)).toEqual({ ip, protocol, own: { ip, protocol } });
    });

    test("the config's trustProxy is stronger, in both directions", async () => {
      expect(await seenBy({ proxy: true }, { trustProxy: false })).toMatchObject({ ip: '127.0.0.1', protocol: 'http' });
      expect(await seenBy({}, { trustProxy: 1 })).toMatchObject({ ip: '10.0.0.9', protocol: 'https' });
    });
  });

  describe('the onion', () => {
    test('a middleware outside sees status, fields and body', async () => {
      const { url: target } = await service((_request, response) => {
        response.writeHead(203, { 'x-upstream': 'yes', 'content-type': 'text/css' }).end('body');
      });
      const seen: unknown[] = [];
      const app = quiet().use(async (ctx, next) => {
        await next();
        seen.push(ctx.status, ctx.response.get('x-upstream'), ctx.type, ctx.body instanceof Readable, ctx.headerSent);
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect(await response.text()).toBe('body');
      expect(seen).toEqual([203, 'yes', 'text/css', true, false]);
    });

    test('a middleware outside changes status and fields before they leave', async () => {
      const { url: target } = await service();
      const app = quiet().use(async (ctx, next) => {
        await next();
        ctx.status = 202;
        ctx.set('x-time', '1');
        ctx.remove('content-type');
        ctx.append('x-request-id', 'more');
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect([response.status, response.headers.get('x-time')]).toEqual([202, '1']);
      expect(response.headers.get('content-type')).toBeNull();
      expect(response.headers.get('x-request-id')).toMatch(/, more$/);
      expect((await echoOf(response)).method).toBe('GET');
    });

    test.each([
      ['text', 'replaced', 'replaced'],
      ['an object', { replaced: true }, '{"replaced":true}'],
    ])('a middleware outside replaces the body with %s, and the upstream is let go', async (_name, body, text) => {
      let gone = false;
      const { url: target } = await service((_request, response) => {
        response.on('close', () => {
          gone = true;
        });
        response.writeHead(200, { 'content-length': '1000' }).write('the first part of many');
      });
      const app = quiet().use(async (ctx, next) => {
        await next();
        ctx.body = body;
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect(await response.text()).toBe(text);
      expect(response.headers.get('content-length')).toBe(String(text.length));
      await eventually(() => gone, SOON);
    });

    test('a middleware outside sends the body through a transform', async () => {
      const { url: target } = await service((_request, response) => response.end('abc'));
      const upper = (): Transform =>
        new Transform({
          transform(chunk: Buffer, _encoding, done) {
            done(null, chunk.toString().toUpperCase());
          },
        });
      const app = quiet().use(async (ctx, next) => {
        await next();
        ctx.remove('content-length');
        ctx.body = (ctx.body as Readable).pipe(upper());
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect(await response.text()).toBe('ABC');
    });

    test('a middleware outside turns the answer into one without a body', async () => {
      const { url: target } = await service();
      const app = quiet().use(async (ctx, next) => {
        await next();
        ctx.status = 204;
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect([response.status, await response.text()]).toEqual([204, '']);
    });

    test("the gateway's own failure is an answer like any other, not a throw", async () => {
      const { url: target } = await service((request) => request.socket.destroy());
      const seen: unknown[] = [];
      const app = quiet().use(async (ctx, next) => {
        try {
          await next();
          seen.push(ctx.status, ctx.response.get('content-type'));
        } catch (error) {
          seen.push(error);
        }
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect(((await response.json()) as { code: string }).code).toBe('ERR_GATEWAY_UPSTREAM_RESET');
      expect(seen).toEqual([502, 'application/problem+json; charset=utf-8']);
    });

    test('an error of a middleware behind the gateway stays its own', async () => {
      const app = quiet().use(mount({ routes: [{ path: '/api', respond: { body: 'x' } }] }));
      app.use((ctx) => ctx.throw(418, 'of the app'));
      const response = await fetch(`${await run(app)}/other`);
      expect([response.status, await response.text()]).toEqual([418, 'of the app']);
    });

    test('a middleware outside that throws after the answer gets its 500 out, and the upstream is let go', async () => {
      let gone = false;
      const { url: target } = await service((_request, response) => {
        response.on('close', () => {
          gone = true;
        });
        response.writeHead(200).write('the first part of many');
      });
      const app = quiet().use(async (_ctx, next) => {
        await next();
        throw new Error('of the app');
      });
      const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))));
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error']);
      await eventually(() => gone, SOON);
    });

    test('an answer without a type stays without one', async () => {
      const { url: target } = await service((_request, response) => response.end('<p>'));
      const response = await fetch(await run(quiet().use(mount({ routes: [{ path: '/', target }] }))));
      expect([response.headers.get('content-type'), await response.text()]).toEqual([null, '<p>']);
    });
  });

  describe('fields that the app has set before', () => {
    async function answer(before: Record<string, string | string[]>, after: UpstreamHandler): Promise<Headers> {
      const { url: target } = await service(after);
      const app = quiet().use((ctx, next) => {
        ctx.set(before);
        return next();
      });
      return (await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))))).headers;
    }

    test('survive', async () => {
      const headers = await answer({ 'Strict-Transport-Security': 'max-age=1' }, echo);
      expect(headers.get('strict-transport-security')).toBe('max-age=1');
      expect(headers.get('content-type')).toBe('application/json');
    });

    test("give way to the answer's own, and are not doubled", async () => {
      const headers = await answer({ 'X-Both': 'app', 'Content-Type': 'text/html' }, (_request, response) => {
        response.setHeader('x-both', 'upstream').setHeader('content-type', 'text/css').end('x');
      });
      expect([headers.get('x-both'), headers.get('content-type')]).toEqual(['upstream', 'text/css']);
    });

    test('cookies of the app stay beside those of the upstream', async () => {
      const headers = await answer({ 'Set-Cookie': ['session=1'] }, (_request, response) => {
        response.setHeader('set-cookie', ['a=1', 'b=2']).end('x');
      });
      expect(headers.getSetCookie().sort()).toEqual(['a=1', 'b=2', 'session=1']);
    });

    test('Vary names what the app varies by and what the upstream varies by', async () => {
      const headers = await answer({ Vary: 'Origin' }, (_request, response) => {
        response.setHeader('vary', 'Accept-Encoding').end('x');
      });
      const names = (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
      expect(names.sort()).toEqual(['accept-encoding', 'origin']);
    });
  });

  describe("the app's 'error' event", () => {
    test('tells of an upstream that fails amid its body, and the client sees no clean end', async () => {
      const { url: target } = await service((request, response) => {
        response.writeHead(200).write('half', () => request.socket.resetAndDestroy());
      });
      const errors: unknown[] = [];
      const app = quiet().use(mount({ routes: [{ path: '/', target }] }));
      app.on('error', (error) => errors.push(error));
      const response = await fetch(await run(app));
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow();
      await eventually(() => errors.length > 0, SOON);
      expect(errors[0]).toBeInstanceOf(Error);
    });

    test('says nothing of refusals', async () => {
      const errors: unknown[] = [];
      const app = quiet().use(mount({ routes: [{ path: '/a', methods: ['GET'], respond: { body: 'x' } }] }));
      app.on('error', (error) => errors.push(error));
      const response = await fetch(`${await run(app)}/a`, { method: 'POST', body: 'x' });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(errors).toEqual([]);
    });
  });

  test('HEAD has the fields of GET, and a middleware outside sees its status', async () => {
    const { url: target } = await service((request, response) => {
      response.writeHead(206, { 'content-length': '42', 'content-type': 'text/css', etag: '"1"' });
      response.end(request.method === 'HEAD' ? '' : 'x'.repeat(42));
    });
    const seen: unknown[] = [];
    const app = quiet().use(async (ctx, next) => {
      await next();
      seen.push(ctx.method, ctx.status, ctx.length);
    });
    const response = await fetch(await run(app.use(mount({ routes: [{ path: '/', target }] }))), { method: 'HEAD' });
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([206, '"1"', '']);
    expect([response.headers.get('content-length'), response.headers.get('content-type')]).toEqual(['42', 'text/css']);
    expect(seen).toEqual(['HEAD', 206, 42]);
  });
});
