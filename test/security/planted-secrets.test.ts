/** Credentials and secrets of a distinctive look go through everything that can fail, and are looked for afterwards. */
import { createHmac, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  hashApiKey,
  hashPassword,
  introspection,
  jwt,
  login,
  session,
  type LoginOptions,
  type RefreshTokenStore,
} from '../../src/auth/index.js';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type GatewayConfig, type RouteAuth, type RouteConfig } from '../../src/gateway/index.js';
import { NOW, part } from '../auth/jwt/support.js';
import {
  freePort,
  startGateway,
  startRawUpstream,
  startUpstream,
  type RunningGateway,
} from '../integration/harness.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { exchange } from '../support/raw-client.js';
import { reply, type RawRequestHandler } from '../support/raw-upstream.js';
import { answerJson, requestText, type UpstreamHandler } from '../support/upstream.js';
import { get, lines } from './front.js';

/** What must be nowhere. */
let planted: string[] = [];
/** What the operator and the clients get to see: lines of the log, warnings of the process, answers. */
let heard: string[] = [];

function hear(text: string): void {
  heard.push(text);
}

function hearWarning(warning: Error): void {
  hear(`${warning.message} ${warning.stack ?? ''} ${JSON.stringify(warning)}`);
}

/** Registers a secret. */
function plant(secret: string): string {
  planted.push(secret);
  return secret;
}

/** A secret that nothing else looks like. */
function newSecret(name: string): string {
  return plant(`${name}-${randomBytes(24).toString('hex')}`);
}

/** A token with a signature of its own; what it says of its owner is no secret, but who has it may use it. */
function newToken(secret: string, claims: object = {}): string {
  const jti = randomBytes(16).toString('hex');
  const input = `${part({ alg: 'HS256' })}.${part({ jti, sub: 'u1', exp: NOW + 3_600, ...claims })}`;
  return plant(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`);
}

/** Characters by which a secret is known; a text that has been cut off keeps so many of them. */
const TELLING = 16;

/** The forms in which a secret could stand in a text, from its start and from its end. */
function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const forms = [secret, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('hex')];
  // The header of a token is that of every other one.
  const pieces = forms.flatMap((form) => (form.startsWith('eyJ') ? form.split('.').slice(1) : [form]));
  return pieces.flatMap((piece) => [piece.slice(0, TELLING), piece.slice(-TELLING)]);
}

function leaks(): string[] {
  return planted.flatMap(tracesOf).filter((trace) => heard.some((text) => text.includes(trace)));
}

beforeEach(() => {
  planted = [];
  heard = [];
  process.on('warning', hearWarning);
});

afterEach(async () => {
  // A warning is told when the microtasks of a turn are over.
  await turn();
  process.off('warning', hearWarning);
});

function expectNoLeaks(): void {
  expect(planted.length).toBeGreaterThan(0);
  expect(heard.length).toBeGreaterThan(0);
  expect(leaks()).toEqual([]);
}

interface Watched extends RunningGateway {
  readonly clock: FakeClock;
  /** Sends requests, each on a connection of its own, and hears the answers and their lines. */
  ask(...requests: readonly string[]): Promise<number[]>;
}

async function watched(config: GatewayConfig, clock = new FakeClock()): Promise<Watched> {
  let written = 0;
  const sink = (line: string): void => {
    written++;
    hear(line);
  };
  const running = await startGateway({ clock, ...config, accessLog: { sink } });
  async function ask(...requests: readonly string[]): Promise<number[]> {
    const statuses: number[] = [];
    for (const data of requests) {
      const before = written;
      const { response, raw } = await exchange(running.port, data, { settleMs: 5 });
      hear(raw);
      statuses.push(response?.status ?? 0);
      // What Node itself refuses is in no log.
      if (response?.headers['x-request-id'] !== undefined) await eventually(() => written > before);
    }
    for (const { path } of config.routes) hear(JSON.stringify(running.gateway.explain('GET', path)));
    hear(JSON.stringify(running.gateway.health()));
    return statuses;
  }
  return Object.assign(running, { clock, ask });
}

function post(path: string, body: string, type = 'application/json'): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return lines(`POST ${path} HTTP/1.1`, 'Host: gateway.test', `Content-Type: ${type}`, length, '') + body;
}

/** Every place of a request in which a client may put a secret, be it asked for there or not. */
function everywhere(path: string, secret: string): string[] {
  return [
    get(path, `Authorization: Bearer ${secret}`),
    get(path, `Authorization: ${secret}`),
    get(path, `Authorization: Basic ${Buffer.from(`ada:${secret}`).toString('base64')}`),
    get(path, `Authorization: Basic ${Buffer.from(secret).toString('base64')}`),
    get(path, `Authorization: Bearer ${secret}, Bearer ${secret}`),
    get(path, `Authorization: Bearer ${secret}`, `Authorization: Bearer ${secret}`),
    get(path, `Proxy-Authorization: Basic ${secret}`),
    get(path, `X-Api-Key: ${secret}`),
    get(path, `X-Api-Key: ${secret}`, `X-Api-Key: ${secret}`),
    get(path, `X-User-Id: ${secret}`, `X-Gateway-Token: ${secret}`),
    get(path, `Cookie: key=${secret}; session=${secret}; token=${secret}; __Host-session=${secret}`),
    get(path, `Connection: close, ${secret}`),
    get(path, `Referer: http://app.test/?token=${secret}`, `Origin: http://${secret}.test`),
    get(`${path}?token=${secret}&key=${secret}&access_token=${secret}`),
    get(`${path}?token=${secret}&token=${secret}&key=${secret}&key=x`),
    post(path, JSON.stringify({ email: secret, password: secret, token: secret, refreshToken: secret })),
    post(path, new URLSearchParams({ email: secret, token: secret }).toString(), 'application/x-www-form-urlencoded'),
    post(path, `{"password":"${secret}`),
  ];
}

