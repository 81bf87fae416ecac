import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { login } from '../../../src/auth/login/login.js';
import { MemoryRefreshTokenStore } from '../../../src/auth/login/memory-refresh-token-store.js';
import type { LoginOptions, RefreshOptions } from '../../../src/auth/login/options.js';
import type { RefreshTokenStore } from '../../../src/auth/login/refresh-token-store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { post, send } from './exchange.js';

const GOOD = { email: 'ada@example.com', password: 'correct horse' };
const DAY_MS = 86_400_000;

function setUp(refresh: RefreshOptions | true = true, options: Partial<LoginOptions> = {}) {
  const clock = new FakeClock();
  let signed = 0;
  const auth = login({
    verify: () => ({ id: 7, role: 'admin' }),
    sign: (claims) => `${JSON.stringify(claims)} ${++signed}`,
    refresh,
    clock,
    ...options,
  });

  async function logIn(): Promise<string> {
    return (await post(auth, GOOD)).json?.refreshToken as string;
  }

  const refreshWith = (refreshToken: string) => post(auth.refresh, { refreshToken });
  return { auth, clock, logIn, refreshWith, logOutWith: (refreshToken: string) => post(auth.logout, { refreshToken }) };
}

/** A store in which one method can be put in the place of another. */
function storeWith(changes: Partial<RefreshTokenStore>): RefreshTokenStore {
  const store = new MemoryRefreshTokenStore();
  return {
    create: (...args) => store.create(...args),
    rotate: (...args) => store.rotate(...args),
    revoke: (family) => store.revoke(family),
    ...changes,
  };
}

