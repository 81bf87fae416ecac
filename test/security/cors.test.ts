/** Whose pages may read the answers, as browsers ask and as attackers do. */
import { createServer, type RequestListener } from 'node:http';
import ownCors from 'cors';
import express5 from 'express';
import express4 from 'express4';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gateway as inExpress } from '../../src/adapters/express.js';
import { gateway as inKoa } from '../../src/adapters/koa.js';
import { unavailable, type AuthStrategy } from '../../src/auth/index.js';
import type { CorsOptions } from '../../src/cors/index.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayConfig, RouteConfig } from '../../src/gateway/index.js';
import { SECRET, tokenOf } from '../auth/jwt/support.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import { rawClient, type RawResponse } from '../support/raw-client.js';
import { rawUpstream, reply, type RawRequestHandler } from '../support/raw-upstream.js';
import { front, get, lines, MOUNTINGS, observe, type Front, type Observed } from './front.js';

const APP = 'https://app.example.com';
const LOCAL = 'http://localhost:3000';
const CORS: CorsOptions = { origin: [APP, LOCAL], credentials: true, exposedHeaders: ['X-Request-Id'] };

/** The fields of CORS, and those that caches go by, each line by itself. */
function corsLines(response: Pick<RawResponse, 'rawHeaders'> | undefined): string[] {
  return (response?.rawHeaders ?? [])
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => /^(?:vary|access-control-)/.test(line))
    .sort();
}

const ALLOWED = [
  'access-control-allow-credentials: true',
  `access-control-allow-origin: ${APP}`,
  'access-control-expose-headers: X-Request-Id',
  'vary: Origin',
];
const NOT_ALLOWED = ['vary: Origin'];

const PREFLIGHT_VARY = 'vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
const PREFLIGHT_ALLOWED = [
  'access-control-allow-credentials: true',
  'access-control-allow-headers: authorization,content-type',
  'access-control-allow-methods: GET,HEAD,PUT,PATCH,POST,DELETE',
  `access-control-allow-origin: ${APP}`,
  'access-control-expose-headers: X-Request-Id',
  'access-control-max-age: 86400',
  PREFLIGHT_VARY,
];

function preflight(path: string, origin = APP, ...fields: readonly string[]): string {
  const asked = ['Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: authorization,content-type'];
  return lines(`OPTIONS ${path} HTTP/1.1`, 'Host: gateway.test', `Origin: ${origin}`, ...asked, ...fields, '');
}

const silent: AuthStrategy = {
  name: 'silent',
  scheme: 'Bearer',
  sources: [],
  authenticate: () => unavailable('nobody can tell'),
};

const clock = new FakeClock();

/** Every way in which the gateway itself can answer, by path. */
function routesTo(target: string): RouteConfig[] {
  return [
    { path: '/alive', target },
    { path: '/open', target },
    { path: '/private', target, auth: { jwt: { secret: SECRET }, scopes: ['write'] } },
    { path: '/read', target, methods: ['GET'] },
    { path: '/small', target, maxBodyBytes: 4 },
    { path: '/limited', target, rateLimit: { limit: 1, windowMs: 60_000 } },
    { path: '/inside', target, ipFilter: { allow: ['10.0.0.0/8'] } },
    { path: '/unsure', target, auth: { strategies: [silent] } },
    { path: '/down', target: 'http://127.0.0.1:1' },
    { path: '/broken', target: 'http://127.0.0.1:1', circuitBreaker: { failureThreshold: 1 } },
    { path: '/slow', target, timeouts: { firstByteMs: 1_000 } },
    {
      path: '/throws',
      target,
      use: [
        () => {
          throw new Error('fault');
        },
      ],
    },
    { path: '/foreign', target },
  ];
}

/** An upstream that takes its time, or has an opinion of its own on CORS. */
const answer: RawRequestHandler = ({ url }, socket) => {
  if (url === '/slow') return;
  const opinion = {
    'access-control-allow-origin': '*',
    'Access-Control-Allow-Credentials': 'true',
    'access-control-allow-methods': 'DELETE',
    'access-control-allow-headers': '*',
    'access-control-expose-headers': 'X-Secret',
    'access-control-max-age': '1',
    'access-control-allow-private-network': 'true',
    vary: ['Accept-Encoding', 'origin'],
  };
  reply(socket, 200, url === '/foreign' ? opinion : {}, 'ok');
};