const ok: RawRequestHandler = (_request, socket) => {
  reply(socket, 200, {}, 'ok');
};

const SOURCES = [{ header: 'authorization' }, { cookie: 'token' }, { query: 'token' }] as const;
const KEY_SOURCES = [{ header: 'x-api-key' }, { cookie: 'key' }, { query: 'key' }] as const;

/** One route for each strategy, with secrets of its own, and what is right for each. */
async function everyStrategy(): Promise<{ auths: Record<string, RouteAuth>; good: string[] }> {
  const [jwtSecret, apiKey, password] = [newSecret('jwt-secret'), newSecret('api-key'), newSecret('password')];
  const [sessionSecret, internalSecret] = [newSecret('session-secret'), newSecret('internal-secret')];
  const clock = new FakeClock();
  const passwordHash = plant(await hashPassword(password, { cost: 1_024, parallelization: 1 }));
  const cookie = plant(session({ secrets: sessionSecret, clock }).create({ sub: 'u1' }).split(';')[0]?.slice(15) ?? '');
  const token = newToken(jwtSecret);
  return {
    auths: {
      '/jwt': { jwt: { secret: jwtSecret, tokenFrom: SOURCES } },
      '/key': { apiKey: { consumers: [{ id: 'shop', keys: [apiKey] }], keyFrom: KEY_SOURCES } },
      '/basic': { basic: { users: [{ username: 'ada', passwordHash }] } },
      '/session': { session: { secrets: sessionSecret } },
      '/told': {
        jwt: { secret: jwtSecret },
        identityHeaders: { internalToken: { secret: internalSecret, header: 'x-gateway-token' } },
        forwardCredentials: false,
      },
      '/scoped': { jwt: { secret: jwtSecret }, scopes: ['write'] },
      '/any': {
        jwt: { secret: jwtSecret, tokenFrom: SOURCES },
        apiKey: { consumers: [{ id: 'shop', keys: [{ sha256: hashApiKey(apiKey) }] }] },
        basic: { users: [{ username: 'ada', passwordHash }] },
        mode: 'optional',
      },
    },
    good: [
      get('/jwt', `Authorization: Bearer ${token}`),
      get('/jwt', `Cookie: token=${token}`),
      get(`/jwt?token=${token}`),
      get('/key', `X-Api-Key: ${apiKey}`),
      get('/key', `Cookie: key=${apiKey}`),
      get(`/key?key=${apiKey}`),
      get('/basic', `Authorization: Basic ${plant(Buffer.from(`ada:${password}`).toString('base64'))}`),
      get('/session', `Cookie: __Host-session=${cookie}`),
      get('/told', `Authorization: Bearer ${token}`),
    ],
  };
}