describe('login with refresh', () => {
  it('hands out a refresh token beside an access token that is short-lived', async () => {
    const { auth } = setUp();
    const { json } = await post(auth, GOOD);
    expect(json).toEqual({
      token: '{"sub":"7","role":"admin"} 1',
      expiresIn: 900,
      user: { id: 7, role: 'admin' },
      refreshToken: expect.stringMatching(/^[\w-]{22}\.[\w-]{43}$/) as string,
      refreshExpiresIn: 2_592_000,
    });
  });

  it('makes each token of fresh randomness: 128 bits for the family, 256 for the secret', async () => {
    const sizes: number[] = [];
    const randomBytes = (size: number): Buffer => Buffer.alloc(size, sizes.push(size));
    const { logIn, refreshWith } = setUp(true, { randomBytes });
    const first = `${Buffer.alloc(16, 1).toString('base64url')}.${Buffer.alloc(32, 2).toString('base64url')}`;
    expect(await logIn()).toBe(first);
    const second = `${Buffer.alloc(16, 1).toString('base64url')}.${Buffer.alloc(32, 3).toString('base64url')}`;
    expect((await refreshWith(first)).json?.refreshToken).toBe(second);
    expect(sizes).toEqual([16, 32, 32]);
  });

  it('shows the store nothing but hashes', async () => {
    const create = vi.fn();
    const { logIn } = setUp({ store: storeWith({ create }), expiresInMs: 60_000 });
    const [family, secret = ''] = (await logIn()).split('.');
    const hash = createHash('sha256').update(secret).digest('base64url');
    expect(create).toHaveBeenCalledExactlyOnceWith(family, hash, expect.any(String), 60_000);
    expect(JSON.stringify(create.mock.calls)).not.toContain(secret);
  });

  it('changes a token for new ones of the same user', async () => {
    const { logIn, refreshWith } = setUp();
    const first = await logIn();
    const { status, headers, json } = await refreshWith(first);
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(json).toEqual({
      token: '{"sub":"7","role":"admin"} 2',
      expiresIn: 900,
      refreshToken: expect.any(String) as string,
      refreshExpiresIn: 2_592_000,
    });
    const second = json?.refreshToken as string;
    expect(second).not.toBe(first);
    expect((await refreshWith(second)).status).toBe(200);
  });

  it('reads a form too', async () => {
    const { auth, logIn } = setUp();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(auth.refresh, `refreshToken=${await logIn()}`, { headers })).status).toBe(200);
  });

  it('ends the family where an earlier token comes again, and says so in the log alone', async () => {
    const { logIn, refreshWith } = setUp();
    const stolen = await logIn();
    const latest = (await refreshWith(stolen)).json?.refreshToken as string;
    const again = await refreshWith(stolen);
    expect([again.status, again.ctx.reason]).toEqual([401, 'refresh token reused, its family is revoked']);
    const victim = await refreshWith(latest);
    expect([victim.status, victim.ctx.reason]).toEqual([401, 'refresh token unknown, expired or revoked']);
    expect(again.json).toEqual(victim.json);
    expect(again.headers).toEqual(victim.headers);
    expect(again.headers['www-authenticate']).toBe('Bearer realm="api"');
  });

  it('leaves other logins of the same user alone', async () => {
    const { logIn, refreshWith } = setUp();
    const [phone, laptop] = [await logIn(), await logIn()];
    await refreshWith(phone);
    await refreshWith(phone);
    expect((await refreshWith(laptop)).status).toBe(200);
  });

  it('lets one of two win that come with a token at the same time', async () => {
    const { logIn, refreshWith } = setUp();
    const token = await logIn();
    const both = await Promise.all([refreshWith(token), refreshWith(token)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    const winner = both.find(({ status }) => status === 200);
    expect((await refreshWith(winner?.json?.refreshToken as string)).status).toBe(401);
  });

  it('ends a token that nobody uses in time', async () => {
    const { clock, logIn, refreshWith } = setUp({ expiresInMs: 60_000 });
    const [used, forgotten] = [await logIn(), await logIn()];
    clock.advance(59_999);
    const next = (await refreshWith(used)).json?.refreshToken as string;
    clock.advance(1);
    expect((await refreshWith(forgotten)).status).toBe(401);
    clock.advance(59_998);
    expect((await refreshWith(next)).status).toBe(200);
  });

  it('ends a login at its lifetime, however often it was refreshed, and tells how long is left', async () => {
    const { clock, logIn, refreshWith } = setUp({ expiresInMs: 30 * DAY_MS, maxLifetimeMs: 50 * DAY_MS });
    let token = await logIn();
    clock.advance(25 * DAY_MS);
    const second = await refreshWith(token);
    expect(second.json?.refreshExpiresIn).toBe((25 * DAY_MS) / 1_000);
    token = second.json?.refreshToken as string;
    clock.advance(25 * DAY_MS);
    const late = await refreshWith(token);
    expect([late.status, late.ctx.reason]).toEqual([401, 'refresh token past the lifetime of its login']);
    const { ctx } = await refreshWith(token);
    expect(ctx.reason).toBe('refresh token unknown, expired or revoked');
  });

  it('lasts 90 days by default, or as long as one token where that is more', async () => {
    const { auth } = setUp({ expiresInMs: 120 * DAY_MS });
    expect((await post(auth, GOOD)).json?.refreshExpiresIn).toBe((120 * DAY_MS) / 1_000);
    const { clock, logIn, refreshWith } = setUp();
    let token = await logIn();
    for (let days = 0; days < 80; days += 20) {
      clock.advance(20 * DAY_MS);
      token = (await refreshWith(token)).json?.refreshToken as string;
    }
    clock.advance(10 * DAY_MS);
    expect((await refreshWith(token)).status).toBe(401);
  });

  it('goes on for ever where its lifetime is Infinity', async () => {
    const { clock, logIn, refreshWith } = setUp({ maxLifetimeMs: Infinity });
    let token = await logIn();
    for (let month = 0; month < 50; month++) {
      clock.advance(29 * DAY_MS);
      const { status, json } = await refreshWith(token);
      expect([status, json?.refreshExpiresIn]).toEqual([200, 2_592_000]);
      token = json?.refreshToken as string;
    }
  });

  describe('asks no store for', () => {
    const family = 'f'.repeat(22);
    const secret = 's'.repeat(43);

    it.each([
      'x',
      '.',
      family,
      `${family}.`,
      `.${secret}`,
      `${family}.${secret}x`,
      `x${family}.${secret}`,
      `${family}.${secret}.`,
      `${family}.${secret}\n`,
      ` ${family}.${secret}`,
      `${family}${secret}`,
      `${'f'.repeat(21)}*.${secret}`,
      `${'f'.repeat(20)}}{.${secret}`,
      `${'f'.repeat(20)}=.${secret}`,
      '__proto__',
      `${'é'.repeat(22)}.${secret}`,
    ])('%j, which is no token', async (token) => {
      const rotate = vi.fn();
      const revoke = vi.fn();
      const { refreshWith, logOutWith } = setUp({ store: storeWith({ rotate, revoke }) });
      const { status, ctx } = await refreshWith(token);
      expect([status, ctx.reason]).toEqual([401, 'refresh token malformed']);
      expect((await logOutWith(token)).status).toBe(204);
      expect(rotate).not.toHaveBeenCalled();
      expect(revoke).not.toHaveBeenCalled();
    });
  });

  it('answers a token that it has never made as one that is over', async () => {
    const { refreshWith } = setUp();
    const malformed = await refreshWith('x');
    const unknown = await refreshWith(`${'f'.repeat(22)}.${'s'.repeat(43)}`);
    expect([unknown.status, unknown.json]).toEqual([401, malformed.json]);
  });

  it.each<[string, unknown]>([
    ['no token', {}],
    ['a number', { refreshToken: 5 }],
    ['an empty text', { refreshToken: '' }],
    ['no JSON', '{'],
  ])('refuses a request with %s', async (_case, body) => {
    expect((await post(setUp().auth.refresh, body)).status).toBe(400);
  });

  it('is asked by POST alone', async () => {
    const { auth } = setUp();
    for (const handler of [auth.refresh, auth.logout]) {
      const { status, headers } = await send(handler, { method: 'GET' });
      expect([status, headers.allow]).toEqual([405, 'POST']);
    }
  });

  it('is not there without the option, nor with false', async () => {
    for (const options of [{}, { refresh: false }]) {
      const auth = login({ verify: () => ({ id: 7 }), sign: () => 'token', ...options });
      expect((await post(auth, GOOD)).json).toEqual({ token: 'token', expiresIn: 86_400, user: { id: 7 } });
      const { status, ctx } = await post(auth.refresh, { refreshToken: 'x' });
      expect([status, ctx.reason]).toEqual([404, 'login has no option refresh']);
      expect((await post(auth.logout, { refreshToken: 'x' })).status).toBe(204);
    }
  });

  it('renews the session', async () => {
    const session = { create: () => 'session=new', clear: () => 'session=' };
    const { logIn, refreshWith } = setUp(true, { session });
    expect((await refreshWith(await logIn())).headers['set-cookie']).toBe('session=new');
  });

  describe('reload', () => {
    it('says what the next access token says, given the claims of the login', async () => {
      const reload = vi.fn(() => Promise.resolve({ sub: '7', role: 'guest' }));
      const { logIn, refreshWith } = setUp({ reload });
      let token = await logIn();
      for (const step of [2, 3]) {
        const { json, ctx } = await refreshWith(token);
        expect(json?.token).toBe(`{"sub":"7","role":"guest"} ${step}`);
        expect(reload).toHaveBeenLastCalledWith({ sub: '7', role: 'admin' }, ctx);
        token = json?.refreshToken as string;
      }
    });

    it.each([null, undefined])('revokes the family with %s', async (nobody) => {
      const revoke = vi.fn();
      const { logIn, refreshWith } = setUp({ store: storeWith({ revoke }), reload: () => nobody });
      const token = await logIn();
      const { status, ctx, json } = await refreshWith(token);
      expect([status, ctx.reason]).toEqual([401, 'reload does not let the user in any more']);
      expect(json?.refreshToken).toBeUndefined();
      expect(revoke).toHaveBeenCalledExactlyOnceWith(token.split('.')[0]);
    });

    it('costs the client no token where it fails, and an earlier one stays spent', async () => {
      const reload = vi.fn((claims: object) => claims as Record<string, unknown>);
      const { logIn, refreshWith } = setUp({ reload });
      const spent = await logIn();
      const token = (await refreshWith(spent)).json?.refreshToken as string;
      reload.mockImplementationOnce(() => {
        throw new Error('no database');
      });
      await expect(refreshWith(token)).rejects.toThrow('no database');
      const { status, json } = await refreshWith(token);
      expect(status).toBe(200);
      expect((await refreshWith(spent)).status).toBe(401);
      expect((await refreshWith(json?.refreshToken as string)).status).toBe(401);
    });

    it('lets its own failure be seen where the token cannot be given back', async () => {
      const rotate = vi.fn<RefreshTokenStore['rotate']>();
      rotate.mockReturnValueOnce({ outcome: 'rotated', data: '{"claims":{},"endsAt":null}' });
      rotate.mockRejectedValueOnce(new Error('the store is away'));
      const reload = () => Promise.reject(new Error('no database'));
      const { logIn, refreshWith } = setUp({ store: storeWith({ rotate }), reload });
      await expect(refreshWith(await logIn())).rejects.toThrow('no database');
      expect(rotate).toHaveBeenCalledTimes(2);
    });
  });

  it('costs the client no token where signing fails', async () => {
    let isBroken = false;
    const sign = () => (isBroken ? Promise.reject(new Error('no key')) : 'token');
    const { logIn, refreshWith } = setUp(true, { sign });
    const token = await logIn();
    isBroken = true;
    await expect(refreshWith(token)).rejects.toThrow('no key');
    isBroken = false;
    expect((await refreshWith(token)).status).toBe(200);
  });

  it('creates no family for a login that fails later', async () => {
    const create = vi.fn();
    const { auth } = setUp({ store: storeWith({ create }) }, { sign: () => Promise.reject(new Error('no key')) });
    await expect(post(auth, GOOD)).rejects.toThrow('no key');
    expect(create).not.toHaveBeenCalled();
  });
});