describe.each(MOUNTINGS)('cors, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(
      (target) => ({ clock, cors: CORS, defaults: { stripPrefix: false }, routes: routesTo(target) }),
      { mounting, onRequest: answer },
    );
  });
  afterAll(() => gateway.close());

  /** One answer, and not a byte at the upstream. */
  async function refused(data: string): Promise<Observed> {
    const observed = await observe(gateway, data);
    expect.soft(observed.bytes, 'bytes at the upstream').toBe('');
    return observed;
  }

  it('lets the pages of a listed origin read an answer', async () => {
    const { response } = await observe(gateway, get('/open', `Origin: ${APP}`));
    expect([response?.status, corsLines(response)]).toEqual([200, ALLOWED]);
  });

  it.each([
    'null',
    'https://evil-app.example.com',
    'https://evilapp.example.com',
    'https://app.example.com.evil.test',
    'https://app.example.comevil.test',
    'https://app.example.com@evil.test',
    'https://evil.test#https://app.example.com',
    'https://evil.test?https://app.example.com',
    'https://sub.app.example.com',
    'https://example.com',
    'https://appxexample.com',
    'http://app.example.com',
    'HTTPS://APP.EXAMPLE.COM',
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'https://app.example.com.',
    'https://app.example.com,https://evil.test',
    'https://app.example.com https://evil.test',
    'http://localhost',
    'http://localhost:30000',
    'https://localhost:3000',
    'http://127.0.0.1:3000',
    'file://',
    '*',
    '',
    '__proto__',
    'constructor',
    `https://${'a'.repeat(5_000)}.example.com`,
  ])('lets the pages of %j read nothing, and caches know that it depends on that', async (origin) => {
    const { response } = await observe(gateway, get('/open', `Origin: ${origin}`));
    expect([response?.status, corsLines(response)]).toEqual([200, NOT_ALLOWED]);
    const asked = await refused(preflight('/open', origin));
    expect([asked.response?.status, corsLines(asked.response)]).toEqual([204, [PREFLIGHT_VARY]]);
  });

  it('tells nobody of an origin that is sent twice', async () => {
    const { response } = await observe(gateway, get('/open', `Origin: ${APP}`, `Origin: ${APP}`));
    expect(corsLines(response)).toEqual(NOT_ALLOWED);
  });

  it('says that an answer depends on the origin where there is none', async () => {
    const { response } = await observe(gateway, get('/open'));
    expect([response?.status, corsLines(response)]).toEqual([200, NOT_ALLOWED]);
  });

  it.each(['/open', '/private', '/read', '/small', '/limited', '/inside', '/unsure', '/down', '/throws', '/foreign'])(
    'answers preflights for %s by itself, without credentials',
    async (path) => {
      for (let times = 0; times < 3; times++) {
        const { response, raw } = await refused(preflight(path));
        expect([response?.status, corsLines(response)]).toEqual([204, PREFLIGHT_ALLOWED]);
        expect(raw).not.toMatch(/^(?:www-authenticate|ratelimit|content-length|transfer-encoding)/im);
      }
    },
  );

  it('answers preflights with bad credentials, too, which browsers do not send', async () => {
    const { response } = await refused(preflight('/private', APP, 'Authorization: Bearer bad', 'Cookie: a=b'));
    expect([response?.status, corsLines(response)]).toEqual([204, PREFLIGHT_ALLOWED]);
  });

  const token = (): string => `Authorization: Bearer ${tokenOf()}`;
  const body = (path: string, ...fields: readonly string[]): string =>
    lines(`POST ${path} HTTP/1.1`, 'Host: gateway.test', ...fields, '');

  type Refused = [what: string, status: number, data: (origin: string) => string];
  /** On a server of the app's own Node refuses them itself, from 22 on. */
  const TOO_MANY_FIELDS: readonly Refused[] =
    mounting === 'served'
      ? [['too many fields', 431, (origin) => get('/open', origin, ...Array.from({ length: 1_000 }, () => 'n:'))]]
      : [];

  it.each<Refused>([
    ['a route without credentials', 401, (origin) => get('/private', origin)],
    ['a route with bad credentials', 401, (origin) => get('/private', origin, 'Authorization: Bearer bad')],
    ['a route without the scope', 403, (origin) => get('/private', origin, token())],
    ['a route that an address may not use', 403, (origin) => get('/inside', origin)],
    ['a path without a route', 404, (origin) => get('/nowhere', origin)],
    ['the wrong method', 405, (origin) => body('/read', origin, 'Content-Length: 0')],
    ['a body that is too big', 413, (origin) => body('/small', origin, 'Content-Length: 5') + 'x'],
    ['a path that is malformed', 400, (origin) => get('/open/%zz', origin)],
    ['a field that is sent twice', 400, (origin) => get('/open', origin, token(), token())],
    ...TOO_MANY_FIELDS,
    ['something that throws', 500, (origin) => get('/throws', origin)],
    ['a service that is down', 502, (origin) => get('/down', origin)],
    ['credentials that nobody can check', 503, (origin) => get('/unsure', origin)],
  ])('is on the answer to %s, %d', async (_what, status, data) => {
    const known = await refused(data(`Origin: ${APP}`));
    expect([known.response?.status, corsLines(known.response)]).toEqual([status, ALLOWED]);
    for (const origin of ['https://evil.test', 'null']) {
      const other = await refused(data(`Origin: ${origin}`));
      expect([other.response?.status, corsLines(other.response)]).toEqual([status, NOT_ALLOWED]);
    }
  });

  it('is on the answer to whoever asks too often, 429', async () => {
    const data = get('/limited', `Origin: ${APP}`);
    await observe(gateway, data);
    const { response } = await refused(data);
    expect([response?.status, corsLines(response)]).toEqual([429, ALLOWED]);
  });

  it('is on the answer for an open circuit, 503', async () => {
    const data = get('/broken', `Origin: ${APP}`);
    await observe(gateway, data);
    const { response } = await refused(data);
    expect([response?.status, corsLines(response)]).toEqual([503, ALLOWED]);
  });

  it('is on the answer for a service that takes too long, 504', async () => {
    const client = rawClient(gateway.port);
    const before = gateway.upstream.requests.length;
    client.write(get('/slow', `Origin: ${APP}`));
    await eventually(() => gateway.upstream.requests.length > before);
    clock.advance(2_000);
    const response = await client.response();
    client.destroy();
    expect([response.status, corsLines(response)]).toEqual([504, ALLOWED]);
  });

  it('takes the place of what a service says of it, and nothing is there twice', async () => {
    for (const [origin, fields] of [
      [APP, ALLOWED],
      ['https://evil.test', NOT_ALLOWED],
    ] as const) {
      const { response, arrived } = await observe(gateway, get('/foreign', `Origin: ${origin}`));
      expect(arrived).toHaveLength(1);
      const vary = 'vary: Accept-Encoding, origin';
      expect(corsLines(response)).toEqual([...fields.filter((line) => !line.startsWith('vary')), vary]);
    }
  });

  it('lets a preflight without an origin, or without a method, go its way', async () => {
    for (const data of [
      lines('OPTIONS /open HTTP/1.1', 'Host: gateway.test', `Origin: ${APP}`, ''),
      lines('OPTIONS /open HTTP/1.1', 'Host: gateway.test', 'Access-Control-Request-Method: PUT', ''),
    ]) {
      const { response, arrived } = await observe(gateway, data);
      expect([response?.status, arrived.length]).toEqual([200, 1]);
    }
    const { response } = await refused(lines('OPTIONS /private HTTP/1.1', 'Host: gateway.test', `Origin: ${APP}`, ''));
    expect(response?.status).toBe(401);
  });

  it.each(['x-a\x01b', 'x a', '"', 'x-a;y', 'x'.repeat(5_000)])(
    'sends back no list of fields that is none: %j',
    async (list) => {
      const data = lines(
        'OPTIONS /open HTTP/1.1',
        'Host: gateway.test',
        `Origin: ${APP}`,
        'Access-Control-Request-Method: PUT',
        `Access-Control-Request-Headers: ${list}`,
        '',
      );
      const { response } = await refused(data);
      expect(response?.headers['access-control-allow-headers']).toBeUndefined();
    },
  );
});

