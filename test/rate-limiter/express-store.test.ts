import { setImmediate } from 'node:timers/promises';
import { MemoryStore as ExpressMemoryStore, type Store } from 'express-rate-limit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import {
  fromExpressRateLimitStore,
  RateLimiter,
  type ExpressRateLimitHits,
  type ExpressRateLimitStore,
  type RateLimitDecision,
  type RateLimiterOptions,
  type StoreOutage,
} from '../../src/rate-limiter/index.js';
import { FakeClock } from '../support/fake-clock.js';

/** A store elsewhere, as people write them for express-rate-limit. */
class AsyncStore implements ExpressRateLimitStore {
  readonly hits = new Map<string, number>();
  readonly steps: string[] = [];
  resetTime: Date | undefined = undefined;

  async init({ windowMs }: { windowMs: number }): Promise<void> {
    await Promise.resolve();
    this.steps.push(`init ${windowMs}`);
  }
  async increment(key: string): Promise<ExpressRateLimitHits> {
    return this.#count('increment', key, 1);
  }
  async decrement(key: string): Promise<void> {
    await this.#count('decrement', key, -1);
  }
  async resetKey(key: string): Promise<void> {
    await Promise.resolve();
    this.steps.push(`resetKey ${key}`);
    this.hits.delete(key);
  }
  shutdown(): void {
    this.steps.push('shutdown');
  }

  async #count(step: string, key: string, change: number): Promise<ExpressRateLimitHits> {
    await Promise.resolve();
    this.steps.push(`${step} ${key}`);
    const totalHits = Math.max(0, (this.hits.get(key) ?? 0) + change);
    this.hits.set(key, totalHits);
    return { totalHits, resetTime: this.resetTime };
  }
}

const outages: StoreOutage[] = [];

function limiterOf(
  express: ExpressRateLimitStore,
  options: RateLimiterOptions<Promise<RateLimitDecision>> = {},
): RateLimiter<Promise<RateLimitDecision>> {
  const clock = new FakeClock();
  const store = fromExpressRateLimitStore(express, { clock });
  const onOutage = (outage: StoreOutage): void => void outages.push(outage);
  return new RateLimiter({ limit: 3, windowMs: 1000, algorithm: 'fixed-window', store, clock, onOutage, ...options });
}

beforeEach(() => {
  outages.length = 0;
});

