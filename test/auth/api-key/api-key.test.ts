import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { apiKey } from '../../../src/auth/api-key/api-key.js';
import { hashApiKey } from '../../../src/auth/api-key/key-entry.js';
import type { ApiKeyLookup, FoundConsumer } from '../../../src/auth/api-key/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';

const KEY = 'shop-key-0123456789abcdef';
const OTHER_KEY = 'bank-key-0123456789abcdef';
const WALL = Date.UTC(2026, 0, 1);

function withKey(value: string | string[], name = 'x-api-key') {
  return fakeContext({ headers: { [name]: value } });
}

function lookupOf(answer: (sha256: string) => unknown) {
  return vi.fn(answer) as unknown as ApiKeyLookup & ReturnType<typeof vi.fn>;
}

describe('apiKey with consumers', () => {
  const strategy = apiKey({
    consumers: [
      {
        id: 'shop',
        keys: [KEY],
        scopes: ['orders:read'],
        roles: ['partner'],
        tenant: 'acme',
        claims: { plan: 'gold' },
        rateLimit: { limit: 10, windowMs: 1_000 },
      },
      { id: 'bank', keys: [{ sha256: hashApiKey(OTHER_KEY) }] },
    ],
  });

  it('knows the consumer of a key, with all that it was given', () => {
    expect(strategy.authenticate(withKey(KEY))).toEqual({
      id: 'shop',
      scheme: 'api-key',
      claims: { plan: 'gold' },
      scopes: ['orders:read'],
      roles: ['partner'],
      tenant: 'acme',
      consumer: 'shop',
      rateLimit: { limit: 10, windowMs: 1_000 },
    });
  });

  it('gives nothing to a consumer that was given nothing', () => {
    expect(strategy.authenticate(withKey(OTHER_KEY))).toEqual({
      id: 'bank',
      scheme: 'api-key',
      claims: {},
      scopes: [],
      roles: [],
      consumer: 'bank',
    });
  });

  it('makes the identity once, frozen, from a copy of the options', () => {
    const scopes = ['read'];
    const own = apiKey({ consumers: [{ id: 'shop', keys: [KEY], scopes }] });
    const identity = own.authenticate(withKey(KEY));
    scopes.push('admin');
    expect(identity).toMatchObject({ scopes: ['read'] });
    expect(Object.isFrozen(identity) && Object.isFrozen((identity as { scopes: unknown }).scopes)).toBe(true);
    expect(own.authenticate(withKey(KEY))).toBe(identity);
  });

  it('has no say about a request without a key', () => {
    expect(strategy.authenticate(fakeContext())).toBeNull();
  });

  it.each([
    ['another key', 'another-key-0123456789abcdef'],
    ['the hash of a key', hashApiKey(KEY)],
    ['a key in another case', KEY.toUpperCase()],
    ['a part of a key', KEY.slice(0, -1)],
    ['a key and more', `${KEY}0`],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['nothing', ''],
    ['a blank', ' '],
    ['NUL', '\0'],
    ['a key with NUL', `${KEY}\0`],
    ['1 MB', 'x'.repeat(1_048_576)],
    ['a key sent twice, as Node joins it', `${KEY}, ${KEY}`],
    ['a key sent twice, as a list', [KEY, KEY]],
    ['a letter outside of ASCII', `${KEY}\u00e9`],
  ])('refuses %s, and repeats nothing of it', (_, value) => {
    const result = strategy.authenticate(withKey(value));
    expect(result).toMatchObject({ failure: 'invalid' });
    expect(JSON.stringify(result)).not.toContain(KEY);
  });

  it('tells where it looks', () => {
    const { name, scheme, sources } = strategy;
    expect({ name, scheme, sources }).toEqual({
      name: 'api-key',
      scheme: 'ApiKey',
      sources: [{ header: 'x-api-key' }],
    });
  });

  it.each([
    ['a header of another name', { header: 'apikey' }, { headers: { apikey: KEY } }],
    ['Authorization with its scheme', { header: 'authorization' }, { headers: { authorization: `apikey ${KEY}` } }],
    ['a cookie', { cookie: 'key' }, { headers: { cookie: `a=b; key=${KEY}` } }],
    ['the query', { query: 'key' }, { url: `/?key=${KEY}` }],
    ['the second of two places', [{ header: 'apikey' }, { query: 'key' }], { url: `/?key=${KEY}` }],
  ] as const)('finds a key in %s', (_, keyFrom, request) => {
    const own = apiKey({ keyFrom, consumers: [{ id: 'shop', keys: [KEY] }] });
    expect(own.authenticate(fakeContext(request))).toMatchObject({ id: 'shop' });
    expect(own.authenticate(withKey(KEY))).toBeNull();
  });

  it.each(['hex', 'base64url'] as const)('takes a SHA-256 in %s', (encoding) => {
    const sha256 = createHash('sha256').update(KEY).digest(encoding);
    const own = apiKey({ consumers: [{ id: 'shop', keys: [{ sha256 }] }] });
    expect(own.authenticate(withKey(KEY))).toMatchObject({ id: 'shop' });
  });

  it('takes a SHA-256 in upper case', () => {
    const own = apiKey({ consumers: [{ id: 'shop', keys: [{ sha256: hashApiKey(KEY).toUpperCase() }] }] });
    expect(own.authenticate(withKey(KEY))).toMatchObject({ id: 'shop' });
  });

  it('keeps the names of claims and consumers harmless', () => {
    const claims = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    const own = apiKey({ consumers: [{ id: '__proto__', keys: [KEY], claims }] });
    const identity = own.authenticate(withKey(KEY)) as { claims: { admin?: unknown } };
    expect(identity).toMatchObject({ id: '__proto__', consumer: '__proto__' });
    expect(identity.claims.admin).toBeUndefined();
  });
});

