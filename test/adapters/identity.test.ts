/** Who is calling, as the app's own handlers behind a piece get to know it. */
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import express5, { type Request } from 'express';
import express4 from 'express4';
import Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { gateway as inExpress, toExpress } from '../../src/adapters/express.js';
import { gateway as inKoa, toKoa } from '../../src/adapters/koa.js';
import { apiKey, authenticate, authorize, jwt, type AuthenticateOptions } from '../../src/auth/index.js';
import type { Identity, Middleware } from '../../src/core/types.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { requestHeaders } from '../../src/proxy/request-headers.js';
import { SECRET, tokenOf } from '../auth/jwt/support.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';

/** Koa 2 has no types of its own here; what the tests use is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

const KEY = 'shop-2f1c9a7e5b3d4860';
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What a handler of the app finds; `has` tells a user that is not there from one that is `undefined`. */
interface Found {
  readonly has: boolean;
  readonly user: unknown;
}

/** An app with a middleware ahead of one handler that takes down whom it finds. */
interface App {
  readonly url: string;
  readonly found: readonly Found[];
}

interface Host {
  /** @param earlier Whom another middleware of the app has found before. */
  mount(middleware: Middleware, earlier?: object): Promise<App>;
  mountGateway(config: GatewayConfig, earlier?: object): Promise<App>;
}

async function run(listener: RequestListener, found: readonly Found[]): Promise<App> {
  const server = await listen(createServer(listener));
  closers.push(() => server.close());
  return { url: server.url, found };
}

function expressHost(express: typeof express5): Host {
  function app(own: RequestListener, earlier?: object): Promise<App> {
    const found: Found[] = [];
    const listener = express()
      .use((req, _res, next) => {
        if (earlier !== undefined) (req as Request & { user?: object }).user = earlier;
        next();
      })
      .use(own)
      .use((req, res) => {
        found.push({ has: 'user' in req, user: (req as Request & { user?: unknown }).user });
        res.send('app');
      });
    return run(listener as RequestListener, found);
  }
  return {
    mount: (middleware, earlier) => app(toExpress(middleware), earlier),
    mountGateway(config, earlier) {
      const mounted = inExpress({ accessLog: false, ...config });
      closers.push(() => mounted.close({ timeoutMs: 0 }));
      return app(mounted, earlier);
    },
  };
}

function koaHost(Application: typeof Koa): Host {
  function app(own: ReturnType<typeof toKoa>, earlier?: object): Promise<App> {
    const found: Found[] = [];
    const koa = new Application()
      .use(async (ctx, next) => {
        if (earlier !== undefined) ctx.state.user = earlier;
        await next();
      })
      .use(own)
      .use((ctx) => {
        found.push({ has: 'user' in ctx.state, user: ctx.state.user as unknown });
        ctx.body = 'app';
      });
    const handle = koa.callback();
    return run((req, res) => void handle(req, res), found);
  }
  return {
    mount: (middleware, earlier) => app(toKoa(middleware), earlier),
    mountGateway(config, earlier) {
      const mounted = inKoa({ accessLog: false, ...config });
      closers.push(() => mounted.close({ timeoutMs: 0 }));
      return app(mounted, earlier);
    },
  };
}

const strategies = [
  apiKey({ consumers: [{ id: 'shop', keys: [KEY], roles: ['reader'] }] }),
  jwt({ secret: SECRET, clock: new FakeClock() }),
];

/** Two pieces as one. */
function both(outer: Middleware, inner: Middleware): Middleware {
  return (ctx, next) => outer(ctx, (again) => inner(again, next));
}

function identify(options: Partial<AuthenticateOptions> = {}): Middleware {
  return authenticate({ strategies, ...options });
}