describe('fromExpressRateLimitStore', () => {
  describe('with the MemoryStore of express-rate-limit', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: Date.UTC(2026, 0, 1) });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('counts as a fixed window of 1000 ms', async () => {
      const limiter = limiterOf(new ExpressMemoryStore());
      const passed = { allowed: true, window: 0, limit: 3, retryAfterMs: 0, failure: null };
      expect(await limiter.check('ada')).toEqual({ ...passed, remaining: 2, resetMs: 1000 });
      expect(await limiter.peek('ada')).toEqual({ ...passed, remaining: 2, resetMs: 1000 });
      expect(await limiter.check('ada', 2)).toEqual({ ...passed, remaining: 0, resetMs: 1000 });
      expect(await limiter.peek('ada')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1000 });
      expect(await limiter.check('ada')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1000 });
      expect(await limiter.check('bob')).toMatchObject({ allowed: true });
      await limiter.refund('ada');
      expect(await limiter.check('ada')).toMatchObject({ allowed: true, remaining: 0 });
      await limiter.reset('ada');
      expect(await limiter.peek('ada', 3)).toMatchObject({ allowed: true, remaining: 3 });
      vi.setSystemTime(Date.now() + 1000);
      expect(await limiter.check('bob', 3)).toMatchObject({ allowed: true });
      await limiter.close();
    });

    it('lets exactly 50 of 200 parallel calls pass', async () => {
      const limiter = limiterOf(new ExpressMemoryStore(), { limit: 50 });
      const decisions = await Promise.all(Array.from({ length: 200 }, () => limiter.check('ada')));
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(50);
      await limiter.close();
    });
  });

  it('takes whatever express-rate-limit takes', () => {
    const store: Store = new ExpressMemoryStore();
    expect(fromExpressRateLimitStore(store).remote).toBe(true);
  });

  it('makes the store ready before it asks, and shuts it down', async () => {
    const express = new AsyncStore();
    const limiter = limiterOf(express, { name: 'login' });
    await limiter.check('ada');
    await limiter.close();
    expect(express.steps).toEqual(['init 1000', 'increment login:ada', 'shutdown']);
  });

  it('takes a refused call back, so that it makes nothing longer', async () => {
    const express = new AsyncStore();
    const limiter = limiterOf(express);
    await limiter.check('ada', 2);
    for (let i = 0; i < 5; i++)
      expect(await limiter.check('ada', 3)).toMatchObject({ allowed: false, remaining: 1, retryAfterMs: 1000 });
    expect(express.hits.get('default:ada')).toBe(2);
    // Two steps up show that there is no room for three.
    expect(express.steps).toHaveLength(1 + 2 + 5 * (2 + 2));
    expect(await limiter.check('ada')).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('asks nothing for a call that can never pass', async () => {
    const express = new AsyncStore();
    expect(await limiterOf(express).check('ada', 4)).toMatchObject({ allowed: false, retryAfterMs: Infinity });
    expect(express.steps).toEqual(['init 1000']);
  });

  it('trusts the time of the store no further than the window, and no less than 1 ms', async () => {
    const express = new AsyncStore();
    const limiter = limiterOf(express);
    const now = new FakeClock().wall();
    for (const [inMs, resetMs] of [
      [300.5, 301],
      [86_400_000, 1000],
      [-5, 1],
    ] as const) {
      express.hits.clear();
      express.resetTime = new Date(now + Math.ceil(inMs));
      expect(await limiter.check('ada')).toMatchObject({ resetMs });
    }
  });

  it('rejects a peek where the store has no get, which is no outage', async () => {
    const limiter = limiterOf(new AsyncStore());
    await expect(limiter.peek('ada')).rejects.toThrow(/no get\(\).*use check\(\)/);
    expect(await limiter.check('ada')).toMatchObject({ allowed: true, failure: null });
    expect(outages).toEqual([]);
  });

  it('tries a store that was down with the next call where a peek could not', async () => {
    const express = new AsyncStore();
    const clock = new FakeClock();
    const limiter = limiterOf(express, { clock });
    vi.spyOn(express, 'increment').mockRejectedValueOnce(new Error('away'));
    expect(await limiter.check('ada')).toMatchObject({ failure: 'local' });
    clock.advance(1000);
    await expect(limiter.peek('ada')).rejects.toThrow(/no get/);
    expect(await limiter.check('ada')).toMatchObject({ failure: null });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['no hits', {}],
    ['hits as a text', { totalHits: '1', resetTime: undefined }],
    ['-1', { totalHits: -1, resetTime: undefined }],
    ['0 after a count', { totalHits: 0, resetTime: undefined }],
    ['NaN', { totalHits: NaN, resetTime: undefined }],
    ['half a hit', { totalHits: 1.5, resetTime: undefined }],
    ['no date', { totalHits: 1, resetTime: new Date(NaN) }],
    ['a time in ms', { totalHits: 1, resetTime: 1_700_000_000_000 }],
  ])('lets the policy answer where the store answers with %s', async (_case, answer) => {
    const express = Object.assign(new AsyncStore(), { increment: () => answer as ExpressRateLimitHits });
    const limiter = limiterOf(express, { onStoreError: 'closed' });
    expect(await limiter.check('ada')).toMatchObject({ allowed: false, failure: 'closed' });
    expect(String(outages[0]?.error)).toMatch(/the store answered with .*, expected a/);
  });

  it('rejects nothing unheard where the store could not be made ready and nobody asks', async () => {
    limiterOf(Object.assign(new AsyncStore(), { init: () => Promise.reject(new Error('no database')) }));
    await setImmediate();
    expect(outages).toEqual([]);
  });

  it('lets the policy answer where the store could not be made ready', async () => {
    const express = Object.assign(new AsyncStore(), { init: () => Promise.reject(new Error('no database')) });
    expect(await limiterOf(express).check('ada')).toMatchObject({ allowed: true, failure: 'local' });
    expect(outages).toMatchObject([{ state: 'down', error: new Error('no database') }]);
  });

  it.each<[string, RateLimiterOptions<Promise<RateLimitDecision>>, RegExp]>([
    ['another algorithm', { algorithm: 'sliding-window' }, /algorithm: .*write algorithm: 'fixed-window'/],
    ['a block', { blockMs: 5 }, /blockMs: .*leave it out/],
    [
      'two windows',
      {
        limit: undefined,
        windowMs: undefined,
        windows: [
          { limit: 1, windowMs: 1 },
          { limit: 2, windowMs: 2 },
        ],
      } as never,
      /windows: .*write limit and windowMs/,
    ],
  ])('does not keep %s', (_case, options, message) => {
    expect(() => limiterOf(new AsyncStore(), options)).toThrow(ConfigError);
    expect(() => limiterOf(new AsyncStore(), options)).toThrow(message);
  });

  it('serves one limiter at a time', async () => {
    const store = fromExpressRateLimitStore(new AsyncStore());
    const options = { limit: 1, windowMs: 1000, algorithm: 'fixed-window', store } as const;
    const first = new RateLimiter({ ...options, name: 'one' });
    expect(() => new RateLimiter({ ...options, name: 'two' })).toThrow(/make one for each limiter/);
    await first.close();
    expect(() => new RateLimiter({ ...options, name: 'two' })).not.toThrow();
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an old store with callbacks', { incr: () => 0, decrement: () => 0, resetKey: () => 0 }],
  ])('does not take %s', (_case, store) => {
    expect(() => fromExpressRateLimitStore(store as ExpressRateLimitStore)).toThrow(/increment\(key\)/);
  });
});
