import { Readable } from 'node:stream';
import jwt from 'jsonwebtoken';
import { describe, expect, it, vi } from 'vitest';
import { login } from '../../../src/auth/login/login.js';
import type { LoginCredentials, LoginOptions } from '../../../src/auth/login/options.js';
import { GatewayError } from '../../../src/core/errors.js';
import type { Context } from '../../../src/core/context.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { FakeRequestOptions } from '../../support/request.js';
import { post, send } from './exchange.js';

const SECRET = 'a secret of forty bytes, for the tests..';
const ADA = { id: 7, email: 'ada@example.com', role: 'admin', passwordHash: '$2b$10$planted' };
const GOOD = { email: 'ada@example.com', password: 'correct horse' };

function verify({ user, password }: LoginCredentials) {
  return user === GOOD.email && password === GOOD.password ? ADA : null;
}

function loginWith(options: Partial<LoginOptions> = {}) {
  const basis: LoginOptions = { verify, sign: (claims) => `signed ${JSON.stringify(claims)}` };
  return login({ ...basis, ...options });
}

describe('login', () => {
  it('answers good credentials with a token, its time in seconds, and the user', async () => {
    const { status, headers, json } = await post(loginWith(), GOOD);
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'content-length': expect.any(String) as string,
      'cache-control': 'no-store',
    });
    expect(json).toEqual({
      token: 'signed {"sub":"7","email":"ada@example.com","role":"admin"}',
      expiresIn: 86_400,
      user: { id: 7, email: 'ada@example.com', role: 'admin' },
    });
  });

  it('says how long its answer is in bytes', async () => {
    const auth = loginWith({ verify: () => ({ id: 'é中' }) });
    const { headers, json } = await post(auth, GOOD);
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(JSON.stringify(json)));
  });

  it('signs tokens that others can verify', async () => {
    const clock = new FakeClock();
    const auth = loginWith({ sign: { secret: SECRET, issuer: 'shop' }, expiresInMs: 60_000, clock });
    const { json } = await post(auth, GOOD);
    const claims = jwt.verify(json?.token as string, SECRET, { clockTimestamp: clock.wall() / 1_000, issuer: 'shop' });
    const iat = clock.wall() / 1_000;
    expect(claims).toMatchObject({ sub: '7', email: 'ada@example.com', role: 'admin', iat, exp: iat + 60 });
    expect(json?.expiresIn).toBe(60);
  });

  it('gives an unknown user and a wrong password one and the same answer, and names neither', async () => {
    const auth = loginWith({ realm: 'shop' });
    const wrong = await post(auth, { ...GOOD, password: 'planted' });
    const unknown = await post(auth, { email: 'planted@example.com', password: 'planted' });
    for (const { status, headers, ctx } of [wrong, unknown]) {
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="shop"']);
      expect([ctx.refusal, ctx.reason]).toEqual([
        'ERR_GATEWAY_CREDENTIALS_INVALID',
        'no such user, or a wrong password',
      ]);
    }
    expect(wrong.json).toEqual(unknown.json);
    expect(JSON.stringify([wrong.json, unknown.json])).not.toContain('planted');
  });

  it.each([null, undefined])('takes %s from verify for bad credentials', async (nobody) => {
    expect((await post(loginWith({ verify: () => nobody }), GOOD)).status).toBe(401);
  });

  it.each([true, 1, 'ada'])('fails where verify answers with %j, which names nobody', async (answer) => {
    const auth = loginWith({ verify: () => answer as unknown as null });
    await expect(post(auth, GOOD)).rejects.toThrow('verify must return a user, or null');
  });

  it('waits for verify and sign where they are not done at once, and gives them the context', async () => {
    const seen: Context[] = [];
    const auth = loginWith({
      verify: (credentials, ctx) => {
        seen.push(ctx);
        return Promise.resolve(verify(credentials));
      },
      sign: (_claims, ctx) => {
        seen.push(ctx);
        return Promise.resolve('late');
      },
    });
    const { json, ctx } = await post(auth, GOOD);
    expect(json?.token).toBe('late');
    expect(seen).toEqual([ctx, ctx]);
  });

  it('lets a failure of verify through, and makes 503 of one that says so', async () => {
    const broken = loginWith({ verify: () => Promise.reject(new Error('no database')) });
    await expect(post(broken, GOOD)).rejects.toThrow('login: verify failed: Error');
    const away = new GatewayError('ERR_GATEWAY_AUTH_UNAVAILABLE', 'no database');
    const { status, ctx } = await post(loginWith({ verify: () => Promise.reject(away) }), GOOD);
    expect([status, ctx.refusal, ctx.reason]).toEqual([503, 'ERR_GATEWAY_AUTH_UNAVAILABLE', 'no database']);
  });

  it.each(['', undefined, 5, {}])('fails where sign gives %j', async (token) => {
    const auth = loginWith({ sign: () => token as string });
    await expect(post(auth, GOOD)).rejects.toThrow('sign must return a text that is not empty');
  });

  it('is asked by POST alone', async () => {
    const auth = loginWith();
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await send(auth, { method });
      expect([status, headers.allow]).toEqual([405, 'POST']);
    }
  });

  describe('reads', () => {
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };

    it('a form', async () => {
      expect((await post(loginWith(), 'email=ada%40example.com&password=correct+horse', form)).status).toBe(200);
    });

    it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.login+json'])(
      'JSON that says %s',
      async (type) => {
        expect((await post(loginWith(), GOOD, { headers: { 'content-type': type } })).status).toBe(200);
      },
    );

    it('a text, and a body that comes in pieces', async () => {
      const text = JSON.stringify(GOOD);
      const headers = { 'content-type': 'application/json' };
      const pieces = Readable.from([Buffer.from(text.slice(0, 9)), Buffer.from(text.slice(9))]);
      for (const body of [text, pieces])
        expect((await send(loginWith(), { method: 'POST', headers, body })).status).toBe(200);
    });

    it('a body that a limiter has read, and leaves it for whoever runs the handler again', async () => {
      const auth = loginWith();
      const first = await post(auth, '', { body: Readable.from([Buffer.from(JSON.stringify(GOOD))]) });
      expect(first.status).toBe(200);
      expect((await auth(first.ctx)).status).toBe(200);
    });

    it('the members that fields names', async () => {
      const auth = loginWith({ fields: { user: 'login', password: 'pin' } });
      expect((await post(auth, { login: GOOD.email, pin: GOOD.password })).status).toBe(200);
      const { status, json } = await post(auth, GOOD);
      expect([status, json?.detail]).toEqual([
        400,
        'The body needs login and pin: texts that are neither empty nor longer than 1 KiB.',
      ]);
    });

    it('credentials as they are: neither trimmed nor in lower case', async () => {
      const seen = vi.fn(verify);
      await post(loginWith({ verify: seen }), { email: ' Ada ', password: ' Pass ' });
      expect(seen.mock.calls[0]?.[0]).toEqual({ user: ' Ada ', password: ' Pass ' });
    });
  });

  describe('refuses before anybody is asked', () => {
    const long = 'x'.repeat(1_025);
    const type = (value: string): FakeRequestOptions => ({ headers: { 'content-type': value } });

    it.each<[string, unknown, FakeRequestOptions?]>([
      ['no JSON', '{"email":'],
      ['an empty body', ''],
      ['null', 'null'],
      ['a number', '5'],
      ['a list', '["ada@example.com","correct horse"]'],
      ['no members', {}],
      ['no password', { email: GOOD.email }],
      ['an empty user', { ...GOOD, email: '' }],
      ['an empty password', { ...GOOD, password: '' }],
      ['a number for a password', { ...GOOD, password: 5 }],
      ['an object for a user', { ...GOOD, email: { $ne: null } }],
      ['a list for a user', { ...GOOD, email: ['ada@example.com'] }],
      ['a NUL', { ...GOOD, password: `${GOOD.password}\0` }],
      ['a user of more than 1 KiB', { ...GOOD, email: long }],
      ['a password of more than 1 KiB in bytes', { ...GOOD, password: '中'.repeat(342) }],
      ['a member of the prototype', '{"__proto__":{"email":"ada@example.com","password":"correct horse"}}'],
      ['bytes that are no UTF-8', '', { body: Buffer.from('{"email":"a","password":"\xff"}', 'latin1') }],
      ['a field that is there twice', 'email=a&email=b&password=c', type('application/x-www-form-urlencoded')],
      ['JSON that says it is a form', GOOD, type('application/x-www-form-urlencoded')],
      ['JSON that says it is text', GOOD, type('text/plain')],
      ['a multipart form', GOOD, type('multipart/form-data; boundary=x')],
      ['no type', GOOD, type('')],
      ['a compressed body', GOOD, { headers: { 'content-encoding': 'gzip' } }],
      ['no body', '', { body: null }],
    ])('%s', async (_case, body, overrides) => {
      const seen = vi.fn(verify);
      const { status, ctx, json } = await post(loginWith({ verify: seen }), body, overrides);
      expect([status, ctx.refusal]).toEqual([400, 'ERR_GATEWAY_REQUEST_MALFORMED']);
      expect(json?.detail).toEqual(expect.any(String));
      expect(seen).not.toHaveBeenCalled();
    });

    it('a member that nobody sent, be it on every object', async () => {
      Object.defineProperty(Object.prototype, 'password', { value: GOOD.password, configurable: true });
      try {
        expect((await post(loginWith(), { email: GOOD.email })).status).toBe(400);
      } finally {
        delete (Object.prototype as { password?: unknown }).password;
      }
    });

    it.each<[string, FakeRequestOptions]>([
      ['bytes', { body: Buffer.alloc(8_193, ' ') }],
      ['a text', { body: ' '.repeat(8_193) }],
      ['a length that says so', { headers: { 'content-length': '8193' }, body: Readable.from([]) }],
      ['a stream', { body: Readable.from([Buffer.alloc(8_192, ' '), Buffer.alloc(1, ' ')]) }],
    ])('a body over the limit: %s', async (_case, overrides) => {
      const { status, ctx } = await post(loginWith(), '', overrides);
      expect([status, ctx.refusal]).toEqual([413, 'ERR_GATEWAY_BODY_TOO_LARGE']);
    });

    it('a body over maxBodyBytes, and none that just fits', async () => {
      const bytes = Buffer.byteLength(JSON.stringify(GOOD));
      expect((await post(loginWith({ maxBodyBytes: bytes }), GOOD)).status).toBe(200);
      expect((await post(loginWith({ maxBodyBytes: bytes - 1 }), GOOD)).status).toBe(413);
    });

    it('a body that somebody has eaten', async () => {
      const bodyFault = { code: 'ERR_GATEWAY_BODY_CONSUMED', detail: 'eaten' } as const;
      const { status, json } = await post(loginWith(), '', { body: null, bodyFault });
      expect([status, json?.detail]).toEqual([500, 'eaten']);
    });
  });

  describe('says of the user', () => {
    async function claimsOf(user: Record<string, unknown>): Promise<unknown> {
      const { json } = await post(loginWith({ verify: () => user }), GOOD);
      return JSON.parse((json?.token as string).slice('signed '.length));
    }

    it('in a token: who he is and what he may do, and nothing else', async () => {
      const rights = { role: 'a', roles: ['a'], scope: 'x', scopes: ['x'], tenant: 't' };
      expect(await claimsOf({ id: 'u1', email: 'e', ...rights, name: 'Ada', exp: 5 })).toEqual({
        sub: 'u1',
        email: 'e',
        ...rights,
      });
    });

    it.each([
      [{ id: 7, userId: 8, sub: 9 }, '7'],
      [{ id: 0 }, '0'],
      [{ userId: 8, sub: 9 }, '8'],
      [{ sub: 'nine' }, 'nine'],
      [{ id: null, sub: 'nine' }, 'nine'],
    ])('his id: %j', async (user, sub) => {
      expect(await claimsOf(user)).toEqual({ sub });
    });

    it.each<[string, object]>([
      ['none', { name: 'Ada' }],
      ['an empty text', { id: '' }],
      ['an object', { id: { $oid: '5' } }],
      ['a list', { id: [7] }],
      ['a fraction', { id: 0.5 }],
      ['NaN', { id: NaN }],
      ['true', { id: true }],
      ['one that he inherits', Object.create({ id: 7 }) as object],
      ['none in a list', [{ id: 7 }]],
    ])('nothing where his id is %s', async (_case, user) => {
      const auth = loginWith({ verify: () => user as Record<string, unknown> });
      await expect(post(auth, GOOD)).rejects.toThrow('has no id, userId or sub');
      await expect(post(auth, GOOD)).rejects.toMatchObject({ code: 'ERR_GATEWAY_INTERNAL' });
    });

    it('what claimsOf and userView say', async () => {
      const auth = login({
        verify: () => ({ key: 'k1', name: 'Ada' }),
        sign: (claims) => JSON.stringify(claims),
        claimsOf: ({ key }) => ({ sub: key }),
        userView: ({ name }) => ({ name }),
      });
      expect((await post(auth, GOOD)).json).toMatchObject({ token: '{"sub":"k1"}', user: { name: 'Ada' } });
    });

    it('nothing where claimsOf gives no object', async () => {
      const auth = loginWith({ claimsOf: () => null as never });
      await expect(post(auth, GOOD)).rejects.toThrow('claims must be an object');
    });

    it('in the answer: no member with a name like a secret, at any depth', async () => {
      const secrets = Object.fromEntries(
        ['password', 'passwordHash', 'PASSWD', 'pwd', 'salt', 'resetToken', 'totpSecret', 'api_key', 'privateKey'].map(
          (name) => [name, 'planted'],
        ),
      );
      const user = { id: 7, ...secrets, profile: { name: 'Ada', ...secrets }, keys: [{ kind: 'a', ...secrets }] };
      const { json } = await post(loginWith({ verify: () => user }), GOOD);
      expect(json?.user).toEqual({ id: 7, profile: { name: 'Ada' }, keys: [{ kind: 'a' }] });
    });
  });

  describe('with a session', () => {
    const session = {
      create: (claims: object) => `session=${Buffer.from(JSON.stringify(claims)).toString('hex')}`,
      clear: () => 'session=; Max-Age=0',
    };

    it('begins it with the claims of the token', async () => {
      const { headers } = await post(loginWith({ session, claimsOf: () => ({ sub: '7' }) }), GOOD);
      expect(headers['set-cookie']).toBe(session.create({ sub: '7' }));
    });

    it('begins none for bad credentials', async () => {
      const { status, headers } = await post(loginWith({ session }), { ...GOOD, password: 'x' });
      expect([status, headers['set-cookie']]).toEqual([401, undefined]);
    });

    it('ends it at a logout, without a body too', async () => {
      const { logout } = loginWith({ session });
      for (const { status, headers, json } of [await send(logout, { method: 'POST' }), await post(logout, {})])
        expect([status, headers, json]).toEqual([204, { 'set-cookie': session.clear() }, null]);
    });

    const formType = 'application/x-www-form-urlencoded';
    const form = 'email=ada%40example.com&password=correct+horse';

    it('refuses what a page of another site can send without asking', async () => {
      const auth = loginWith({ session });
      const headers = { 'content-type': formType, 'sec-fetch-site': 'cross-site' };
      const { status, headers: sent, ctx } = await post(auth, form, { headers });
      expect([status, sent['set-cookie'], ctx.refusal]).toEqual([403, undefined, 'ERR_GATEWAY_FORBIDDEN']);
      const logout = await send(auth.logout, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } });
      expect([logout.status, logout.headers['set-cookie']]).toEqual([403, undefined]);
    });

    it.each<[string, Record<string, string>]>([
      ['a form of the same site', { 'content-type': formType, 'sec-fetch-site': 'same-site' }],
      ['a form of what is no browser', { 'content-type': formType }],
    ])('takes %s', async (_case, headers) => {
      expect((await post(loginWith({ session }), form, { headers })).status).toBe(200);
    });

    it('leaves a login without cookies to pages of other sites', async () => {
      const headers = { 'content-type': formType, 'sec-fetch-site': 'cross-site' };
      expect((await post(loginWith(), form, { headers })).status).toBe(200);
    });

    it('takes JSON of another site, for which its browser has asked', async () => {
      const headers = { 'sec-fetch-site': 'cross-site' };
      expect((await post(loginWith({ session }), GOOD, { headers })).status).toBe(200);
    });
  });

  describe('rateLimits', () => {
    it('bounds attempts by address, and those that fail by user', () => {
      expect(loginWith().rateLimits).toEqual([
        { limit: 20, windowMs: 900_000, key: 'ip' },
        { limit: 5, windowMs: 900_000, key: { body: 'email' }, skipSuccessfulRequests: true },
      ]);
      expect(loginWith({ fields: { user: 'login' } }).rateLimits[1]).toMatchObject({ key: { body: 'login' } });
    });

    it('are those of the option, or none', () => {
      const rateLimits = [{ limit: 1, windowMs: 1_000 }];
      expect(loginWith({ rateLimits }).rateLimits).toBe(rateLimits);
      expect(loginWith({ rateLimits: false }).rateLimits).toEqual([]);
    });
  });
});
