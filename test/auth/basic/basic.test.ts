import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { basic } from '../../../src/auth/basic/basic.js';
import { hashPassword, matchesPassword } from '../../../src/auth/basic/hash-password.js';
import type { BasicUser, VerifyUser } from '../../../src/auth/basic/options.js';
import type { Caller } from '../../../src/auth/caller.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';

vi.mock(import('../../../src/auth/basic/hash-password.js'), async (original) => {
  const real = await original();
  return { ...real, matchesPassword: vi.fn(real.matchesPassword) };
});
const checks = vi.mocked(matchesPassword);

const WRONG = { failure: 'invalid', reason: 'a wrong user name or password' };
const MALFORMED = { failure: 'invalid', reason: 'not base64 of a user name, a colon and a password' };
const BUSY = { failure: 'unavailable', reason: 'too many passwords wait to be checked' };

function encoded(text: string | Uint8Array) {
  return Buffer.from(text).toString('base64');
}

function withField(authorization: string) {
  return fakeContext({ headers: { authorization } });
}

function login(username: string, password: string) {
  return withField(`Basic ${encoded(`${username}:${password}`)}`);
}

function verifyOf(answer: (username: string, password: string) => unknown) {
  return vi.fn(answer) as unknown as VerifyUser & ReturnType<typeof vi.fn>;
}

function cheapHash(password: string, cost = 1_024) {
  return hashPassword(password, { cost, parallelization: 1 });
}

const LONG_PASSWORD = 'p'.repeat(6_000);
let users: BasicUser[];

beforeAll(async () => {
  users = [
    {
      username: 'ada',
      passwordHash: await cheapHash('lovelace:1815'),
      scopes: ['orders:read'],
      roles: ['admin'],
      tenant: 'acme',
      claims: { plan: 'gold' },
      rateLimit: { limit: 10, windowMs: 1_000 },
    },
    { username: 'j\u00fcrgen', passwordHash: await cheapHash('\u20ac \u{1f511}') },
    { username: '__proto__', passwordHash: await cheapHash(LONG_PASSWORD) },
  ];
});

beforeEach(() => {
  checks.mockReset();
});