describe('logout', () => {
  it('ends the family', async () => {
    const { logIn, refreshWith, logOutWith } = setUp();
    const token = await logIn();
    const { status, json, headers } = await logOutWith(token);
    expect([status, json, headers]).toEqual([204, null, {}]);
    expect((await refreshWith(token)).status).toBe(401);
  });

  it('ends it with an earlier token too, and answers 204 again', async () => {
    const { logIn, refreshWith, logOutWith } = setUp();
    const first = await logIn();
    const latest = (await refreshWith(first)).json?.refreshToken as string;
    expect((await logOutWith(first)).status).toBe(204);
    expect((await logOutWith(first)).status).toBe(204);
    expect((await refreshWith(latest)).status).toBe(401);
  });

  it('ends no other login', async () => {
    const { logIn, refreshWith, logOutWith } = setUp();
    const [phone, laptop] = [await logIn(), await logIn()];
    await logOutWith(phone);
    expect((await refreshWith(laptop)).status).toBe(200);
  });

  it('says 204 without a token, and not where it could not read what was sent', async () => {
    const { auth } = setUp();
    expect((await send(auth.logout, { method: 'POST' })).status).toBe(204);
    expect((await post(auth.logout, {})).status).toBe(204);
    expect((await post(auth.logout, '{"refreshToken":')).status).toBe(400);
    const bodyFault = { code: 'ERR_GATEWAY_BODY_CONSUMED', detail: 'eaten' } as const;
    expect((await send(auth.logout, { method: 'POST', bodyFault })).status).toBe(500);
  });
});

