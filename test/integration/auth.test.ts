/** Keys, verdicts and logins that come from other services: real sockets on every side. */
import { Agent } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { IntrospectionOptions, JwksOptions, JwksOutage, LoginOptions } from '../../src/auth/index.js';
import { login, session } from '../../src/auth/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { answerJson, requestText, type Upstream, type UpstreamHandler } from '../support/upstream.js';
import {
  connectTo,
  failOnUncaught,
  gate,
  problemOf,
  send,
  startGateway,
  startUpstream,
  times,
  type Answer,
  type RunningGateway,
  type SendOptions,
} from './harness.js';

failOnUncaught();

const NOW = new FakeClock().wall() / 1_000;
const MINUTE = 60_000;
const SECRET = 'a secret of the tests alone, long enough for HS256';

interface Guarded extends RunningGateway {
  readonly clock: FakeClock;
  /** The service behind the gateway. */
  readonly origin: Upstream;
  /** The service that the gateway asks. */
  readonly authority: Upstream;
  /** Makes the authority answer otherwise from now on. */
  answerWith(handler: UpstreamHandler): void;
}

/** A server whose handler a test can change. */
async function startAuthority(first: UpstreamHandler) {
  let handler = first;
  const authority = await startUpstream((request, response) => handler(request, response));
  return { authority, answerWith: (next: UpstreamHandler) => void (handler = next) };
}

function bearing(token: string, options: SendOptions = {}): SendOptions {
  return { ...options, headers: { authorization: `Bearer ${token}` } };
}

/** Nobody can tell: the client may try again, the log knows why, and the service is not asked. */
async function expectUnavailable({ url, origin, log }: Guarded, token: string, reason: string): Promise<void> {
  const asked = origin.requests.length;
  const lines = log.length;
  const { status, headers, text } = await send(url, bearing(token));
  expect([status, problemOf(text).code]).toEqual([503, 'ERR_GATEWAY_AUTH_UNAVAILABLE']);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  expect(headers['www-authenticate']).toBeUndefined();
  expect(text).not.toContain(reason);
  expect(origin.requests).toHaveLength(asked);
  await eventually(() => log.length > lines);
  expect(log.at(-1)).toMatchObject({ status: 503, reason: expect.stringContaining(reason) as string });
}

async function expectInvalid({ url, origin }: Guarded, token: string): Promise<void> {
  const asked = origin.requests.length;
  const { status, headers, text } = await send(url, bearing(token));
  expect([status, problemOf(text).code]).toEqual([401, 'ERR_GATEWAY_CREDENTIALS_INVALID']);
  expect(headers['www-authenticate']).toBe('Bearer realm="api", error="invalid_token"');
  expect(origin.requests).toHaveLength(asked);
}

async function statusFor({ url }: Guarded, token: string): Promise<number> {
  return (await send(url, bearing(token))).status;
}

