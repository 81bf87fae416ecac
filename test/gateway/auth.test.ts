import { createHash, generateKeyPairSync } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import type { AuthStrategy } from '../../src/auth/index.js';
import { jwt } from '../../src/auth/index.js';
import type { Context } from '../../src/core/context.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import {
  createGateway,
  type Gateway,
  type GatewayConfig,
  type RouteAuth,
  type RouteConfig,
} from '../../src/gateway/index.js';
import { requestHeaders } from '../../src/proxy/request-headers.js';
import { RedisStore } from '../../src/rate-limiter/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeRequest, type FakeRequestOptions } from '../support/request.js';

const secret = 'a secret of thirty-two bytes, or more';
const target = 'http://users:3001';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Answers with what an upstream would see. */
const seen: Handler = (ctx: Context) => {
  const lines = requestHeaders(ctx, { host: '', defaultContentType: undefined });
  const fields = Object.fromEntries(
    Array.from({ length: lines.length / 2 }, (_, index) => [lines[2 * index], lines[2 * index + 1]]),
  ) as Record<string, string>;
  return { status: 200, headers: {}, body: JSON.stringify({ identity: ctx.identity, fields }) };
};

interface Seen {
  readonly identity: { readonly id: string; readonly scheme: string } | null;
  readonly fields: Readonly<Record<string, string>>;
}

interface Built {
  readonly gateway: Gateway;
  readonly log: Record<string, unknown>[];
  readonly clock: FakeClock;
}

function build(config: Partial<GatewayConfig>): Built {
  const log: Record<string, unknown>[] = [];
  const clock = new FakeClock();
  const sink = (line: string): void => {
    log.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { gateway: createGateway({ routes: [], clock, accessLog: { sink }, ...config }), log, clock };
}

function routes(...given: Omit<RouteConfig, 'respond'>[]): RouteConfig[] {
  return given.map((route) => ({ ...route, respond: seen }));
}

async function ask(gateway: Gateway, request: FakeRequestOptions = {}): Promise<GatewayResponse & { text: string }> {
  const response = await gateway.handle(fakeRequest(request));
  return { ...response, text: await bodyText(response.body) };
}

async function seenBy(gateway: Gateway, request: FakeRequestOptions = {}): Promise<Seen> {
  const { status, text } = await ask(gateway, request);
  expect(status).toBe(200);
  return JSON.parse(text) as Seen;
}

function token(clock: FakeClock, claims: object = {}, key = secret): string {
  const now = Math.floor(clock.wall() / 1000);
  return jsonwebtoken.sign({ sub: 'ada', exp: now + 60, iat: now, ...claims }, key);
}

const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } });

