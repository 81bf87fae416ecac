import { describe, expect, it } from 'vitest';
import { compileStrategies } from '../../src/auth/ask-strategies.js';
import { invalid, unavailable } from '../../src/auth/strategy.js';
import { fakeContext } from '../support/request.js';
import { fakeIdentity, fakeStrategy, type FakeStrategy } from './fake-strategy.js';

const NOBODY = fakeStrategy(() => null);
const ADA = fakeIdentity();
const EVE = fakeIdentity({ id: 'eve' });

/** Each result comes at once, and once more later. */
function bothWays(results: readonly unknown[]): readonly (readonly FakeStrategy[])[] {
  return [
    results.map((result) => fakeStrategy(() => result)),
    results.map((result) => fakeStrategy(() => Promise.resolve(result))),
    results.map((result, index) => fakeStrategy(() => (index === 0 ? Promise.resolve(result) : result))),
    results.map((result, index) => fakeStrategy(() => (index === 0 ? result : Promise.resolve(result)))),
  ];
}

describe('compileStrategies', () => {
  it.each<[string, unknown[], unknown]>([
    ['the one who knows', [ADA], ADA],
    ['the first who knows', [null, ADA, EVE], ADA],
    ['who knows, be credentials invalid to one before', [invalid('a'), ADA], ADA],
    ['who knows, be one before out of reach', [unavailable('a'), ADA], ADA],
    ['nobody, where no credentials were sent', [null, null], null],
    ['that credentials are invalid, whoever saw none after that', [invalid('a'), null], invalid('a')],
    ['that credentials are invalid, whoever saw none before', [null, invalid('a')], invalid('a')],
    ['the last reason why credentials are invalid', [invalid('a'), invalid('b')], invalid('b')],
    ['that nobody can tell, though one after says invalid', [unavailable('a'), invalid('b')], unavailable('a')],
    ['that nobody can tell, though one before says invalid', [invalid('a'), unavailable('b')], unavailable('b')],
    ['the first reason why nobody can tell', [unavailable('a'), null, unavailable('b')], unavailable('a')],
  ])('tells %s', async (_case, results, told) => {
    for (const strategies of bothWays(results)) {
      expect(await compileStrategies(strategies)(fakeContext())).toEqual(told);
    }
  });

  it('asks nobody after the one who knows', async () => {
    for (const strategies of bothWays([ADA, EVE])) {
      await compileStrategies(strategies)(fakeContext());
      expect(strategies.map(({ asked }) => asked)).toEqual([1, 0]);
    }
  });

  it('asks everybody once, one after the other', async () => {
    const events: string[] = [];
    const slow = fakeStrategy(async () => {
      events.push('slow asked');
      await Promise.resolve();
      events.push('slow answers');
      return null;
    });
    const quick = fakeStrategy(() => (events.push('quick asked'), null));
    await compileStrategies([slow, quick, slow, quick])(fakeContext());
    const round = ['slow asked', 'slow answers', 'quick asked'];
    expect(events).toEqual([...round, ...round]);
  });

  it('stays synchronous where its strategies are', () => {
    expect(compileStrategies([NOBODY, fakeStrategy(() => ADA)])(fakeContext())).toBe(ADA);
    expect(compileStrategies([NOBODY])(fakeContext())).toBeNull();
  });

  it('gives every strategy the exchange', () => {
    const ctx = fakeContext();
    const seen: unknown[] = [];
    void compileStrategies([fakeStrategy((given) => (seen.push(given), null))])(ctx);
    expect(seen).toEqual([ctx]);
  });

  it('mixes up no two exchanges', async () => {
    const ask = compileStrategies([
      fakeStrategy(async ({ request }) => {
        await Promise.resolve();
        return request.path === '/bad' ? invalid('bad') : null;
      }),
      NOBODY,
    ]);
    const [bad, none] = [ask(fakeContext({ url: '/bad' })), ask(fakeContext({ url: '/none' }))];
    expect([await bad, await none]).toEqual([invalid('bad'), null]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['true', true],
    ['a name', 'ada'],
    ['a number', 7],
    ['an empty object', {}],
    ['an empty list', []],
    ['an identity without an id', { ...fakeIdentity(), id: undefined }],
    ['an empty id', fakeIdentity({ id: '' })],
    ['an id that is a number', { ...fakeIdentity(), id: 0 }],
    ['scopes as one text', { ...fakeIdentity(), scopes: 'read write' }],
    ['no scopes', { ...fakeIdentity(), scopes: undefined }],
    ['roles as a Set', { ...fakeIdentity(), roles: new Set() }],
    ['no claims', { ...fakeIdentity(), claims: null }],
    ['an identity that is still to come, from no Promise', { then: () => undefined }],
  ])('throws where a strategy returns %s, and asks nobody else', async (_case, result) => {
    const next = fakeStrategy(() => ADA);
    expect(() => compileStrategies([fakeStrategy(() => result), next])(fakeContext())).toThrow(
      expect.objectContaining({ code: 'ERR_GATEWAY_INTERNAL' }),
    );
    expect(next.asked).toBe(0);
    if (result !== null && typeof result === 'object' && 'then' in result) return;
    const late = compileStrategies([fakeStrategy(() => Promise.resolve(result)), next])(fakeContext());
    await expect(late).rejects.toMatchObject({ code: 'ERR_GATEWAY_INTERNAL' });
    expect(next.asked).toBe(0);
  });

  it('lets through what a strategy throws or rejects with, and asks nobody else', async () => {
    const next = fakeStrategy(() => ADA);
    const failure = new Error('broken');
    const throwing = fakeStrategy(() => {
      throw failure;
    });
    expect(() => compileStrategies([throwing, next])(fakeContext())).toThrow(failure);
    const rejecting = fakeStrategy(() => Promise.reject(failure));
    await expect(compileStrategies([rejecting, next])(fakeContext())).rejects.toBe(failure);
    await expect(compileStrategies([fakeStrategy(() => Promise.resolve(null)), throwing])(fakeContext())).rejects.toBe(
      failure,
    );
    expect(next.asked).toBe(0);
  });
});