describe('keys of an issuer', () => {
  interface Key {
    readonly jwk: JWK;
    sign(claims?: Readonly<Record<string, unknown>>, kid?: string): Promise<string>;
  }

  async function newKey(name: string): Promise<Key> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    return {
      jwk: { ...(await exportJWK(publicKey)), kid: name, alg: 'ES256', use: 'sig' },
      sign: (claims = {}, kid = name) =>
        new SignJWT({ sub: 'u1', aud: 'shop', exp: NOW + 360_000, jti: crypto.randomUUID(), ...claims })
          .setProtectedHeader({ alg: 'ES256', kid })
          .sign(privateKey),
    };
  }

  const setOf =
    (...keys: readonly Key[]): UpstreamHandler =>
    (_request, response) => {
      answerJson(response, 200, { keys: keys.map(({ jwk }) => jwk) });
    };

  interface Issued extends Guarded {
    readonly outages: JwksOutage[];
  }

  async function startWith(handler: UpstreamHandler, options: Partial<JwksOptions> = {}): Promise<Issued> {
    const clock = new FakeClock();
    const { authority, answerWith } = await startAuthority(handler);
    const origin = await startUpstream();
    const outages: JwksOutage[] = [];
    const jwks = { uri: `${authority.url}/keys`, onOutage: (outage: JwksOutage) => outages.push(outage), ...options };
    const auth = { jwt: { jwks, audience: 'shop' } };
    const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url, auth }] });
    return Object.assign(running, { clock, origin, authority, answerWith, outages });
  }

  it('are fetched once, for all of those who come at a time', async () => {
    const key = await newKey('one');
    const { opened, open } = gate();
    const running = await startWith(async (request, response) => {
      await opened;
      await setOf(key)(request, response);
    });
    const answers = times(50, async () => statusFor(running, await key.sign()));
    await eventually(() => running.authority.requests.length > 0);
    open();
    expect(new Set(await answers)).toEqual(new Set([200]));
    expect(running.authority.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /keys']);
    expect(running.origin.requests).toHaveLength(50);
  });

  it('are fetched no more than once per cooldown for 1000 names that nobody knows, and good tokens pass', async () => {
    const [good, evil] = [await newKey('good'), await newKey('evil')];
    const running = await startWith(setOf(good));
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => {
      agent.destroy();
    });
    expect(await statusFor(running, await good.sign())).toBe(200);
    for (let call = 0; call < 1_000; call++) {
      running.clock.advance(10);
      const token = await evil.sign({}, `random-${call}`);
      expect((await send(running.url, bearing(token, { agent }))).status).toBe(401);
      if (call % 50 === 0) expect(await statusFor(running, await good.sign())).toBe(200);
    }
    expect(running.authority.requests).toHaveLength(1);

    running.clock.advance(20_000);
    const burst = await times(100, async (index) => statusFor(running, await evil.sign({}, `burst-${index}`)));
    expect(new Set(burst)).toEqual(new Set([401]));
    expect(running.authority.requests).toHaveLength(2);
    expect(await statusFor(running, await good.sign())).toBe(200);
    expect(running.origin.requests).toHaveLength(22);
  });

  it('that are new are picked up with the first token that names one, and those that are gone count no more', async () => {
    const [old, next] = [await newKey('old'), await newKey('next')];
    const running = await startWith(setOf(old));
    const known = await old.sign();
    expect(await statusFor(running, known)).toBe(200);
    running.answerWith(setOf(next));
    await expectInvalid(running, await next.sign());
    running.clock.advance(30_000);
    expect(await statusFor(running, await next.sign())).toBe(200);
    await expectInvalid(running, known);
    await expectInvalid(running, await old.sign());
    expect(running.authority.requests).toHaveLength(2);
  });

  it('count on while their issuer is down, until staleMs, and again when it is back', async () => {
    const key = await newKey('one');
    const running = await startWith(setOf(key), { staleMs: 60 * MINUTE });
    expect(await statusFor(running, await key.sign())).toBe(200);
    running.answerWith((_request, response) => response.writeHead(500).end());
    for (let minute = 1; minute < 60; minute++) {
      await running.clock.advanceAsync(MINUTE);
      expect(await statusFor(running, await key.sign())).toBe(200);
    }
    await eventually(() => running.outages.length > 0);
    await running.clock.advanceAsync(MINUTE);
    await expectUnavailable(running, await key.sign(), 'an answer with status 500');
    running.answerWith(setOf(key));
    running.clock.advance(30_000);
    expect(await statusFor(running, await key.sign())).toBe(200);
    expect(running.outages).toMatchObject([{ state: 'down' }, { state: 'up' }]);
    expect(running.authority.requests.length).toBeLessThanOrEqual(60);
  });

  it('that were never there are 503, with one fetch per cooldown, and 200 once they are', async () => {
    const key = await newKey('one');
    const running = await startWith((_request, response) => response.writeHead(500).end());
    for (let call = 0; call < 20; call++)
      await expectUnavailable(running, await key.sign(), 'an answer with status 500');
    expect(running.authority.requests).toHaveLength(1);
    running.answerWith(setOf(key));
    running.clock.advance(30_000);
    expect(await statusFor(running, await key.sign())).toBe(200);
  });

  it('of somebody who does not listen are 503', async () => {
    const key = await newKey('one');
    const running = await startWith(setOf(key));
    await running.authority.close();
    await expectUnavailable(running, await key.sign(), 'ECONNREFUSED');
  });

  it('that do not come in time are 503', async () => {
    const key = await newKey('one');
    const running = await startWith(() => undefined);
    const waiting = expectUnavailable(running, await key.sign(), 'no answer within 5000 ms');
    await eventually(() => running.authority.requests.length > 0);
    running.clock.advance(5_000);
    await waiting;
  });

  it('are found by the name of the issuer, and are good for its tokens alone', async () => {
    const [key, clock] = [await newKey('one'), new FakeClock()];
    const { authority, answerWith } = await startAuthority(setOf(key));
    answerWith((request, response) => {
      const configuration = { issuer: authority.url, jwks_uri: `${authority.url}/keys` };
      answerJson(response, 200, request.url === '/keys' ? { keys: [key.jwk] } : configuration);
    });
    const origin = await startUpstream();
    const auth = { jwt: { oidc: authority.url, audience: 'shop' } };
    const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url, auth }] });
    const guarded = Object.assign(running, { clock, origin, authority, answerWith });
    expect(await statusFor(guarded, await key.sign({ iss: authority.url }))).toBe(200);
    for (const iss of [undefined, `${authority.url}/`, 'https://evil.test'])
      await expectInvalid(guarded, await key.sign({ iss }));
    expect(authority.requests.map(({ url }) => url)).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  const page = '<!doctype html><h1>Maintenance</h1>';

  it.each<[string, string, (key: Key) => UpstreamHandler]>([
    ['a page', 'no JSON object', () => (_request, response) => response.end(page)],
    [
      'a redirect',
      'a redirect (302)',
      () => (request, response) =>
        request.url === '/keys'
          ? response.writeHead(302, { location: '/other' }).end()
          : answerJson(response, 200, { keys: [] }),
    ],
    [
      '10000 keys',
      'a set of 10000 keys, more than 100',
      ({ jwk }) =>
        (_request, response) => {
          answerJson(response, 200, { keys: [jwk, ...Array.from({ length: 9_999 }, () => ({ kty: 'EC' }))] });
        },
    ],
    [
      'more than 1 MB',
      'an answer of more than 1048576 bytes',
      ({ jwk }) =>
        (_request, response) => {
          answerJson(response, 200, { pad: 'x'.repeat(1_048_576), keys: [jwk] });
        },
    ],
    [
      'the keys with another status',
      'an answer with status 203',
      ({ jwk }) =>
        (_request, response) => {
          answerJson(response, 203, { keys: [jwk] });
        },
    ],
    [
      'a list',
      'no JWK Set',
      ({ jwk }) =>
        (_request, response) =>
          answerJson(response, 200, [jwk]),
    ],
    ['no keys', 'a set of 0 keys', () => (_request, response) => answerJson(response, 200, { keys: [] })],
    [
      'a key for encryption',
      'none of which can be used',
      ({ jwk }) =>
        (_request, response) => {
          answerJson(response, 200, { keys: [{ ...jwk, use: 'enc' }] });
        },
    ],
    [
      'a key that may not verify',
      'none of which can be used',
      ({ jwk }) =>
        (_request, response) => {
          answerJson(response, 200, { keys: [{ ...jwk, key_ops: ['sign'] }] });
        },
    ],
    [
      'a secret',
      'none of which can be used',
      () => (_request, response) => {
        answerJson(response, 200, { keys: [{ kty: 'oct', kid: 'one', k: 'c2VjcmV0'.repeat(8) }] });
      },
    ],
  ])('that are %s are 503, and the log says why', async (_what, reason, handlerFor) => {
    const key = await newKey('one');
    const running = await startWith(handlerFor(key));
    await expectUnavailable(running, await key.sign(), reason);
    expect(running.authority.requests).toHaveLength(1);
    expect(running.outages).toMatchObject([{ origin: running.authority.url, state: 'down' }]);
  });
});