describe.each<[string, Host]>([
  ['req.user in Express 5', expressHost(express5)],
  // What the tests use is the same in both; the types are not.
  ['req.user in Express 4', expressHost(express4 as unknown as typeof express5)],
  ['ctx.state.user in Koa 3', koaHost(Koa)],
  ['ctx.state.user in Koa 2', koaHost(Koa2)],
])('%s', (_name, host) => {
  test('is who has been proven to call', async () => {
    const { url, found } = await host.mount(identify());
    const answers = [
      await fetch(url, { headers: { 'x-api-key': KEY } }),
      await fetch(url, { headers: { authorization: `Bearer ${tokenOf({ scope: 'a b', email: 'ada@shop.test' })}` } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(found).toMatchObject([
      { user: { id: 'shop', scheme: 'api-key', roles: ['reader'], consumer: 'shop' } },
      { user: { id: 'u1', scheme: 'jwt', scopes: ['a', 'b'], claims: { email: 'ada@shop.test' } } },
    ]);
  });

  test('cannot be changed for the next request with the same credentials', async () => {
    const { url, found } = await host.mount(identify());
    await fetch(url, { headers: { 'x-api-key': KEY } });
    const user = found[0]?.user as Identity;
    for (const value of [user, user.roles, user.claims, user.scopes]) expect(Object.isFrozen(value)).toBe(true);
  });

  test('is who has been found late', async () => {
    const lookup = (): Promise<{ id: string }> => Promise.resolve({ id: 'late' });
    const { url, found } = await host.mount(identify({ strategies: [apiKey({ lookup })] }));
    expect((await fetch(url, { headers: { 'x-api-key': KEY } })).status).toBe(200);
    expect(found).toMatchObject([{ user: { id: 'late' } }]);
  });

  test('is not there where nobody has to say who he is, and nobody does', async () => {
    const { url, found } = await host.mount(identify({ mode: 'optional' }));
    const claimed = { 'x-user-id': 'admin', user: 'admin', cookie: 'user=admin' };
    expect((await fetch(url, { headers: claimed })).status).toBe(200);
    expect(found).toEqual([{ has: false, user: undefined }]);
  });

  test('is left as another middleware has set it where nobody is proven here', async () => {
    const earlier = { name: 'passport' };
    const { url, found } = await host.mount(identify({ mode: 'optional' }), earlier);
    await fetch(url);
    await fetch(url, { headers: { 'x-api-key': KEY } });
    expect(found).toMatchObject([{ user: earlier }, { user: { id: 'shop' } }]);
  });

  test.each([
    ['no credentials', {}],
    ['a key that is unknown', { 'x-api-key': 'shop-unknown' }],
    ['a token that is forged', { authorization: `Bearer ${tokenOf({}, 'a secret of somebody else, of 45 bytes..')}` }],
  ])('is nobody with %s: the app is not asked, and the answer is 401', async (what, headers) => {
    for (const mode of ['required', 'optional'] as const) {
      const { url, found } = await host.mount(identify({ mode }));
      const response = await fetch(url, { headers });
      const passes = mode === 'optional' && what === 'no credentials';
      expect([response.status, found.length]).toEqual(passes ? [200, 1] : [401, 0]);
      if (passes) continue;
      expect(response.headers.get('www-authenticate')).toMatch(/^ApiKey realm="api", Bearer realm="api"/);
      expect(await response.json()).toMatchObject({
        status: 401,
        code: expect.stringMatching(/CREDENTIALS/) as string,
      });
    }
  });

  test('is left alone by a gateway that has no route for the request', async () => {
    const earlier = { name: 'passport' };
    const routes = [{ path: '/api', respond: { body: 'gateway' }, auth: { strategies } }];
    const { url, found } = await host.mountGateway({ routes }, earlier);
    expect(await (await fetch(`${url}/api`, { headers: { 'x-api-key': KEY } })).text()).toBe('gateway');
    expect((await fetch(`${url}/api`)).status).toBe(401);
    expect(await (await fetch(`${url}/own`, { headers: { 'x-api-key': KEY } })).text()).toBe('app');
    expect(found).toEqual([{ has: true, user: earlier }]);
  });
});

describe.each(['Express', 'Koa'])('pieces of one app in %s', (name) => {
  const upstreamFields: Middleware = (ctx) => {
    const lines = requestHeaders(ctx, { host: '', defaultContentType: undefined });
    return { status: 200, headers: {}, body: JSON.stringify(lines) };
  };

  function chain(...middlewares: readonly Middleware[]): Promise<App> {
    if (name === 'Koa') {
      const koa = new Koa();
      for (const middleware of middlewares) koa.use(toKoa(middleware));
      const handle = koa.callback();
      return run((req, res) => void handle(req, res), []);
    }
    const app = express5();
    for (const middleware of middlewares) app.use(toExpress(middleware));
    return run(app as RequestListener, []);
  }

  test('that are mounted one behind the other know whom the first has proven to call', async () => {
    const { url } = await chain(identify(), authorize({ roles: ['reader'] }), upstreamFields);
    const forged = { 'x-user-id': 'root', 'x-consumer-id': 'root' };
    const known = await fetch(url, { headers: { 'x-api-key': KEY, ...forged } });
    const lines = (await known.json()) as string[];
    expect(lines.slice(lines.indexOf('x-user-id'), lines.indexOf('x-user-id') + 2)).toEqual(['x-user-id', 'shop']);
    expect(lines).not.toContain('root');
    const token = await fetch(url, { headers: { authorization: `Bearer ${tokenOf()}` } });
    expect([token.status, (await fetch(url)).status]).toEqual([403, 401]);
  });

  test('tell the upstream of him where one of them has changed something else of the request', async () => {
    const drafting: Middleware = (ctx, next) => {
      ctx.draft().headers['x-changed'] = 'yes';
      return next(ctx);
    };
    const { url } = await chain(both(drafting, identify()), upstreamFields);
    const lines = (await (await fetch(url, { headers: { 'x-api-key': KEY } })).json()) as string[];
    expect(lines).toContain('x-user-id');
  });

  test('know nobody from a request before, on the same connection', async () => {
    const { url } = await chain(identify({ mode: 'optional' }), upstreamFields);
    const [first, second] = [await fetch(url, { headers: { 'x-api-key': KEY } }), await fetch(url)];
    expect(await first.text()).toContain('x-user-id');
    expect(await second.text()).not.toContain('x-user-id');
  });
});