function faultsOf(config: unknown): string[] {
  try {
    createGateway(config as GatewayConfig);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

/** A strategy that knows whoever names himself in a field. */
const byName: AuthStrategy = {
  name: 'by-name',
  scheme: 'Name',
  sources: [{ header: 'x-name' }],
  authenticate: ({ request }) => {
    const id = request.headers['x-name'];
    if (typeof id !== 'string') return null;
    return { id, scheme: 'by-name', claims: { email: `${id}@example.com` }, scopes: ['read'], roles: ['clerk'] };
  },
};

describe('the option auth', () => {
  it('keeps everybody out who proves nothing, and lets in who does', async () => {
    const { gateway, clock } = build({ routes: routes({ path: '/', auth: { jwt: { secret } } }) });
    const refused = await ask(gateway);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toEqual(['Bearer realm="api"']);
    const { identity, fields } = await seenBy(gateway, bearer(token(clock, { roles: ['admin', 'clerk'] })));
    expect(identity).toMatchObject({ id: 'ada', scheme: 'jwt' });
    expect(fields).toMatchObject({
      ...{ 'x-user-id': 'ada', 'x-user-role': 'admin', 'x-user-roles': '["admin","clerk"]' },
    });
  });

  it.each<[string, RouteConfig['auth'], Partial<GatewayConfig>]>([
    ['true, with jwtSecret', true, { jwtSecret: secret }],
    ["'required', with jwtSecret", 'required', { jwtSecret: secret }],
    ['{ required: true }, with jwtSecret', { required: true }, { jwtSecret: secret }],
    ['true, with defaults', true, { defaults: { auth: { jwt: { secret } } } }],
    ['left out, with defaults', undefined, { defaults: { auth: { jwt: { secret } } } }],
    ['a rule, with defaults', { scopes: ['read'] }, { defaults: { auth: { jwt: { secret } } } }],
    [
      'a strategy in the place of that of defaults',
      { jwt: { secret } },
      { defaults: { auth: { strategies: [byName] } } },
    ],
    ['a mode over the one of defaults', 'required', { defaults: { auth: { mode: 'none', jwt: { secret } } } }],
  ])('%s asks for a token', async (_name, auth, config) => {
    const { gateway, clock } = build({
      ...config,
      routes: routes(auth === undefined ? { path: '/' } : { path: '/', auth }),
    });
    expect((await ask(gateway, { headers: { 'x-name': 'eve' } })).status).toBe(401);
    expect((await seenBy(gateway, bearer(token(clock, { scope: 'read' })))).identity?.id).toBe('ada');
  });

  it.each<[string, Partial<RouteConfig>]>([
    ['auth: false', { auth: false }],
    ["auth: 'none'", { auth: 'none' }],
    ['{ required: false }', { auth: { required: false } }],
    ['requiresAuth: false', { requiresAuth: false }],
  ])('%s asks nobody, whatever defaults say', async (_name, option) => {
    const { gateway } = build({
      defaults: { auth: { jwt: { secret } } },
      routes: routes({ path: '/', ...option }),
    });
    expect((await seenBy(gateway)).identity).toBeNull();
    expect(gateway.explain('GET', '/').policies).not.toContain('authenticate');
  });

  it('takes requiresAuth and requiredScopes for what they say', async () => {
    const { gateway, clock } = build({
      jwtSecret: secret,
      routes: routes(
        { path: '/a', requiresAuth: true },
        { path: '/b', auth: { required: true, requiredScopes: ['users:read', 'users:write'] } },
        { path: '/c' },
      ),
    });
    expect((await ask(gateway, { url: '/a' })).status).toBe(401);
    expect((await ask(gateway, { url: '/a', ...bearer(token(clock)) })).status).toBe(200);
    const refused = await ask(gateway, { url: '/b', ...bearer(token(clock, { scopes: ['orders:read'] })) });
    expect(refused.status).toBe(403);
    expect(refused.headers['www-authenticate']).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="users:read users:write"',
    );
    expect((await ask(gateway, { url: '/b', ...bearer(token(clock, { scopes: ['users:write'] })) })).status).toBe(200);
    expect((await ask(gateway, { url: '/c' })).status).toBe(200);
  });

  it('asks several strategies in the order in which they are written', async () => {
    const { gateway, clock } = build({
      routes: routes({
        path: '/',
        auth: {
          strategies: [byName],
          apiKey: { consumers: [{ id: 'shop', keys: ['a-key-of-the-shop-0001'] }] },
          jwt: { secret },
        },
      }),
    });
    const headers = { 'x-name': 'bob', 'x-api-key': 'a-key-of-the-shop-0001' };
    expect((await seenBy(gateway, { headers })).identity?.scheme).toBe('by-name');
    expect((await seenBy(gateway, { headers: { 'x-api-key': headers['x-api-key'] } })).identity?.scheme).toBe(
      'api-key',
    );
    expect((await seenBy(gateway, bearer(token(clock)))).identity?.scheme).toBe('jwt');
    expect((await ask(gateway)).headers['www-authenticate']).toEqual([
      'Name realm="api"',
      'ApiKey realm="api"',
      'Bearer realm="api"',
    ]);
    expect(gateway.explain('GET', '/').settings.authenticate).toBe('required, by by-name or api-key or jwt');
  });

  it('lets callers without credentials pass where it is optional, and refuses bad ones', async () => {
    const { gateway, clock } = build({ routes: routes({ path: '/', auth: { mode: 'optional', jwt: { secret } } }) });
    expect((await seenBy(gateway)).identity).toBeNull();
    expect((await seenBy(gateway, bearer(token(clock)))).identity?.id).toBe('ada');
    expect((await ask(gateway, bearer(token(clock, {}, 'another secret of thirty-two bytes!')))).status).toBe(401);
  });

  it('runs on the clock of the gateway', async () => {
    const { gateway, clock } = build({ routes: routes({ path: '/', auth: { jwt: { secret } } }) });
    const text = token(clock);
    expect((await ask(gateway, bearer(text))).status).toBe(200);
    clock.advance(60_000);
    expect((await ask(gateway, bearer(text))).status).toBe(401);
  });

  it('verifies a token once for all routes with equal options', async () => {
    let asked = 0;
    const isRevoked = (): boolean => {
      asked++;
      return false;
    };
    const auth = { jwt: { secret, isRevoked } };
    const { gateway, clock } = build({
      routes: routes({ path: '/a', auth }, { path: '/b', auth: { jwt: { secret, isRevoked } } }),
    });
    const text = token(clock);
    const [first, second] = [
      await seenBy(gateway, { url: '/a', ...bearer(text) }),
      await seenBy(gateway, { url: '/b', ...bearer(text) }),
    ];
    expect(first.identity).toEqual(second.identity);
    expect(asked).toBe(2);
  });

  it('tells the log why, and the client not', async () => {
    const { gateway, log, clock } = build({ routes: routes({ path: '/', auth: { jwt: { secret } } }) });
    const { text } = await ask(gateway, bearer(token(clock, { exp: 1 })));
    expect(log.at(-1)).toMatchObject({ status: 401, code: 'ERR_GATEWAY_CREDENTIALS_INVALID' });
    expect(log.at(-1)?.reason).toMatch(/exp/);
    expect(text).not.toMatch(/exp[^i]/);
    await ask(gateway, bearer(token(clock)));
    expect(log.at(-1)).toMatchObject({ status: 200, identity: 'ada' });
  });

  it('keeps the credentials from the upstream where it is asked to', async () => {
    const { gateway, clock } = build({
      routes: routes(
        { path: '/kept', auth: { jwt: { secret } } },
        { path: '/dropped', auth: { jwt: { secret }, forwardCredentials: false } },
      ),
    });
    const request = bearer(token(clock));
    expect((await seenBy(gateway, { url: '/kept', ...request })).fields).toHaveProperty('authorization');
    expect((await seenBy(gateway, { url: '/dropped', ...request })).fields).not.toHaveProperty('authorization');
  });

  it('comes behind the limits by address, and in front of those by identity', () => {
    const { gateway } = build({
      rateLimit: { limit: 10, windowMs: 1_000 },
      routes: routes({
        path: '/',
        auth: { strategies: [byName], roles: ['clerk'] },
        rateLimit: { limit: 5, windowMs: 1_000, key: 'identity' },
      }),
    });
    const { policies } = gateway.explain('GET', '/');
    const order = ['rate-limit', 'authenticate', 'identity-rate-limit', 'authorize'].map((name) =>
      policies.indexOf(name),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
  });

  it('gives limits by identity the caller to count', async () => {
    const { gateway } = build({
      routes: routes({
        path: '/',
        auth: { strategies: [byName] },
        rateLimit: { limit: 1, windowMs: 1_000, key: 'identity' },
      }),
    });
    const statusOf = async (name: string) => (await ask(gateway, { headers: { 'x-name': name } })).status;
    expect([await statusOf('ada'), await statusOf('ada'), await statusOf('bob')]).toEqual([200, 429, 200]);
  });
});

describe('keys that cannot be fetched', () => {
  const down = (): Promise<Response> => Promise.reject(new Error('connection refused'));

  it.each<[string, RouteAuth]>([
    ['jwks', { jwt: { jwks: { uri: 'https://id.example.com/keys', fetch: down }, audience: 'shop' } }],
    ['discovery', { jwt: { jwks: { discoverFrom: 'https://id.example.com', fetch: down }, audience: 'shop' } }],
  ])('are 503, and a line in the log: %s', async (_name, auth) => {
    const { gateway, log, clock } = build({ routes: routes({ path: '/', auth }) });
    const token = jsonwebtoken.sign({ sub: 'ada', exp: Math.floor(clock.wall() / 1000) + 60 }, rsa.privateKey, {
      algorithm: 'RS256',
    });
    const { status, headers } = await ask(gateway, bearer(token));
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('1');
    const line = log.find(({ message }) => message === 'keys of tokens are down');
    expect(line).toMatchObject({ level: 'warn', origin: 'https://id.example.com' });
    expect(line?.reason).toContain('connection refused');
    await ask(gateway, bearer(token));
    expect(log.filter(({ message }) => message === 'keys of tokens are down')).toHaveLength(1);
  });
});

describe('identity fields', () => {
  const claims = { 'x-user-email': 'email' };
  const forged = {
    'x-user-id': 'root',
    'x-user-email': 'root@example.com',
    x_user_email: 'root@example.com',
    'x-consumer-id': 'root',
  };
  const config: Partial<GatewayConfig> = {
    routes: routes(
      { path: '/known', auth: { strategies: [byName], identityHeaders: { claims } } },
      { path: '/optional', auth: { mode: 'optional', strategies: [byName], identityHeaders: { claims } } },
      { path: '/silent', auth: { strategies: [byName], identityHeaders: false } },
      { path: '/public' },
    ),
  };

  it('come from the proven identity', async () => {
    const { fields } = await seenBy(build(config).gateway, { url: '/known', headers: { ...forged, 'x-name': 'ada' } });
    expect(fields).toMatchObject({ 'x-user-id': 'ada', 'x-user-email': 'ada@example.com' });
    expect(JSON.stringify(fields)).not.toContain('root');
  });

  it.each(['/optional', '/public'])('never come from the client, on %s', async (url) => {
    const { fields } = await seenBy(build(config).gateway, { url, headers: forged });
    expect(JSON.stringify(fields)).not.toContain('root');
  });

  it('are not written where identityHeaders is false, and not let through either', async () => {
    const { fields } = await seenBy(build(config).gateway, { url: '/silent', headers: { ...forged, 'x-name': 'ada' } });
    expect(JSON.stringify(fields)).not.toMatch(/root|"x-user-id"/);
  });

  it('can hold a token of the gateway for the upstream to check', async () => {
    const internalToken = { secret: 'another secret of thirty-two bytes!', audience: 'users' };
    const { gateway, clock } = build({
      routes: routes(
        { path: '/', auth: { strategies: [byName], identityHeaders: { internalToken } } },
        { path: '/public' },
      ),
    });
    const { fields } = await seenBy(gateway, { headers: { 'x-name': 'ada', 'x-internal-token': 'forged' } });
    const options = { clockTimestamp: Math.floor(clock.wall() / 1000), audience: 'users' };
    expect(jsonwebtoken.verify(fields['x-internal-token'] ?? '', internalToken.secret, options)).toMatchObject({
      ...{ sub: 'ada', scope: 'read', roles: ['clerk'] },
    });
    const elsewhere = await seenBy(gateway, { url: '/public', headers: { 'x-internal-token': 'forged' } });
    expect(elsewhere.fields).not.toHaveProperty('x-internal-token');
  });
});

describe('limits that come with identities', () => {
  const key = 'a-key-of-the-shop-0001';
  const consumers = [{ id: 'shop', keys: [key], rateLimit: { limit: 2, windowMs: 60_000 } }];

  it('hold over all routes together', async () => {
    const auth = { apiKey: { consumers } };
    const { gateway } = build({ routes: routes({ path: '/a', auth }, { path: '/b', auth }) });
    const statusOf = async (url: string) => (await ask(gateway, { url, headers: { 'x-api-key': key } })).status;
    expect([await statusOf('/a'), await statusOf('/b'), await statusOf('/a')]).toEqual([200, 200, 429]);
  });

  it('tell in the log of a store that does not answer', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('connection refused'));
    const store = new RedisStore({ sendCommand: fail });
    const { gateway, log } = build({
      identityRateLimit: { store, onStoreError: 'open' },
      routes: routes({ path: '/', auth: { apiKey: { consumers } } }),
    });
    expect((await ask(gateway, { headers: { 'x-api-key': key } })).status).toBe(200);
    expect(log.find(({ message }) => message === 'store of the limiter is down')).toMatchObject({
      ...{ level: 'warn', policy: 'open', reason: 'connection refused' },
    });
  });

  it('are off where identityRateLimit is false', async () => {
    const { gateway } = build({
      identityRateLimit: false,
      routes: routes({ path: '/', auth: { apiKey: { consumers } } }),
    });
    for (let call = 0; call < 5; call++)
      expect((await ask(gateway, { headers: { 'x-api-key': key } })).status).toBe(200);
  });
});