describe('basic with users', () => {
  it('knows who logs in, with all that he was given', async () => {
    const strategy = basic({ users });
    expect(await strategy.authenticate(login('ada', 'lovelace:1815'))).toEqual({
      id: 'ada',
      scheme: 'basic',
      claims: { plan: 'gold' },
      scopes: ['orders:read'],
      roles: ['admin'],
      tenant: 'acme',
      rateLimit: { limit: 10, windowMs: 1_000 },
    });
  });

  it.each([
    ['a name and a password in UTF-8', 'j\u00fcrgen', '\u20ac \u{1f511}'],
    ['a long password, and a name that objects inherit', '__proto__', LONG_PASSWORD],
  ])('takes %s', async (_, username, password) => {
    expect(await basic({ users }).authenticate(login(username, password))).toMatchObject({ id: username });
  });

  it('takes the scheme in any case', async () => {
    const field = `bASIC ${encoded('ada:lovelace:1815')}`;
    expect(await basic({ users }).authenticate(withField(field))).toMatchObject({ id: 'ada' });
  });

  it.each([
    ['ada', 'lovelace:1816'],
    ['ada', 'lovelace'],
    ['ada', ''],
    ['Ada', 'lovelace:1815'],
    ['constructor', 'lovelace:1815'],
    ['toString', ''],
    ['ad', 'a:lovelace:1815'],
  ])('refuses %s with the password %j', async (username, password) => {
    expect(await basic({ users }).authenticate(login(username, password))).toEqual(WRONG);
  });

  it('refuses an unknown name, be its password that of anybody else', async () => {
    const strategy = basic({ users: users.slice(0, 1) });
    expect(await strategy.authenticate(login('eve', 'lovelace:1815'))).toEqual(WRONG);
  });

  it.each([undefined, 'Bearer abc', 'Basically abc', 'Digest username="ada"'])(
    'has no say about %s',
    (authorization) => {
      const ctx = authorization === undefined ? fakeContext() : withField(authorization);
      expect(basic({ users }).authenticate(ctx)).toBeNull();
    },
  );

  it.each([
    ['base64 without its padding', encoded('ada:lovelace:181').replace(/=+$/, '')],
    ['base64 with more padding', `${encoded('ada:lovelace:1815')}====`],
    ['base64 whose last bits are not 0', 'YTpiZR=='],
    ['base64url', encoded('ada:\u{fffff}\u{fffff}>>>').replaceAll('+', '-').replaceAll('/', '_')],
    ['characters that are no base64', `!${encoded('ada:lovelace:1815')}`],
    ['the text itself', 'ada:lovelace'],
    ['%00', '%00'],
    ['no colon', encoded('ada')],
    ['no name', encoded(':lovelace:1815')],
    ['a colon alone', encoded(':')],
    ['NUL in the name', encoded('ada\0:lovelace:1815')],
    ['NUL in the password', encoded('ada:lovelace:1815\0')],
    ['a line end', encoded('ada:lovelace:1815\r\n')],
    ['DEL', encoded('ada:\x7f')],
    ['ISO 8859-1', encoded(Buffer.from('j\u00fcrgen:x', 'latin1'))],
    ['UTF-8 that is cut', encoded(Buffer.from('ada:\u20ac').subarray(0, -1))],
    ['overlong UTF-8', encoded(Uint8Array.of(0x61, 0x3a, 0xc0, 0xaf))],
  ])('refuses %s at once, without checking a password', (_, credential) => {
    expect(basic({ users }).authenticate(withField(`Basic ${credential}`))).toEqual(MALFORMED);
    expect(checks).not.toHaveBeenCalled();
  });

  it.each([
    ['nothing', 'Basic'],
    ['a blank', 'Basic  '],
    ['two credentials', `Basic ${encoded('ada:b')} ${encoded('ada:c')}`],
    ['two fields, as Node would join them', `Basic ${encoded('ada:b')}, Basic ${encoded('ada:c')}`],
    ['a password of 8 KB', `Basic ${encoded(`ada:${'x'.repeat(8_192)}`)}`],
    ['1 MB', `Basic ${'A'.repeat(1_048_576)}`],
  ])('refuses %s at once, without checking a password', (_, field) => {
    expect(basic({ users }).authenticate(withField(field))).toMatchObject({ failure: 'invalid' });
    expect(checks).not.toHaveBeenCalled();
  });

  it('checks a password for an unknown name, too, at the cost of one and the same user', async () => {
    const mixed = [
      { username: 'ada', passwordHash: await cheapHash('a', 1_024) },
      { username: 'bob', passwordHash: await cheapHash('b', 2_048) },
    ];
    const strategy = basic({ users: mixed });
    const costs = new Set<number>();
    for (let number = 0; number < 32; number++) {
      checks.mockClear();
      for (const password of ['1', '2', '3']) await strategy.authenticate(login(`eve${number}`, password));
      const seen = checks.mock.calls.map(([{ cost }]) => cost);
      expect(seen).toHaveLength(3);
      expect(new Set(seen).size).toBe(1);
      costs.add(seen[0] ?? 0);
    }
    expect(costs).toEqual(new Set([1_024, 2_048]));
  });

  it('keeps a login that was right, and answers at once', async () => {
    const clock = new FakeClock();
    const strategy = basic({ users, clock });
    const identity = await strategy.authenticate(login('ada', 'lovelace:1815'));
    clock.advance(59_999);
    expect(strategy.authenticate(login('ada', 'lovelace:1815'))).toBe(identity);
    expect(checks).toHaveBeenCalledTimes(1);
    clock.advance(2);
    expect(await strategy.authenticate(login('ada', 'lovelace:1815'))).toBe(identity);
    expect(checks).toHaveBeenCalledTimes(2);
  });

  it('lets nobody in with what is kept for another password', async () => {
    const strategy = basic({ users });
    await strategy.authenticate(login('ada', 'lovelace:1815'));
    expect(await strategy.authenticate(login('ada', 'lovelace:181'))).toEqual(WRONG);
    expect(await strategy.authenticate(login('adalove', 'lace:1815'))).toEqual(WRONG);
  });

  it('keeps no login that was wrong', async () => {
    const strategy = basic({ users });
    await strategy.authenticate(login('ada', 'wrong'));
    await strategy.authenticate(login('ada', 'wrong'));
    expect(checks).toHaveBeenCalledTimes(2);
  });

  it('keeps nothing with a TTL of 0', async () => {
    const strategy = basic({ users, cacheTtlMs: 0 });
    await strategy.authenticate(login('ada', 'lovelace:1815'));
    await strategy.authenticate(login('ada', 'lovelace:1815'));
    expect(checks).toHaveBeenCalledTimes(2);
  });

  it('keeps the latest logins alone', async () => {
    const strategy = basic({ users, cacheSize: 1 });
    await strategy.authenticate(login('ada', 'lovelace:1815'));
    await strategy.authenticate(login('__proto__', LONG_PASSWORD));
    await strategy.authenticate(login('ada', 'lovelace:1815'));
    expect(checks).toHaveBeenCalledTimes(3);
  });

  it('checks the same login once at a time', async () => {
    const strategy = basic({ users, cacheTtlMs: 0 });
    const results = Array.from({ length: 50 }, async () => strategy.authenticate(login('ada', 'lovelace:1815')));
    const identities = await Promise.all(results);
    expect(new Set(identities).size).toBe(1);
    expect(identities[0]).toMatchObject({ id: 'ada' });
    expect(checks).toHaveBeenCalledTimes(1);
  });

  it('checks 2 passwords at a time and lets 50 wait, unless told otherwise', async () => {
    let running = 0;
    let most = 0;
    checks.mockImplementation(async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return false;
    });
    async function flood(strategy: ReturnType<typeof basic>) {
      most = 0;
      const results = await Promise.all(
        Array.from({ length: 60 }, async (_, index) => strategy.authenticate(login('ada', String(index)))),
      );
      return { most, refused: results.filter((result) => JSON.stringify(result) === JSON.stringify(BUSY)).length };
    }
    expect(await flood(basic({ users }))).toEqual({ most: 2, refused: 8 });
    expect(await flood(basic({ users, maxConcurrent: 3, maxQueue: 0 }))).toEqual({ most: 3, refused: 57 });
  });

  it('tells where it looks', () => {
    const { name, scheme, sources } = basic({ users });
    expect({ name, scheme, sources }).toEqual({
      name: 'basic',
      scheme: 'Basic',
      sources: [{ header: 'authorization' }],
    });
  });
});