describe('no secret is told', () => {
  it('by those who look: one that is in a line, be it cut off or encoded, is found', async () => {
    const secret = newSecret('token');
    const token = newToken('whatever');
    for (const text of [secret, `${secret.slice(0, 20)}...`, Buffer.from(secret).toString('base64'), token.slice(25)]) {
      heard = [`{"reason":"no row for ${text}"}`];
      expect(leaks()).not.toEqual([]);
    }
    heard = [`{"alg":"${token.split('.')[0]}"}`];
    expect(leaks()).toEqual([]);
    const origin = await startUpstream((request, response) => response.end(request.headers.authorization));
    const running = await watched({ routes: [{ path: '/', target: origin.url }] });
    await running.ask(get('/', `Authorization: Bearer ${secret}`));
    expect(leaks()).not.toEqual([]);
    heard = [];
    process.emitWarning(secret);
    await turn();
    expect(leaks()).not.toEqual([]);
  });

  it('of credentials that are good, by any strategy, to a service that answers', async () => {
    const origin = await startRawUpstream(ok);
    const { auths, good } = await everyStrategy();
    const routes = Object.entries(auths).map(([path, auth]) => ({ path, target: origin.url, auth }));
    const running = await watched({ routes });
    expect(new Set(await running.ask(...good))).toEqual(new Set([200]));
    // The token of the gateway's own is a credential, too.
    for (const { headers } of origin.requests.filter((request) => 'x-gateway-token' in request.headers))
      plant(headers['x-gateway-token'] ?? '');
    expectNoLeaks();
  });

  it.each<[string, number, RawRequestHandler]>([
    ['resets', 502, (_request, socket) => socket.resetAndDestroy()],
    ['hangs up', 502, (_request, socket) => socket.destroy()],
    ['speaks nonsense', 502, ({ head }, socket) => socket.write(head.toUpperCase())],
    ['says all that it got in a bad field', 502, ({ head }, socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}\0`)],
  ])('of good credentials where the service %s', async (_what, status, onRequest) => {
    const origin = await startRawUpstream(onRequest);
    const { auths, good } = await everyStrategy();
    const routes = Object.entries(auths).map(([path, auth]) => ({ path, target: origin.url, auth }));
    const running = await watched({ routes });
    expect(new Set(await running.ask(...good))).toEqual(new Set([status]));
    expectNoLeaks();
  });

  it('of good credentials where there is no service, or it is given up', async () => {
    const { auths, good } = await everyStrategy();
    const target = `http://127.0.0.1:${await freePort()}`;
    const policies = { retry: true, circuitBreaker: { failureThreshold: 3 } };
    const routes = Object.entries(auths).map(([path, auth]) => ({ path, target, auth, ...policies }));
    const running = await watched({ routes, defaults: { retry: false } });
    const statuses = running.ask(...good);
    await eventually(() => {
      running.clock.advance(100);
      return heard.length > good.length * 2;
    });
    expect(new Set(await statuses)).toEqual(new Set([502, 503]));
    expectNoLeaks();
  });

  it('of credentials that are bad, wherever a client puts them', { timeout: 60_000 }, async () => {
    const origin = await startRawUpstream(ok);
    const { auths } = await everyStrategy();
    const routes = Object.entries(auths).map(([path, auth]) => ({ path, target: origin.url, auth }));
    const running = await watched({ routes });
    for (const path of Object.keys(auths)) {
      for (const secret of [newSecret('bad'), newToken(newSecret('other-secret'))])
        for (const status of await running.ask(...everywhere(path, secret)))
          expect(path === '/any' ? [200, 400, 401] : [400, 401]).toContain(status);
    }
    expectNoLeaks();
  });

  it('of tokens whose every part is wrong', async () => {
    const origin = await startRawUpstream(ok);
    const secret = newSecret('jwt-secret');
    const jwtOptions = { secret, issuer: 'https://issuer.test', audience: 'shop', requiredClaims: ['tenant'] };
    const running = await watched({ routes: [{ path: '/', target: origin.url, auth: { jwt: jwtOptions } }] });
    const named = (name: string): string => newSecret(name);
    const odd = [
      newToken(secret, { iss: named('iss') }),
      newToken(secret, { iss: 'https://issuer.test', aud: named('aud') }),
      newToken(secret, { iss: 'https://issuer.test', aud: 'shop', exp: 1 }),
      newToken(secret, { iss: 'https://issuer.test', aud: 'shop', exp: named('exp') }),
      newToken(secret, { iss: 'https://issuer.test', aud: 'shop' }),
      ...[{ kid: named('kid') }, { alg: named('alg') }, { alg: 'HS256', typ: named('typ') }, { crit: [named('crit')] }]
        .map((header) => `${part({ alg: 'HS256', ...header })}.${part({ sub: named('sub') })}.AAAA`)
        .map(plant),
      plant(`${part(named('header'))}.${part(named('claims'))}.AAAA`),
    ];
    const statuses = await running.ask(...odd.map((token) => get('/', `Authorization: Bearer ${token}`)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expectNoLeaks();
  });

  it('of requests that are cut off, too long or malformed', async () => {
    const origin = await startRawUpstream(ok);
    const running = await watched({
      routes: [{ path: '/', target: origin.url, auth: { jwt: { secret: newSecret('s') } } }],
    });
    const secret = newSecret('token');
    const line = `Authorization: Bearer ${secret}`;
    const statuses = await running.ask(
      get('/%zz', line),
      get(`/x?token=${secret}`, line, 'Host: other.test'),
      get('/', line, ...Array.from({ length: 1_000 }, (_, index) => `n${index}: ${index}`)),
      lines('POST / HTTP/1.1', 'Host: x', line, 'Content-Length: 5', 'Transfer-Encoding: chunked', '') + secret,
      lines('TRACE / HTTP/1.1', 'Host: x', line, ''),
      lines('OPTIONS * HTTP/1.1', 'Host: x', line, ''),
      lines(`GET http://user:${secret}@gateway.test/ HTTP/1.1`, 'Host: gateway.test', line, ''),
    );
    expect(statuses.every((status) => status >= 204)).toBe(true);
    expectNoLeaks();
  });

  it('of what functions of the user throw while credentials are looked up', async () => {
    const origin = await startRawUpstream(ok);
    function failing(...args: readonly unknown[]): never {
      throw new Error(`no row for ${JSON.stringify(args)} in postgres://gateway:${newSecret('db')}@db/users`);
    }
    const secret = newSecret('jwt-secret');
    const auths: RouteAuth[] = [
      { apiKey: { lookup: failing } },
      { basic: { verify: failing } },
      { session: { lookup: failing, cookie: 'session' } },
      { jwt: { secret, isRevoked: failing } },
      { apiKey: { lookup: (...args) => Promise.reject(new Error(`no row for ${args.join()}`)) } },
      { basic: { verify: (...args) => Promise.reject(new Error(`no row for ${args.join()}`)) } },
      { session: { lookup: (...args) => Promise.reject(new Error(`no row for ${args.join()}`)), cookie: 'session' } },
      { jwt: { secret, isRevoked: (claims) => Promise.reject(new Error(`no row for ${JSON.stringify(claims)}`)) } },
    ];
    const routes = auths.map((auth, index) => ({ path: `/${index}`, target: origin.url, auth }));
    const running = await watched({ routes });
    for (const { path } of routes) {
      const token = newToken(secret, { email: newSecret('claim') });
      const statuses = await running.ask(...everywhere(path, newSecret('bad')), ...everywhere(path, token));
      expect(statuses).toContain(503);
      expect(statuses).not.toContain(200);
    }
    expectNoLeaks();
  });

  it.each<[string, UpstreamHandler]>([
    [
      'fails, and repeats all that it got',
      async (request, response) => {
        const all = { url: request.url, headers: request.headers, body: await requestText(request) };
        answerJson(response, 500, { error: all, active: true, keys: all });
      },
    ],
    [
      'repeats all that it got',
      async (request, response) => {
        answerJson(response, 200, { url: request.url, headers: request.headers, body: await requestText(request) });
      },
    ],
    [
      'does not know the gateway',
      (request, response) => {
        answerJson(response, 401, { error: request.headers.authorization });
      },
    ],
    [
      'sends elsewhere',
      async (request, response) => {
        const location = `http://127.0.0.1:1/?${await requestText(request)}&${request.url}`;
        response.writeHead(302, { location }).end();
      },
    ],
    [
      'says no',
      (_request, response) => {
        answerJson(response, 200, { active: false });
      },
    ],
    [
      'ends early',
      (request, response) => {
        response.writeHead(200, { 'content-length': '1000', 'x-echo': request.headers.authorization ?? '' }).write('{');
        setImmediate(() => response.destroy());
      },
    ],
    [
      'is not there',
      (request) => {
        request.socket.resetAndDestroy();
      },
    ],
  ])('where the service that is asked about tokens and keys %s', async (_what, handler) => {
    const origin = await startRawUpstream(ok);
    const authority = await startUpstream(handler);
    const [clientId, clientSecret] = ['gateway', newSecret('client-secret')];
    plant(Buffer.from(`${clientId}:${clientSecret}`).toString('base64'));
    const url = `${authority.url}/asked?key=${newSecret('url-key')}`;
    const clock = new FakeClock();
    const shared = { clock, cooldownMs: 0, cacheTtlMs: 0 };
    const headers = { 'x-service-key': newSecret('service-key') };
    const ways: readonly { path: string; auth: RouteAuth }[] = [
      { path: '/opaque', auth: { introspection: { url, clientId, clientSecret, ...shared } } },
      { path: '/opaque-too', auth: { strategies: [introspection({ url, headers, ...shared })] } },
      { path: '/keys', auth: { jwt: { jwks: { uri: url }, audience: false } } },
    ];
    const routes = ways.map((route) => ({ ...route, target: origin.url }));
    const running = await watched({ routes }, clock);
    for (const { path } of routes) {
      const token = plant(`${part({ alg: 'ES256', kid: newSecret('kid') })}.${part({ sub: newSecret('sub') })}.AAAA`);
      const statuses = await running.ask(...everywhere(path, newSecret('opaque')), ...everywhere(path, token));
      expect(statuses).not.toContain(200);
    }
    expect(authority.requests.length).toBeGreaterThan(2);
    expect(origin.requests).toEqual([]);
    expectNoLeaks();
  });

  it('where a fetch of the user names what it was asked', async () => {
    const origin = await startRawUpstream(ok);
    const failing: typeof fetch = (input, init) =>
      Promise.reject(new Error(`cannot fetch ${JSON.stringify(input)} with ${JSON.stringify(init)}`));
    const url = `https://id.test/asked?key=${newSecret('url-key')}`;
    const keys = { discoverFrom: 'https://id.test', fetch: failing };
    const routes = [
      { path: '/keys', target: origin.url, auth: { jwt: { jwks: keys, audience: false as const } } },
      {
        path: '/uri',
        target: origin.url,
        auth: { jwt: { jwks: { uri: url, fetch: failing }, audience: false as const } },
      },
    ];
    const running = await watched({ routes });
    const token = plant(`${part({ alg: 'ES256' })}.${part({ sub: newSecret('sub') })}.AAAA`);
    for (const { path } of routes)
      expect(await running.ask(get(path, `Authorization: Bearer ${token}`))).toEqual([503]);
    expectNoLeaks();
  });
});

describe('no secret of a login is told', () => {
  const EMAIL = 'ada@shop.test';

  function loginRoutes(options: Partial<LoginOptions>): RouteConfig[] {
    const auth = login({ sign: { secret: newSecret('jwt-secret') }, refresh: true, rateLimits: false, ...options });
    return [
      { path: '/login', respond: auth },
      { path: '/refresh', respond: auth.refresh },
      { path: '/logout', respond: auth.logout },
    ];
  }

  /** Bodies with a secret in every member. */
  function attempts(secret: string): string[] {
    const credentials = { email: EMAIL, password: secret };
    return [
      post('/login', JSON.stringify(credentials)),
      post('/login', new URLSearchParams(credentials).toString(), 'application/x-www-form-urlencoded'),
      post('/login', JSON.stringify({ email: secret, password: secret })),
      post('/login', JSON.stringify({ email: EMAIL, password: [secret] })),
      post('/login', JSON.stringify({ email: EMAIL, password: secret, pad: 'x'.repeat(9_000) })),
      post('/login', `{"email":"${EMAIL}","password":"${secret}"`),
      post('/login', `{"email":"${EMAIL}","password":"${secret}\\u0000"}`),
      post('/login', `password=${secret}&password=${secret}&email=x`, 'application/x-www-form-urlencoded'),
      post('/login', secret, 'text/plain'),
      post('/refresh', JSON.stringify({ refreshToken: secret })),
      post('/refresh', JSON.stringify({ token: secret })),
      post('/logout', JSON.stringify({ refreshToken: secret })),
      get(`/login?email=${EMAIL}&password=${secret}`),
    ];
  }

  it('by a login that is right, but for the tokens that it hands out, nor by what follows', async () => {
    const clock = new FakeClock();
    const password = newSecret('password');
    const hash = newSecret('password-hash');
    const user = { id: 1, email: EMAIL, passwordHash: hash, nested: { apiKey: hash, resetToken: hash } };
    const running = await watched({ routes: loginRoutes({ verify: () => user, clock }) }, clock);
    expect(await running.ask(post('/login', JSON.stringify({ email: EMAIL, password })))).toEqual([200]);

    const answer = heard.find((text) => text.startsWith('HTTP/1.1 200')) ?? '';
    const given = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { token: string; refreshToken: string };
    heard = heard.filter((text) => text !== answer);
    hear(answer.replace(given.token, '').replace(given.refreshToken, ''));
    plant(given.token);
    given.refreshToken.split('.').forEach(plant);
    const reused = post('/refresh', JSON.stringify(given));
    const { response } = await exchange(running.port, reused);
    const next = JSON.parse(response?.body.toString() ?? '') as { token: string; refreshToken: string };
    plant(next.token);
    next.refreshToken.split('.').forEach(plant);
    expect(
      await running.ask(reused, post('/refresh', JSON.stringify(next)), post('/logout', JSON.stringify(next))),
    ).toEqual([401, 401, 204]);
    expectNoLeaks();
  });

  it('where nobody is known', async () => {
    const running = await watched({ routes: loginRoutes({ verify: () => null }) });
    for (const secret of [newSecret('password'), plant(`${'a'.repeat(22)}.${randomBytes(32).toString('base64url')}`)])
      expect(await running.ask(...attempts(secret))).not.toContain(200);
    expectNoLeaks();
  });

  it.each<[string, UpstreamHandler]>([
    [
      'says no, and repeats all',
      async (request, response) => {
        answerJson(response, 401, { error: await requestText(request) });
      },
    ],
    [
      'fails, and repeats all',
      async (request, response) => {
        answerJson(response, 500, { error: await requestText(request) });
      },
    ],
    ['answers with no user', async (request, response) => response.end(await requestText(request))],
    [
      'sends elsewhere',
      async (request, response) => {
        response
          .writeHead(307, { location: `http://127.0.0.1:1/?${encodeURIComponent(await requestText(request))}` })
          .end();
      },
    ],
    [
      'is not there',
      (request) => {
        request.socket.resetAndDestroy();
      },
    ],
  ])('where the users service %s', async (_what, handler) => {
    const users = await startUpstream(handler);
    const upstream = `${users.url}/users/validate?key=${newSecret('url-key')}`;
    const running = await watched({ routes: loginRoutes({ upstream }) });
    expect(await running.ask(...attempts(newSecret('password')))).not.toContain(200);
    expect(users.requests.length).toBeGreaterThan(0);
    expectNoLeaks();
  });

  it('where the store of refresh tokens fails', async () => {
    const failing = (...args: readonly unknown[]): never => {
      throw Object.assign(new Error('READONLY You cannot write against a read only replica.'), { args });
    };
    const store: RefreshTokenStore = { create: failing, rotate: failing, revoke: failing };
    const refresh = { store };
    const running = await watched({ routes: loginRoutes({ verify: () => ({ id: 1 }), refresh }) });
    const secret = plant(`${'a'.repeat(22)}.${randomBytes(32).toString('base64url')}`);
    expect(await running.ask(...attempts(secret))).not.toContain(200);
    expectNoLeaks();
  });

  it.each<[string, (credentials: { user: string; password: string }) => never | Promise<never>]>([
    [
      'throws',
      (credentials) => {
        throw new Error(`no row for ${JSON.stringify(credentials)}`);
      },
    ],
    ['rejects', (credentials) => Promise.reject(new Error(`no row for ${JSON.stringify(credentials)}`))],
  ])('where verify %s with the credentials in its message', async (_what, verify) => {
    const running = await watched({ routes: loginRoutes({ verify }) });
    expect(await running.ask(...attempts(newSecret('password')))).not.toContain(200);
    expectNoLeaks();
  });
});

describe('no secret of a configuration is told', () => {
  it('by its faults', async () => {
    const weak = plant(`weak-${randomBytes(8).toString('hex')}`);
    const [pem, url] = [newSecret('-----BEGIN PUBLIC KEY-----'), `https://user:${newSecret('url')}@id.test/`];
    const hash = newSecret('not-a-hash');
    const auths: unknown[] = [
      { jwt: { secret: weak } },
      { jwt: { secret: pem } },
      { jwt: { secret: weak, secretIsBase64: true } },
      { jwt: { secret: [weak] } },
      { jwt: { secret: { weak } } },
      { jwt: { publicKey: hash } },
      { jwt: { publicKey: `-----BEGIN PRIVATE KEY-----\n${hash}\n-----END PRIVATE KEY-----` } },
      {
        jwt: {
          keys: [
            { kid: 'a', secret: weak },
            { secret: hash, publicKey: hash },
          ],
        },
      },
      { jwt: { jwks: url } },
      { jwt: { jwks: { uri: url } } },
      { jwt: { oidc: url } },
      {
        apiKey: { consumers: [{ id: 'a', keys: [weak.slice(0, 12), { sha256: hash }, { key: hash, sha256: hash }] }] },
      },
      { apiKey: { consumers: [{ id: 'a', keys: hash }] } },
      { apiKey: { consumers: hash } },
      { basic: { users: [{ username: 'ada', passwordHash: hash }] } },
      { basic: { users: [{ username: 'ada', password: hash }] } },
      { basic: { users: { ada: hash } } },
      { introspection: { url, clientId: 'a', clientSecret: [hash] } },
      { introspection: { url: 'https://id.test', clientId: 'a', clientSecret: { hash } } },
      { introspection: { url: 'https://id.test', headers: { authorization: `Bearer ${hash}\n` } } },
      { session: { secrets: weak } },
      { session: { secrets: [hash, weak] } },
      { session: { secrets: { hash } } },
      { jwt: { secret: hash }, identityHeaders: { internalToken: { secret: weak } } },
      { jwt: { secret: hash }, identityHeaders: { internalToken: { privateKey: pem } } },
    ];
    const configs = [
      ...auths.map((auth) => ({ routes: [{ path: '/', respond: { body: '' }, auth }] })),
      { routes: [{ path: '/', respond: { body: '' }, requiresAuth: true }], jwtSecret: weak },
      { routes: [{ path: '/', respond: { body: '' }, requiresAuth: true }], jwtSecret: [pem] },
    ];
    for (const config of configs) hear(faultsOf(() => createGateway(config as never)));
    hear(faultsOf(() => jwt({ secret: weak })));
    hear(faultsOf(() => login({ verify: () => null, sign: { secret: weak } })));
    hear(faultsOf(() => login({ upstream: url, sign: { privateKey: pem } })));
    hear(faultsOf(() => session({ secrets: weak })));
    await turn();
    expectNoLeaks();
  });

  it.each<[string, (secret: string) => unknown]>([
    ['auth', (auth) => ({ auth })],
    ['auth.jwt', (jwt) => ({ auth: { jwt } })],
    ['auth.jwt.keys', (keys) => ({ auth: { jwt: { keys } } })],
    ['auth.jwt.keys[0]', (key) => ({ auth: { jwt: { keys: [key] } } })],
    ['auth.jwt.jwks', (jwks) => ({ auth: { jwt: { jwks } } })],
    ['auth.apiKey', (apiKey) => ({ auth: { apiKey } })],
    ['auth.basic', (basic) => ({ auth: { basic } })],
    ['auth.introspection', (introspection) => ({ auth: { introspection } })],
    ['auth.introspection.headers', (headers) => ({ auth: { introspection: { url: 'https://id.test', headers } } })],
    ['auth.session', (session) => ({ auth: { session } })],
    ['auth.identityHeaders.internalToken', (internalToken) => ({ auth: { identityHeaders: { internalToken } } })],
  ])('that is written where options belong, at %s', (_path, configure) => {
    const secret = newSecret('misplaced');
    const route = { path: '/', respond: { body: '' }, ...(configure(secret) as object) };
    hear(faultsOf(() => createGateway({ routes: [route] })));
    expectNoLeaks();
  });

  it.each<[string, (secret: string) => unknown]>([
    ['jwt', (secret) => jwt(secret as never)],
    ['session', (secret) => session(secret as never)],
    ['login', (secret) => login(secret as never)],
    ['login, for sign', (secret) => login({ verify: () => null, sign: secret as never })],
  ])('that is given to %s in the place of options', (_name, build) => {
    const secret = newSecret('misplaced');
    hear(faultsOf(() => build(secret)));
    expectNoLeaks();
  });

  function faultsOf(build: () => unknown): string {
    try {
      build();
    } catch (error) {
      if (error instanceof ConfigError) return `${error.message} ${JSON.stringify(error)} ${error.stack ?? ''}`;
      throw error;
    }
    throw new Error('there is no fault');
  }
});