describe('ipFilter', () => {
  it('shuts an address out before anything else is looked at', async () => {
    const { gateway, log } = build({
      defaults: { ipFilter: { deny: ['203.0.113.0/24'] } },
      routes: routes({ path: '/a', auth: { jwt: { secret } } }, { path: '/b', ipFilter: false }),
    });
    expect((await ask(gateway, { url: '/a' })).status).toBe(403);
    expect(log.at(-1)).toMatchObject({ code: 'ERR_GATEWAY_ADDRESS_DENIED' });
    expect((await ask(gateway, { url: '/b' })).status).toBe(200);
    expect((await ask(gateway, { url: '/a', clientIp: '198.51.100.1' })).status).toBe(401);
    expect(gateway.explain('GET', '/a').settings['ip-filter']).toContain('1');
  });
});

describe('cors', () => {
  const origin = 'https://app.example.com';
  const asked = { origin, 'access-control-request-method': 'GET' };
  const preflight = { method: 'OPTIONS', headers: asked };
  const config: Partial<GatewayConfig> = {
    cors: { origin, credentials: true },
    routes: [
      ...routes({ path: '/private', auth: { jwt: { secret } } }, { path: '/read', methods: ['GET'] }),
      { path: '/limited', respond: seen, rateLimit: { limit: 1, windowMs: 1_000 } },
      { path: '/broken', respond: () => Promise.reject(new Error('broken')) },
      { path: '/v2', respond: seen, headers: { 'x-version': '2' } },
    ],
  };

  it.each(['/private', '/read', '/limited', '/v2'])('answers preflights for %s, without credentials', async (url) => {
    const { status, headers } = await ask(build(config).gateway, { url, ...preflight });
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    });
  });

  it.each([
    ['401', '/private', 401],
    ['404', '/nowhere', 404],
    ['500', '/broken', 500],
    ['200', '/read', 200],
  ])('is on a %s', async (_name, url, wanted) => {
    const { status, headers } = await ask(build(config).gateway, { url, headers: { origin } });
    expect(status).toBe(wanted);
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
  });

  it('is on a 429', async () => {
    const { gateway } = build(config);
    await ask(gateway, { url: '/limited' });
    const { status, headers } = await ask(gateway, { url: '/limited', headers: { origin } });
    expect(status).toBe(429);
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin });
  });

  it('leaves preflights for paths without a route to whoever is next', async () => {
    expect((await ask(build(config).gateway, { url: '/nowhere', ...preflight })).status).toBe(404);
  });

  it('refuses every origin with credentials at the start', () => {
    expect(faultsOf({ routes: routes({ path: '/' }), cors: { origin: '*', credentials: true } })[0]).toContain(
      'cors.origin',
    );
  });
});