describe('cors for everybody', () => {
  it.each<[string, CorsOptions]>([
    ["'*'", { origin: '*', credentials: true }],
    ['true', { origin: true, credentials: true }],
    ["'*' in a list", { origin: ['*'], credentials: true }],
    ["'null'", { origin: [APP, 'null'], credentials: true }],
  ])('does not start with credentials for %s', async (_name, cors) => {
    await expect(front((target) => ({ cors, routes: [{ path: '/', target }] }))).rejects.toThrow(ConfigError);
  });

  it("never says '*' beside credentials, be it the service that does", async () => {
    const opinion: RawRequestHandler = (_request, socket) => {
      const fields = { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' };
      reply(socket, 200, fields, 'ok');
    };
    const gateway = await front((target) => ({ cors: { origin: '*' }, routes: [{ path: '/', target }] }), {
      onRequest: opinion,
    });
    try {
      for (const origin of [APP, 'null']) {
        const { response } = await observe(gateway, get('/', `Origin: ${origin}`));
        expect(corsLines(response)).toEqual(['access-control-allow-origin: *', 'vary: Origin']);
      }
    } finally {
      await gateway.close();
    }
  });
});

interface Mounted {
  readonly listener: RequestListener;
  close(): Promise<void>;
}

/** What the app says of its own paths, for another origin than the gateway's. */
const OTHER = 'https://other.example.com';

function expressApp(express: typeof express5, config: GatewayConfig): Mounted {
  const mounted = inExpress(config);
  const app = express()
    .use(mounted)
    .use('/own', ownCors({ origin: OTHER }))
    .use('/own', (_req, res) => void res.send('app'));
  return { listener: app as RequestListener, close: () => mounted.close({ timeoutMs: 0 }) };
}

function koaApp(config: GatewayConfig): Mounted {
  const mounted = inKoa(config);
  const app = new Koa().use(mounted).use((ctx) => {
    ctx.vary('Origin');
    ctx.set('Access-Control-Allow-Origin', OTHER);
    if (ctx.method === 'OPTIONS') ctx.status = 204;
    else ctx.body = 'app';
  });
  const handle = app.callback();
  return { listener: (req, res) => void handle(req, res), close: () => mounted.close({ timeoutMs: 0 }) };
}

describe.each<[string, (config: GatewayConfig) => Mounted]>([
  ['Express 5', (config) => expressApp(express5, config)],
  ['Express 4', (config) => expressApp(express4 as unknown as typeof express5, config)],
  ['Koa', koaApp],
])('cors in front of an app of %s', (_host, mount) => {
  let gateway: Front;

  beforeAll(async () => {
    const upstream = await rawUpstream();
    const { listener, close } = mount({
      accessLog: false,
      cors: CORS,
      routes: [
        { path: '/alive', target: upstream.url, stripPrefix: false },
        { path: '/api', target: upstream.url, auth: { jwt: { secret: SECRET } } },
      ],
    });
    const server = await listen(createServer(listener));
    gateway = {
      port: server.port,
      upstream,
      lines: [],
      async close() {
        await server.close();
        await close();
        await upstream.close();
      },
    };
  });
  afterAll(() => gateway.close());

  it('answers preflights for its routes, and is on their refusals', async () => {
    const asked = await observe(gateway, preflight('/api/x'));
    expect([asked.response?.status, corsLines(asked.response), asked.bytes]).toEqual([204, PREFLIGHT_ALLOWED, '']);
    const { response, bytes } = await observe(gateway, get('/api/x', `Origin: ${APP}`));
    expect([response?.status, corsLines(response), bytes]).toEqual([401, ALLOWED, '']);
  });

  it.each([OTHER, APP, 'https://evil.test'])("leaves the app's paths to the app, for %s", async (origin) => {
    for (const data of [preflight('/own/x', origin), get('/own/x', `Origin: ${origin}`)]) {
      const { response, bytes } = await observe(gateway, data);
      expect(bytes).toBe('');
      expect([200, 204]).toContain(response?.status);
      const told = corsLines(response);
      expect(told).toContain(`access-control-allow-origin: ${OTHER}`);
      expect(told.filter((line) => /^(?:access-control-allow-origin|vary)/.test(line))).toHaveLength(2);
      expect(told.join()).not.toMatch(/allow-credentials|expose-headers/);
    }
  });
});