describe('basic with verify', () => {
  const ada: Caller = { id: 'u-1', roles: ['admin'] };

  it('asks with the name and the password, and keeps who was right', async () => {
    const verify = verifyOf(() => Promise.resolve(ada));
    const strategy = basic({ verify });
    const identity = await strategy.authenticate(login('ada', 'a:b'));
    expect(identity).toEqual({ id: 'u-1', scheme: 'basic', claims: {}, scopes: [], roles: ['admin'] });
    expect(strategy.authenticate(login('ada', 'a:b'))).toBe(identity);
    expect(verify.mock.calls).toEqual([['ada', 'a:b']]);
  });

  it.each([null, undefined])('refuses those for whom it answers %s, and keeps nothing of them', async (answer) => {
    const verify = verifyOf(() => answer);
    const strategy = basic({ verify });
    expect(await strategy.authenticate(login('ada', 'x'))).toEqual(WRONG);
    expect(await strategy.authenticate(login('ada', 'x'))).toEqual(WRONG);
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it('cannot tell where it fails, and says nothing of the password', async () => {
    const verify = verifyOf((username, password) => Promise.reject(new Error(`${username}:${password}`)));
    const strategy = basic({ verify });
    const failure = { failure: 'unavailable', reason: 'verify failed: Error' };
    expect(await strategy.authenticate(login('ada', 'planted'))).toEqual(failure);
    expect(await strategy.authenticate(login('ada', 'planted'))).toEqual(failure);
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it.each([true, {}, { id: '' }, { id: 'ada', admin: true }, 'planted'])(
    'rejects where it answers %o',
    async (answer) => {
      const strategy = basic({ verify: verifyOf(() => answer) });
      const error: unknown = await Promise.resolve(strategy.authenticate(login('ada', 'x'))).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).not.toContain('planted');
    },
  );

  it('has all its places again after failures', async () => {
    const answers = [Promise.reject(new Error('down')), true, null, ada];
    const strategy = basic({ verify: verifyOf(() => answers.shift()), maxConcurrent: 1, maxQueue: 0 });
    expect(await strategy.authenticate(login('ada', 'x'))).toMatchObject({ failure: 'unavailable' });
    await expect(strategy.authenticate(login('ada', 'x'))).rejects.toThrow(TypeError);
    expect(await strategy.authenticate(login('ada', 'x'))).toEqual(WRONG);
    expect(await strategy.authenticate(login('ada', 'x'))).toMatchObject({ id: 'u-1' });
  });
});