describe('securityHeaders', () => {
  it('are on refusals and failures, too', async () => {
    const { gateway } = build({
      securityHeaders: true,
      routes: [
        ...routes({ path: '/', auth: { jwt: { secret } } }),
        { path: '/broken', respond: () => Promise.reject(new Error('broken')) },
      ],
    });
    for (const url of ['/', '/broken', '/nowhere']) {
      expect((await ask(gateway, { url })).headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    }
  });
});

describe('limits that a handler brings', () => {
  const handler = Object.assign(() => ({ status: 200, headers: {}, body: null }), {
    rateLimits: [{ limit: 1, windowMs: 60_000 }],
  });

  it('hold on its route', async () => {
    const { gateway } = build({
      defaults: { rateLimit: { limit: 9, windowMs: 1_000 } },
      routes: [{ path: '/', respond: handler }],
    });
    expect([(await ask(gateway)).status, (await ask(gateway)).status]).toEqual([200, 429]);
  });

  it('give way to those of the route', async () => {
    const { gateway } = build({ routes: [{ path: '/', respond: handler, rateLimit: false }] });
    expect([(await ask(gateway)).status, (await ask(gateway)).status]).toEqual([200, 200]);
  });
});

describe('faults', () => {
  const weak = 'too short';

  it.each<[string, unknown, string]>([
    ['no way to prove anything', { auth: true }, 'routes[0].auth: nobody could prove anything'],
    ['the same for requiresAuth', { requiresAuth: true }, 'routes[0].requiresAuth: nobody could prove anything'],
    ['both names', { auth: true, requiresAuth: true }, 'routes[0]: auth and requiresAuth are the same; keep one'],
    [
      'scopes without an identity',
      { auth: { mode: 'optional', strategies: [byName], scopes: ['a'] } },
      'routes[0].auth: scopes, roles and allow',
    ],
    ['a weak secret', { auth: { jwt: { secret: weak } } }, 'routes[0].auth.jwt.secret'],
    ['an unknown option of a strategy', { auth: { jwt: { secret, issuers: 'a' } } }, 'did you mean issuer?'],
    ['an unknown strategy', { auth: { jtw: { secret } } }, 'routes[0].auth.jtw: unknown option; did you mean jwt?'],
    ['an unknown mode', { auth: 'maybe' }, 'routes[0].auth: expected true or false'],
    [
      'mode and required',
      { auth: { mode: 'required', required: true, strategies: [byName] } },
      'mode and required are the same',
    ],
    [
      'a scope with a quote',
      { auth: { strategies: [byName], requiredScopes: ['a"b'] } },
      'routes[0].auth.requiredScopes[0]: got "a\\"b", expected a scope',
    ],
    [
      'scopes and requiredScopes',
      { auth: { strategies: [byName], scopes: ['a'], requiredScopes: ['a'] } },
      'the same; keep one',
    ],
    ['no strategy', { auth: { strategies: [{}] } }, 'routes[0].auth.strategies[0]: got an object, expected a strategy'],
    [
      'a field that others write',
      { auth: { strategies: [byName], identityHeaders: { claims: { 'x-forwarded-for': 'ip' } } } },
      'identityHeaders.claims["x-forwarded-for"]',
    ],
    ['an address block that is none', { ipFilter: { allow: ['10.0.0.0/99'] } }, 'routes[0].ipFilter.allow[0]'],
  ])('%s', (_name, route, message) => {
    const faults = faultsOf({ routes: [{ path: '/', target, ...(route as object) }] }).join('\n');
    expect(faults).toContain(message);
    expect(faults).not.toContain(weak);
  });

  it('a weak jwtSecret is refused at its own name', () => {
    const [fault = ''] = faultsOf({ jwtSecret: weak, routes: [{ path: '/', target }] });
    expect(fault).toMatch(/^jwtSecret: /);
    expect(fault).not.toContain(weak);
  });
});

it('takes strategies that are made in code, and hashed keys', async () => {
  const sha256 = createHash('sha256').update('a-key-of-the-shop-0001').digest('hex');
  const { gateway, clock } = build({
    routes: routes({ path: '/', auth: { apiKey: { consumers: [{ id: 'shop', keys: [{ sha256 }] }] } } }),
  });
  expect((await seenBy(gateway, { headers: { 'x-api-key': 'a-key-of-the-shop-0001' } })).identity?.id).toBe('shop');
  const own = build({ clock, routes: routes({ path: '/', auth: { strategies: [jwt({ secret, clock })] } }) });
  expect((await seenBy(own.gateway, bearer(token(clock)))).identity?.id).toBe('ada');
});