describe('the verdict of a token service', () => {
  const ACTIVE = {
    active: true,
    sub: 'u1',
    iss: 'https://id.test',
    aud: 'shop',
    token_type: 'Bearer',
    exp: NOW + 3_600,
  };

  const saying =
    (answer: unknown, status = 200): UpstreamHandler =>
    (_request, response) => {
      answerJson(response, status, answer);
    };

  async function startWith(handler: UpstreamHandler, options: Partial<IntrospectionOptions> = {}): Promise<Guarded> {
    const clock = new FakeClock();
    const { authority, answerWith } = await startAuthority(handler);
    const origin = await startUpstream();
    const introspection: IntrospectionOptions = {
      url: `${authority.url}/introspect`,
      clientId: 'gate:way',
      clientSecret: 'sesame',
      issuer: 'https://id.test',
      audience: 'shop',
      ...options,
    };
    const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url, auth: { introspection } }] });
    return Object.assign(running, { clock, origin, authority, answerWith });
  }

  it('is asked for with the credentials of the gateway, and the service is told who is calling', async () => {
    const asked: string[] = [];
    const running = await startWith(async (request, response) => {
      asked.push(await requestText(request));
      answerJson(response, 200, ACTIVE);
    });
    expect(await statusFor(running, 'opaque-1')).toBe(200);
    const [{ method, url, headers } = {}] = running.authority.requests;
    expect([method, url, asked]).toEqual(['POST', '/introspect', ['token=opaque-1&token_type_hint=access_token']]);
    expect(headers).toMatchObject({
      authorization: `Basic ${Buffer.from('gate%3Away:sesame').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(running.origin.requests[0]?.headers['x-user-id']).toBe('u1');
  });

  it.each<[string, object]>([
    ['is not active', { active: false }],
    ['is not active, whatever else it is', { ...ACTIVE, active: false }],
    ['is of another issuer', { ...ACTIVE, iss: 'https://evil.test' }],
    ['is of no issuer', { ...ACTIVE, iss: undefined }],
    ['is for another audience', { ...ACTIVE, aud: ['bank'] }],
    ['is for no audience', { ...ACTIVE, aud: undefined }],
    ['is a refresh token', { ...ACTIVE, token_type: 'refresh_token' }],
    ['is of another type', { ...ACTIVE, token_type: 'mac' }],
    ['has expired', { ...ACTIVE, exp: NOW }],
    ['is not good yet', { ...ACTIVE, nbf: NOW + 1 }],
    ['has an exp that is no time', { ...ACTIVE, exp: 'never' }],
    ['is nobody', { ...ACTIVE, sub: undefined }],
  ])('that a token %s is 401', async (_what, answer) => {
    await expectInvalid(await startWith(saying(answer)), 'opaque-1');
  });

  it.each<[string, string, UpstreamHandler]>([
    ['fails', 'an answer with status 500', saying({}, 500)],
    ['takes nobody', 'an answer with status 429', saying(ACTIVE, 429)],
    ['does not know the gateway', "it does not take the gateway's own credentials", saying(ACTIVE, 401)],
    ['has moved', 'a redirect (307)', (_request, response) => response.writeHead(307, { location: '/x' }).end()],
    ['says no JSON', 'no JSON object', (_request, response) => response.end('<h1>active: true</h1>')],
    ['says nothing', 'no JSON object', (_request, response) => response.end()],
    ['says neither yes nor no', 'a boolean active', saying({ ...ACTIVE, active: 'true' })],
    ['says yes in a list', 'a boolean active', saying([ACTIVE])],
    ['says too much', 'an answer of more than 1048576 bytes', saying({ ...ACTIVE, pad: 'x'.repeat(1_048_576) })],
  ])('of a service that %s is 503', async (_what, reason, handler) => {
    await expectUnavailable(await startWith(handler), 'opaque-1', reason);
  });

  it('that ends early is 503', async () => {
    const running = await startWith((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write(JSON.stringify(ACTIVE));
      setImmediate(() => response.destroy());
    });
    await expectUnavailable(running, 'opaque-1', running.authority.url);
  });

  it('of a service that does not answer in time, or not at all, is 503', async () => {
    const running = await startWith(() => undefined);
    const waiting = expectUnavailable(running, 'opaque-1', 'no answer within 5000 ms');
    await eventually(() => running.authority.requests.length > 0);
    running.clock.advance(5_000);
    await waiting;
    await running.authority.close();
    running.clock.advance(1_000);
    await expectUnavailable(running, 'opaque-1', 'ECONNREFUSED');
  });

  it('is asked for once by all who come with one token at a time, be it that the first one leaves', async () => {
    const { opened, open } = gate();
    const running = await startWith(async (_request, response) => {
      await opened;
      answerJson(response, 200, ACTIVE);
    });
    const first = connectTo(running);
    first.write('GET / HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer opaque-1\r\n\r\n');
    await eventually(() => running.authority.requests.length > 0);
    const answers = times(50, () => statusFor(running, 'opaque-1'));
    first.reset();
    await eventually(() => running.log.some(({ status }) => status === 499));
    open();
    expect(new Set(await answers)).toEqual(new Set([200]));
    expect(running.authority.requests).toHaveLength(1);
  });

  it('of one token is none of another', async () => {
    const running = await startWith(async (request, response) => {
      const token = new URLSearchParams(await requestText(request)).get('token');
      answerJson(response, 200, token === 'good' ? ACTIVE : { active: false });
    });
    expect(await times(6, (index) => statusFor(running, index % 2 === 0 ? 'good' : 'bad'))).toEqual([
      200, 401, 200, 401, 200, 401,
    ]);
    expect(running.authority.requests).toHaveLength(2);
  });

  it('counts for cacheTtlMs, but not past the end of the token', async () => {
    const running = await startWith(saying(ACTIVE), { cacheTtlMs: 30_000 });
    const asked = (): number => running.authority.requests.length;
    expect(await statusFor(running, 'long')).toBe(200);
    running.clock.advance(29_999);
    expect([await statusFor(running, 'long'), asked()]).toEqual([200, 1]);
    running.answerWith(saying({ active: false }));
    running.clock.advance(1);
    expect([await statusFor(running, 'long'), asked()]).toEqual([401, 2]);

    running.answerWith(saying({ ...ACTIVE, exp: NOW + 32 }));
    expect([await statusFor(running, 'short'), asked()]).toEqual([200, 3]);
    running.clock.advance(1_999);
    expect([await statusFor(running, 'short'), asked()]).toEqual([200, 3]);
    running.clock.advance(1);
    await expectInvalid(running, 'short');
    expect(asked()).toBe(4);
  });

  it('that was given before counts while the service is down, and nobody else passes', async () => {
    const running = await startWith(saying(ACTIVE));
    expect(await statusFor(running, 'known')).toBe(200);
    running.answerWith(saying({}, 500));
    await expectUnavailable(running, 'unknown', 'an answer with status 500');
    expect(await statusFor(running, 'known')).toBe(200);
    running.clock.advance(30_000);
    await expectUnavailable(running, 'known', 'an answer with status 500');
  });
});

describe('a login', () => {
  const ADA = { id: 7, email: 'ada@shop.test', role: 'admin', passwordHash: '$2b$10$of-the-users-service' };
  const PASSWORD = 'correct horse battery staple';
  const GOOD = { email: ADA.email, password: PASSWORD };

  interface Tokens {
    readonly token: string;
    readonly expiresIn: number;
    readonly user: object;
    readonly refreshToken: string;
    readonly refreshExpiresIn: number;
  }

  interface Shop extends Guarded {
    /** Bodies that the users service was asked with. */
    readonly validated: unknown[];
    logIn(credentials?: object, headers?: SendOptions['headers']): Promise<Answer>;
    refresh(refreshToken: string): Promise<Answer>;
    logOut(refreshToken: string): Promise<Answer>;
    profile(token: string): Promise<number>;
  }

  /** A users service behind the gateway that knows one user, and checks passwords for the gateway. */
  async function startShop(options: Partial<LoginOptions> = {}): Promise<Shop> {
    const clock = new FakeClock();
    const validated: unknown[] = [];
    const { authority, answerWith } = await startAuthority(async (request, response) => {
      const isCheck = request.url === '/users/validate';
      const { email, password } = isCheck ? (JSON.parse(await requestText(request)) as typeof GOOD) : GOOD;
      if (isCheck) validated.push({ email, password });
      if (!isCheck) answerJson(response, 200, { page: request.url });
      else if (email !== ADA.email) answerJson(response, 404, { error: 'no such user' });
      else if (password !== PASSWORD) answerJson(response, 401, { error: 'wrong password' });
      else answerJson(response, 200, { user: ADA });
    });
    const auth = login({
      upstream: `${authority.url}/users/validate`,
      sign: { secret: SECRET, issuer: 'shop' },
      refresh: true,
      clock,
      ...options,
    });
    const target = authority.url;
    const running = await startGateway({
      clock,
      jwtSecret: SECRET,
      routes: [
        { path: '/api/auth/login', respond: auth },
        { path: '/api/auth/refresh', respond: auth.refresh },
        { path: '/api/auth/logout', respond: auth.logout },
        { path: '/api/profile', target, requiresAuth: true },
        { path: '/api/pages', target },
      ],
    });
    const post = (path: string, body: object, headers: SendOptions['headers'] = {}): Promise<Answer> =>
      send(`${running.url}/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    return Object.assign(running, {
      ...{ clock, origin: authority, authority, answerWith, validated },
      logIn: (credentials: object = GOOD, headers: SendOptions['headers'] = {}) => post('login', credentials, headers),
      refresh: (refreshToken: string) => post('refresh', { refreshToken }),
      logOut: (refreshToken: string) => post('logout', { refreshToken }),
      profile: async (token: string) => (await send(`${running.url}/api/profile`, bearing(token))).status,
    });
  }

  function tokensOf({ status, text }: Answer): Tokens {
    expect(status).toBe(200);
    return JSON.parse(text) as Tokens;
  }

  it('is checked by the users service, and its token opens what was closed', async () => {
    const shop = await startShop();
    expect((await send(`${shop.url}/api/profile`)).status).toBe(401);
    const answer = await shop.logIn();
    expect(answer.headers['cache-control']).toBe('no-store');
    const { token, expiresIn, user, refreshToken, refreshExpiresIn } = tokensOf(answer);
    expect({ expiresIn, user, refreshExpiresIn }).toEqual({
      expiresIn: 900,
      user: { id: 7, email: ADA.email, role: 'admin' },
      refreshExpiresIn: 2_592_000,
    });
    expect(shop.validated).toEqual([GOOD]);
    expect(await shop.profile(token)).toBe(200);
    expect(shop.authority.requests.at(-1)?.headers).toMatchObject({ 'x-user-id': '7', 'x-user-role': 'admin' });
    expect(await shop.profile(refreshToken)).toBe(401);
    expect(await shop.profile(`${token.slice(0, -4)}AAAA`)).toBe(401);
  });

  it('takes a form, and a body without a length', async () => {
    const shop = await startShop();
    const url = `${shop.url}/api/auth/login`;
    const form = await send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(GOOD).toString(),
    });
    const streamed = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([JSON.stringify(GOOD)]).stream(),
      duplex: 'half',
    });
    expect([form.status, streamed.status]).toEqual([200, 200]);
    expect(shop.validated).toEqual([GOOD, GOOD]);
    expect(await shop.profile(((await streamed.json()) as Tokens).token)).toBe(200);
  });

  it('ends with its token, and goes on with a refresh', async () => {
    const shop = await startShop();
    const first = tokensOf(await shop.logIn());
    shop.clock.advance(15 * MINUTE);
    expect(await shop.profile(first.token)).toBe(401);
    const second = tokensOf(await shop.refresh(first.refreshToken));
    expect(await shop.profile(second.token)).toBe(200);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(shop.validated).toHaveLength(1);
  });

  it('ends for everybody when a refresh token comes a second time', async () => {
    const shop = await startShop();
    const [mine, others] = [tokensOf(await shop.logIn()), tokensOf(await shop.logIn())];
    const next = tokensOf(await shop.refresh(mine.refreshToken));
    const reused = await shop.refresh(mine.refreshToken);
    expect([reused.status, problemOf(reused.text).code]).toEqual([401, 'ERR_GATEWAY_CREDENTIALS_INVALID']);
    expect((await shop.refresh(next.refreshToken)).status).toBe(401);
    // The other login is another family.
    expect((await shop.refresh(others.refreshToken)).status).toBe(200);
  });

  it('gives new tokens to one at the most of those who come with one refresh token at a time', async () => {
    const shop = await startShop();
    const { refreshToken } = tokensOf(await shop.logIn());
    const statuses = (await times(20, () => shop.refresh(refreshToken))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
  });

  it('ends with a logout', async () => {
    const shop = await startShop();
    const first = tokensOf(await shop.logIn());
    const second = tokensOf(await shop.refresh(first.refreshToken));
    expect((await shop.logOut(second.refreshToken)).status).toBe(204);
    for (const { refreshToken } of [second, first]) expect((await shop.refresh(refreshToken)).status).toBe(401);
    expect((await shop.logOut('unknown')).status).toBe(204);
  });

  it('that fails says not whether there is such a user', async () => {
    async function answerTo(credentials: object): Promise<object> {
      const { status, headers, text } = await (await startShop()).logIn(credentials);
      const { date: _date, 'x-request-id': _id, ...fields } = headers;
      const { requestId: _requestId, ...problem } = JSON.parse(text) as Record<string, unknown>;
      return { status, fields, problem };
    }
    const wrong = await answerTo({ ...GOOD, password: 'wrong' });
    expect(wrong).toMatchObject({ status: 401, problem: { code: 'ERR_GATEWAY_CREDENTIALS_INVALID' } });
    expect(await answerTo({ ...GOOD, email: 'eve@shop.test' })).toEqual(wrong);
  });

  it.each<[string, number, SendOptions]>([
    ['another method', 405, { method: 'GET' }],
    ['no body', 400, { method: 'POST', headers: { 'content-type': 'application/json' } }],
    ['a body of no type', 400, { method: 'POST', body: JSON.stringify(GOOD) }],
    ['no password', 400, jsonBody('{"email":"ada@shop.test"}')],
    ['a password that is no text', 400, jsonBody('{"email":"ada@shop.test","password":{"$ne":""}}')],
    ['names of a prototype', 400, jsonBody('{"__proto__":{"email":"ada@shop.test","password":"x"}}')],
    ['a NUL in the password', 400, jsonBody('{"email":"ada@shop.test","password":"a\\u0000"}')],
    ['a password of more than 1 KiB', 400, jsonBody(JSON.stringify({ ...GOOD, password: 'x'.repeat(1_025) }))],
    ['no JSON', 400, jsonBody('{"email":')],
    ['more than 8 KiB', 413, jsonBody(JSON.stringify({ ...GOOD, pad: 'x'.repeat(8_192) }))],
  ])('with %s is %d, and nobody is asked', async (_what, status, options) => {
    const shop = await startShop();
    expect((await send(`${shop.url}/api/auth/login`, options)).status).toBe(status);
    expect(shop.authority.requests).toEqual([]);
  });

  it.each<[string, UpstreamHandler]>([
    ['fails', (_request, response) => response.writeHead(500).end()],
    ['has moved', (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['says no JSON', (_request, response) => response.end('welcome')],
    ['names nobody', (_request, response) => answerJson(response, 200, { user: null })],
  ])('is 503 where the users service %s', async (_what, handler) => {
    const shop = await startShop();
    shop.answerWith(handler);
    const { status, headers, text } = await shop.logIn();
    expect([status, problemOf(text).code]).toEqual([503, 'ERR_GATEWAY_AUTH_UNAVAILABLE']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(shop.authority.requests).toHaveLength(1);
  });

  it('that fails 5 times for an address of a user is 429 for him alone, from wherever it comes', async () => {
    const shop = await startShop();
    const wrong = { email: ADA.email, password: 'wrong' };
    for (const email of [ADA.email, 'ADA@shop.test', ' ada@shop.test ', 'Ada@Shop.Test', ADA.email])
      expect((await shop.logIn({ ...wrong, email })).status).toBe(401);
    expect(shop.validated).toHaveLength(5);
    for (const credentials of [wrong, GOOD]) {
      const { status, headers, text } = await shop.logIn(credentials, { 'x-forwarded-for': '198.51.100.7' });
      expect([status, problemOf(text).code]).toEqual([429, 'ERR_GATEWAY_RATE_LIMITED']);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(shop.validated).toHaveLength(5);
    expect((await shop.logIn({ ...wrong, email: 'eve@shop.test' })).status).toBe(401);
    expect((await send(`${shop.url}/api/pages/1`)).status).toBe(200);
    shop.clock.advance(15 * MINUTE);
    expect((await shop.logIn()).status).toBe(200);
  });

  it('that succeeds does not count for the user, but for the address it comes from', async () => {
    const shop = await startShop();
    for (let call = 0; call < 20; call++) expect((await shop.logIn()).status).toBe(200);
    expect((await shop.logIn({ ...GOOD, email: 'eve@shop.test' })).status).toBe(429);
    expect((await shop.logIn(GOOD, { 'x-forwarded-for': '198.51.100.7' })).status).toBe(429);
    expect(shop.validated).toHaveLength(20);
    expect((await send(`${shop.url}/api/pages/1`)).status).toBe(200);
  });

  it('leaves its connection in order for what follows', async () => {
    const shop = await startShop();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => {
      agent.destroy();
    });
    for (const password of ['wrong', PASSWORD]) {
      await send(`${shop.url}/api/auth/login`, { ...jsonBody(JSON.stringify({ ...GOOD, password })), agent });
      const page = await send(`${shop.url}/api/pages/1`, { method: 'POST', body: 'x', agent });
      expect([page.status, page.text]).toEqual([200, '{"page":"/1"}']);
    }
    expect(shop.accepted).toBe(1);
  });

  it('begins a session in a cookie where it is asked to, which opens what was closed', async () => {
    const clock = new FakeClock();
    const sessions = session({ secrets: SECRET, clock });
    const auth = login({ verify: () => ADA, sign: { secret: SECRET }, session: sessions, clock });
    const origin = await startUpstream();
    const { url } = await startGateway({
      clock,
      routes: [
        { path: '/login', respond: auth },
        { path: '/logout', respond: auth.logout },
        { path: '/page', target: origin.url, auth: { strategies: [sessions], forwardCredentials: false } },
      ],
    });
    const { headers } = await send(`${url}/login`, jsonBody(JSON.stringify(GOOD)));
    const [field = ''] = headers['set-cookie'] ?? [];
    expect(field).toMatch(/^__Host-session=\S+; Max-Age=86400; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    const cookie = `theme=dark; ${field.split(';')[0]}`;
    expect((await send(`${url}/page`, { headers: { cookie } })).status).toBe(200);
    expect(origin.requests[0]?.headers).toMatchObject({ 'x-user-id': '7', cookie: 'theme=dark' });
    const foreign = { cookie, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
    expect((await send(`${url}/page`, { method: 'POST', headers: foreign })).status).toBe(401);
    expect((await send(`${url}/page`, { headers: { cookie: cookie.replace(/.$/, '!') } })).status).toBe(401);
    const ended = await send(`${url}/logout`, { method: 'POST', headers: { cookie } });
    expect(ended.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0; /)]);
    clock.advance(24 * 60 * MINUTE);
    expect((await send(`${url}/page`, { headers: { cookie } })).status).toBe(401);
    expect(origin.requests).toHaveLength(1);
  });
});

function jsonBody(body: string): SendOptions {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body };
}