describe('apiKey in the lifetime of a key', () => {
  it('lets one key replace another, each in its time by the wall clock', () => {
    const clock = new FakeClock({ wall: WALL });
    const strategy = apiKey({
      clock,
      consumers: [
        {
          id: 'shop',
          keys: [
            { key: KEY, expiresAt: new Date(WALL + 2_000) },
            { key: OTHER_KEY, notBefore: '2026-01-01T00:00:01Z' },
          ],
        },
      ],
    });
    function seen() {
      return [KEY, OTHER_KEY].map((key) => strategy.authenticate(withKey(key)));
    }
    const early = { failure: 'invalid', reason: 'a key before its time' };
    const late = { failure: 'invalid', reason: 'an expired key' };
    const shop = expect.objectContaining({ id: 'shop' }) as unknown;
    expect(seen()).toEqual([shop, early]);
    clock.advanceWall(999);
    expect(seen()).toEqual([shop, early]);
    clock.advanceWall(1);
    expect(seen()).toEqual([shop, shop]);
    clock.advanceWall(999);
    expect(seen()).toEqual([shop, shop]);
    clock.advanceWall(1);
    expect(seen()).toEqual([late, shop]);
  });
});

describe('apiKey with a lookup', () => {
  const shop: FoundConsumer = { id: 'shop', scopes: ['orders:read'] };

  it('asks with the SHA-256 alone, and answers at once while the answer is kept', async () => {
    const clock = new FakeClock();
    const lookup = lookupOf(() => shop);
    const strategy = apiKey({ lookup, clock });
    const first = await strategy.authenticate(withKey(KEY));
    expect(first).toEqual({
      id: 'shop',
      scheme: 'api-key',
      claims: {},
      scopes: ['orders:read'],
      roles: [],
      consumer: 'shop',
    });
    expect(lookup.mock.calls).toEqual([[hashApiKey(KEY)]]);
    clock.advance(59_999);
    expect(strategy.authenticate(withKey(KEY))).toBe(first);
    clock.advance(2);
    expect(await strategy.authenticate(withKey(KEY))).toEqual(first);
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('asks each time with a TTL of 0', async () => {
    const lookup = lookupOf(() => shop);
    const strategy = apiKey({ lookup, cacheTtlMs: 0 });
    await strategy.authenticate(withKey(KEY));
    await strategy.authenticate(withKey(KEY));
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('asks once for all who bring the same key at a time', async () => {
    let answer = (_: FoundConsumer): void => undefined;
    const lookup = lookupOf(
      () =>
        new Promise<FoundConsumer>((resolve) => {
          answer = resolve;
        }),
    );
    const strategy = apiKey({ lookup });
    const results = Array.from({ length: 50 }, async () => strategy.authenticate(withKey(KEY)));
    expect(lookup).toHaveBeenCalledTimes(1);
    answer(shop);
    const identities = await Promise.all(results);
    expect(identities[0]).toMatchObject({ id: 'shop' });
    expect(new Set(identities).size).toBe(1);
    expect(lookup).toHaveBeenCalledTimes(1);
  });

  it('keeps the latest answers alone', async () => {
    const lookup = lookupOf(() => shop);
    const strategy = apiKey({ lookup, cacheSize: 1 });
    for (const key of [KEY, OTHER_KEY, KEY]) await strategy.authenticate(withKey(key));
    expect(lookup).toHaveBeenCalledTimes(3);
  });

  it.each([null, undefined])('refuses a key for which it answers %s, and keeps that for 5 seconds', async (answer) => {
    const clock = new FakeClock();
    const lookup = lookupOf(() => answer);
    const strategy = apiKey({ lookup, clock });
    const unknown = { failure: 'invalid', reason: 'an unknown key' };
    expect(await strategy.authenticate(withKey(KEY))).toEqual(unknown);
    clock.advance(4_999);
    expect(strategy.authenticate(withKey(KEY))).toEqual(unknown);
    clock.advance(2);
    expect(await strategy.authenticate(withKey(KEY))).toEqual(unknown);
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('keeps no refusal for longer than the TTL', async () => {
    const clock = new FakeClock();
    const lookup = lookupOf(() => null);
    const strategy = apiKey({ lookup, clock, cacheTtlMs: 1_000 });
    await strategy.authenticate(withKey(KEY));
    clock.advance(1_001);
    await strategy.authenticate(withKey(KEY));
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('lets nobody in past expiresAt, be the answer kept and the wall clock moved', async () => {
    const clock = new FakeClock({ wall: WALL });
    const lookup = lookupOf(() => ({ id: 'shop', expiresAt: '2026-01-01T00:00:10Z' }));
    const strategy = apiKey({ lookup, clock });
    const expired = { failure: 'invalid', reason: 'an expired key' };
    expect(await strategy.authenticate(withKey(KEY))).toMatchObject({ id: 'shop' });
    clock.advanceWall(10_000);
    expect(strategy.authenticate(withKey(KEY))).toEqual(expired);
    clock.advance(10_001);
    expect(await strategy.authenticate(withKey(KEY))).toEqual(expired);
    expect(lookup).toHaveBeenCalledTimes(2);
    expect(strategy.authenticate(withKey(KEY))).toEqual(expired);
  });

  it('asks again for a key whose time was extended', async () => {
    const clock = new FakeClock({ wall: WALL });
    let expiresAt = WALL + 10_000;
    const strategy = apiKey({ lookup: () => ({ id: 'shop', expiresAt: new Date(expiresAt) }), clock });
    await strategy.authenticate(withKey(KEY));
    expiresAt += 60_000;
    clock.advance(10_001);
    expect(await strategy.authenticate(withKey(KEY))).toMatchObject({ id: 'shop' });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error(`no row for ${hashApiKey(KEY)}`);
      },
      'Error',
    ],
    [
      'rejects with a code',
      () => Promise.reject(Object.assign(new Error(KEY), { code: 'ECONNREFUSED' })),
      'ECONNREFUSED',
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- What a user's function may do.
    ['rejects with a text', () => Promise.reject(KEY), 'no reason'],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- What a user's function may do.
    ['rejects with nothing', () => Promise.reject(), 'no reason'],
    [
      'rejects with a secret for a name',
      () => Promise.reject(Object.assign(new Error(), { name: `no ${KEY}` })),
      'no reason',
    ],
  ])('cannot tell where the lookup %s, and says nothing of the key', async (_, fail, reason) => {
    const lookup = lookupOf(fail);
    const strategy = apiKey({ lookup });
    const failure = { failure: 'unavailable', reason: `lookup failed: ${reason}` };
    expect(await strategy.authenticate(withKey(KEY))).toEqual(failure);
    expect(await strategy.authenticate(withKey(KEY))).toEqual(failure);
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['no id', {}, 'answer.id: missing'],
    ['an empty id', { id: '' }, 'answer.id: got ""'],
    ['an id that is a number', { id: 7 }, 'answer.id: got 7'],
    ['scopes in one text', { id: 'shop', scopes: 'a b' }, 'answer.scopes: got "a b"'],
    ['a scope with a space', { id: 'shop', scopes: ['a b'] }, 'answer.scopes[0]: got "a b"'],
    ['a misspelt expiry', { id: 'shop', expiresat: '2026-01-01' }, 'did you mean expiresAt?'],
    ['an expiry of another zone each day', { id: 'shop', expiresAt: '2027-01-01T00:00' }, 'answer.expiresAt: got'],
    ['a limit of 0', { id: 'shop', rateLimit: { limit: 0, windowMs: 1 } }, 'answer.rateLimit.limit: got 0'],
    ['true', true, 'answer: expected an object with id'],
    ['a list', [shop], 'answer: expected an object with id'],
  ])('rejects where the lookup answers %s', async (_, answer, message) => {
    const strategy = apiKey({ lookup: lookupOf(() => answer) });
    await expect(strategy.authenticate(withKey(KEY))).rejects.toThrow(TypeError);
    await expect(strategy.authenticate(withKey(KEY))).rejects.toThrow(message);
  });

  it('shows nothing of an answer that is a text', async () => {
    const strategy = apiKey({ lookup: lookupOf((sha256) => sha256) });
    const error = await Promise.resolve(strategy.authenticate(withKey(KEY))).catch((reason: unknown) => reason);
    expect(String(error)).toContain('lookup: answer: expected');
    expect(String(error)).not.toContain(hashApiKey(KEY).slice(0, 8));
  });

  it('is asked only for keys that no consumer has', async () => {
    const lookup = lookupOf(() => ({ id: 'from the database' }));
    const consumers = [{ id: 'shop', keys: [{ key: KEY, expiresAt: '2020-01-01' }] }];
    const strategy = apiKey({ consumers, lookup });
    expect(strategy.authenticate(withKey(KEY))).toMatchObject({ failure: 'invalid' });
    expect(await strategy.authenticate(withKey(OTHER_KEY))).toMatchObject({ id: 'from the database' });
    expect(lookup).toHaveBeenCalledTimes(1);
  });

  it('is not asked for what cannot be a key', () => {
    const lookup = lookupOf(() => shop);
    const strategy = apiKey({ lookup });
    for (const value of ['', '\0', 'x'.repeat(8_193), `${KEY}, ${KEY}`])
      expect(strategy.authenticate(withKey(value))).toMatchObject({ failure: 'invalid' });
    expect(lookup).not.toHaveBeenCalled();
  });
});
