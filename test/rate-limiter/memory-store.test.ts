import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { KeyTable } from '../../src/rate-limiter/key-table.js';
import { MemoryStore, RateLimiter, type MemoryStoreOptions } from '../../src/rate-limiter/index.js';
import { describeRateLimitStore } from '../contract/rate-limit-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';

describeRateLimitStore('MemoryStore', (clock) => {
  return Promise.resolve({ store: new MemoryStore({ clock }), close: () => Promise.resolve() });
});

describe('MemoryStore', () => {
  function limiterOf(maxKeys: number, limit = 10): RateLimiter {
    const clock = new FakeClock();
    return new RateLimiter({ limit, windowMs: 60_000, store: new MemoryStore({ maxKeys, clock }) });
  }

  it('answers without a promise', () => {
    expect(limiterOf(1).check('ada')).not.toBeInstanceOf(Promise);
    expect(limiterOf(1).refund('ada')).toBeUndefined();
  });

  it('still refuses an offender after 1,000,000 fresh keys', () => {
    const limiter = limiterOf(1_000, 3);
    for (let i = 0; i < 4; i++) limiter.check('offender');
    const random = seededRandom(7);
    for (let i = 0; i < 1_000_000; i++) limiter.check(String(random()));
    expect(limiter.check('offender').allowed).toBe(false);
  });

  it('forgets the calm key that has been quiet for longest', () => {
    const limiter = limiterOf(3);
    for (const key of ['ada', 'bob', 'cy', 'ada', 'dan']) limiter.check(key);
    expect(limiter.peek('ada').remaining).toBe(8);
    expect(limiter.peek('bob').remaining).toBe(10);
    expect(limiter.peek('cy').remaining).toBe(9);
  });

  it('forgets a key that has used more than half of its limit after those that have not', () => {
    const limiter = limiterOf(4);
    limiter.check('busy', 6);
    limiter.check('half', 5);
    for (let i = 0; i < 100; i++) limiter.check(`fresh ${i}`);
    expect(limiter.peek('busy').remaining).toBe(4);
    expect(limiter.peek('half').remaining).toBe(10);
  });

  it('forgets a busy key once half of all keys are busy and it is the quietest of them', () => {
    const limiter = limiterOf(4);
    for (const key of ['one', 'two', 'three']) limiter.check(key, 10);
    for (let i = 0; i < 100; i++) limiter.check(`fresh ${i}`);
    expect(['one', 'two', 'three'].map((key) => limiter.peek(key).allowed)).toEqual([true, false, false]);
  });

  it('keeps room for busy keys where others have been reset', () => {
    const limiter = limiterOf(4);
    limiter.check('busy', 10);
    for (let i = 0; i < 10; i++) {
      limiter.check('reset', 10);
      void limiter.reset('reset');
    }
    for (let i = 0; i < 100; i++) limiter.check(`fresh ${i}`);
    expect(limiter.peek('busy').allowed).toBe(false);
  });

  it('takes a busy key for calm again when its calls no longer count', () => {
    const clock = new FakeClock();
    const limiter = new RateLimiter({ limit: 10, windowMs: 100, store: new MemoryStore({ maxKeys: 2, clock }) });
    limiter.check('ada', 10);
    clock.advance(200);
    limiter.check('ada');
    limiter.check('bob');
    limiter.check('cy');
    expect(limiter.peek('ada').remaining).toBe(10);
  });

  it.each([1, 2, 3, 10])('keeps at most %i keys, whatever is called', (maxKeys) => {
    const table = new KeyTable(maxKeys);
    const random = seededRandom(maxKeys);
    const keys = Array.from({ length: 3 * maxKeys }, (_, index) => String(index));
    for (let i = 0; i < 2_000; i++) {
      const key = random.pick(keys);
      const entry = table.get(key) ?? table.add(key, []);
      if (random.int(9) === 0) table.delete(entry);
      else table.touch(entry, random.int(2) === 0);
      expect(table.size).toBeLessThanOrEqual(maxKeys);
      expect(keys.filter((name) => table.get(name)?.isBusy).length).toBeLessThanOrEqual(maxKeys / 2);
    }
  });

  it('is empty when it is closed', () => {
    const table = new KeyTable(10);
    for (let i = 0; i < 10; i++) table.touch(table.add(String(i), []), i % 2 === 0);
    table.clear();
    expect(table.size).toBe(0);
    for (let i = 0; i < 20; i++) table.touch(table.add(String(i), []), true);
    expect(table.size).toBe(10);
  });

  it('serves many limiters, each under its name', () => {
    const store = new MemoryStore();
    const one = new RateLimiter({ name: 'one', limit: 1, windowMs: 1000, store });
    expect(() => new RateLimiter({ name: 'one', limit: 1, windowMs: 1000, store })).toThrow(ConfigError);
    void one.close();
    expect(() => new RateLimiter({ name: 'one', limit: 1, windowMs: 1000, store })).not.toThrow();
  });

  it.each<[string, unknown]>([
    ['no key at all', { maxKeys: 0 }],
    ['half a key', { maxKeys: 1.5 }],
    ['endless keys', { maxKeys: Infinity }],
    ['a clock that is none', { clock: Date }],
    ['an unknown option', { maxkeys: 5 }],
  ])('does not start with %s', (_case, options) => {
    expect(() => new MemoryStore(options as MemoryStoreOptions)).toThrow(ConfigError);
  });
});