describe('a store that fails', () => {
  const failing = () => Promise.reject(new Error('READONLY'));
  const throwing = () => {
    throw new Error('READONLY');
  };

  it.each([
    ['rejects', failing],
    ['throws', throwing],
  ])('is 503, and nothing is handed out: it %s', async (_how, fail) => {
    const { auth } = setUp({ store: { create: fail, rotate: fail, revoke: fail } });
    const refreshToken = `${'f'.repeat(22)}.${'s'.repeat(43)}`;
    for (const exchange of [
      await post(auth, GOOD),
      await post(auth.refresh, { refreshToken }),
      await post(auth.logout, { refreshToken }),
    ]) {
      const { status, ctx, json } = exchange;
      expect([status, ctx.refusal]).toEqual([503, 'ERR_GATEWAY_AUTH_UNAVAILABLE']);
      expect(ctx.reason).toBe('the store of refresh tokens: READONLY');
      expect(json).not.toHaveProperty('token');
    }
  });

  it('is 503 when it does not answer in time, and leaves no timer', async () => {
    const never = () => new Promise<never>(() => undefined);
    const { auth, clock } = setUp({ store: storeWith({ create: never }), storeTimeoutMs: 200 });
    const answer = post(auth, GOOD);
    await clock.advanceAsync(200);
    const { status, ctx } = await answer;
    expect([status, ctx.reason]).toEqual([503, 'the store of refresh tokens: no answer within 200 ms']);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer when it answers', async () => {
    const { clock, logIn, refreshWith } = setUp();
    await refreshWith(await logIn());
    expect(clock.pending).toBe(0);
  });

  it.each([
    'planted',
    '',
    'null',
    '5',
    '[]',
    '{"claims":{}}',
    '{"endsAt":5}',
    '{"claims":[],"endsAt":null}',
    '{"claims":{},"endsAt":"5"}',
  ])('is 503 where it gives back what it was never given, which nobody is shown: %s', async (data) => {
    const { auth } = setUp({ store: storeWith({ rotate: () => ({ outcome: 'rotated', data }) }) });
    const refreshToken = `${'f'.repeat(22)}.${'s'.repeat(43)}`;
    const { status, ctx } = await post(auth.refresh, { refreshToken });
    expect(status).toBe(503);
    expect(ctx.reason).toBe('the store of refresh tokens: it gave back other data than it had been given');
  });

  it.each([undefined, null, 'rotated', {}, { outcome: 'maybe', data: '{"claims":{},"endsAt":null}' }])(
    'lets nobody in where it answers with %j',
    async (reply) => {
      const { auth } = setUp({ store: storeWith({ rotate: () => reply as never }) });
      const refreshToken = `${'f'.repeat(22)}.${'s'.repeat(43)}`;
      const status = await post(auth.refresh, { refreshToken }).then(
        (exchange) => exchange.status,
        () => 500,
      );
      expect(status).toBeGreaterThanOrEqual(401);
    },
  );
});
