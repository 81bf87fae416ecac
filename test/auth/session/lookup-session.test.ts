import { describe, expect, it, vi } from 'vitest';
import type { Claims } from '../../../src/auth/claims-identity.js';
import type { LookupSessionOptions } from '../../../src/auth/session/options.js';
import { session } from '../../../src/auth/session/session.js';
import type { AuthResult, AuthStrategy } from '../../../src/auth/strategy.js';
import type { MaybePromise } from '../../../src/core/types.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';

const USER = { id: 42, roles: ['editor'], scopes: ['read'], tenant: 'acme' };
const UNKNOWN = { failure: 'invalid', reason: 'there is no such session' };

function storeOf(find: LookupSessionOptions['lookup'], options: Partial<LookupSessionOptions> = {}) {
  const lookup = vi.fn(find);
  const clock = new FakeClock();
  return { strategy: session({ lookup, cookie: 'sid', clock, ...options }), lookup, clock };
}

function ask(strategy: AuthStrategy, cookie = 'sid=s-1'): MaybePromise<AuthResult> {
  return strategy.authenticate(fakeContext({ headers: { cookie } }));
}

describe('session with a lookup', () => {
  it('asks for the value of the cookie as it came', async () => {
    const { strategy, lookup } = storeOf(() => USER);
    await ask(strategy, 'a=1; sid=s%3A42.c2lnbmF0dXJl; sid=other');
    expect(lookup.mock.calls).toEqual([['s%3A42.c2lnbmF0dXJl']]);
  });

  it('makes an identity of a user', async () => {
    expect(await ask(storeOf(() => USER).strategy)).toEqual({
      id: '42',
      scheme: 'session',
      claims: USER,
      scopes: ['read'],
      roles: ['editor'],
      tenant: 'acme',
    });
  });

  it('makes an identity of claims, and takes the id from where it is told to', async () => {
    const find = () => Promise.resolve({ sub: 'u-1', user: { mail: 'a@b.test' } });
    expect(await ask(storeOf(find).strategy)).toMatchObject({ id: 'u-1' });
    expect(await ask(storeOf(find, { idClaim: 'user.mail' }).strategy)).toMatchObject({ id: 'a@b.test' });
  });

  it('makes no cookies', () => {
    const { strategy } = storeOf(() => USER);
    expect(strategy).not.toHaveProperty('create');
    expect(strategy).toMatchObject({ name: 'session', scheme: 'Cookie', sources: [{ cookie: 'sid' }] });
  });

  it('asks nobody without a cookie, or with one that can be none', () => {
    const { strategy, lookup } = storeOf(() => USER);
    expect(ask(strategy, 'other=1')).toBe(null);
    for (const value of ['', 'a b', 'a\0', 'x'.repeat(1_000_000)])
      expect(ask(strategy, `sid=${value}`), value.slice(0, 9)).toMatchObject({ failure: 'invalid' });
    expect(lookup).not.toHaveBeenCalled();
  });

  it.each([null, undefined])('knows no session where the answer is %s', async (answer) => {
    expect(await ask(storeOf(() => answer).strategy)).toEqual(UNKNOWN);
  });

  it.each<[string, unknown]>([
    ['true', true],
    ['a text', 'u-1'],
    ['a list', ['u-1']],
    ['an object without an id', { roles: ['admin'] }],
    ['an id that is inherited', Object.create({ id: 'u-1' })],
    ['an empty id', { id: '' }],
  ])('lets nobody pass where the answer is %s', async (_case, answer) => {
    expect(await ask(storeOf(() => answer as Claims).strategy)).toMatchObject({ failure: 'invalid' });
  });

  it.each<[string, () => never | Promise<never>, string]>([
    ['throws', thrower(new TypeError('planted s-1')), 'TypeError'],
    [
      'rejects',
      () => Promise.reject(Object.assign(new Error('planted s-1'), { code: 'ECONNREFUSED' })),
      'ECONNREFUSED',
    ],
    ['throws no Error', thrower('planted s-1' as unknown as Error), 'no reason'],
  ])('is unavailable where it %s, and says nothing of the session', async (_case, find, kind) => {
    expect(await ask(storeOf(find).strategy)).toEqual({
      failure: 'unavailable',
      reason: `lookup failed: ${kind}`,
    });
  });

  it('asks once for the requests of a session at a time, and again for the next', async () => {
    let answer: (claims: Claims) => void = () => undefined;
    const { strategy, lookup } = storeOf(() => new Promise((resolve) => (answer = resolve)));
    const results = [ask(strategy), ask(strategy), ask(strategy)];
    answer(USER);
    expect(await Promise.all(results.map((result) => Promise.resolve(result)))).toMatchObject([
      { id: '42' },
      { id: '42' },
      { id: '42' },
    ]);
    expect(lookup).toHaveBeenCalledTimes(1);
    const next = ask(strategy);
    answer(USER);
    await next;
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('keeps sessions apart', async () => {
    const { strategy } = storeOf((id) => ({ id }), { cacheTtlMs: 1_000 });
    expect(await ask(strategy, 'sid=a')).toMatchObject({ id: 'a' });
    expect(await ask(strategy, 'sid=b')).toMatchObject({ id: 'b' });
    expect(await ask(strategy, 'sid=a')).toMatchObject({ id: 'a' });
    expect(await ask(strategy, 'sid=__proto__')).toMatchObject({ id: '__proto__' });
  });

  it('keeps a session for cacheTtlMs, and answers at once then', async () => {
    const { strategy, lookup, clock } = storeOf(() => USER, { cacheTtlMs: 1_000 });
    await ask(strategy);
    clock.advance(999);
    expect(ask(strategy)).toMatchObject({ id: '42' });
    clock.advance(2);
    await ask(strategy);
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('keeps neither a session that is not there nor a failure', async () => {
    const answers: (() => Claims | null)[] = [() => null, thrower(new Error('down')), () => USER];
    const { strategy } = storeOf(() => answers.shift()?.(), { cacheTtlMs: 1_000 });
    expect(await ask(strategy)).toEqual(UNKNOWN);
    expect(await ask(strategy)).toMatchObject({ failure: 'unavailable' });
    expect(await ask(strategy)).toMatchObject({ id: '42' });
  });
});

function thrower(error: Error): () => never {
  return () => {
    throw error;
  };
}
