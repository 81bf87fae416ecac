import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  MemoryStore,
  RateLimiter,
  type RateLimitDecision,
  type RateLimiterOptions,
  type RateLimitStore,
} from '../../src/rate-limiter/index.js';
import { FakeClock } from '../support/fake-clock.js';

function limiterOf(options: RateLimiterOptions = {}): RateLimiter {
  return new RateLimiter({ limit: 3, windowMs: 1000, clock: new FakeClock(), ...options });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('RateLimiter', () => {
  it('answers at once, and all that there is to say', () => {
    expect(limiterOf().check('ada')).toEqual({
      allowed: true,
      window: 0,
      limit: 3,
      remaining: 2,
      resetMs: 1000,
      retryAfterMs: 0,
      failure: null,
    });
  });

  it('lets 3 calls pass, and the fourth when it said', () => {
    const clock = new FakeClock();
    const limiter = limiterOf({ clock });
    const answers = Array.from({ length: 4 }, () => limiter.check('ada'));
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
    clock.advance(answers[3]?.retryAfterMs ?? 0);
    expect(limiter.check('ada').allowed).toBe(true);
  });

  it('counts a cost of 2 as two calls', () => {
    const limiter = limiterOf();
    expect(limiter.check('ada', 2).remaining).toBe(1);
    expect(limiter.check('ada', 2)).toMatchObject({ allowed: false, remaining: 1 });
  });

  it('refuses for ever what costs more than the limit, and counts nothing', () => {
    const limiter = limiterOf();
    expect(limiter.check('ada', 4)).toMatchObject({ allowed: false, retryAfterMs: Infinity, remaining: 3 });
    expect(limiter.check('ada', 3).allowed).toBe(true);
  });

  it('takes back, looks and forgets', () => {
    const limiter = limiterOf();
    limiter.check('ada', 3);
    expect(limiter.refund('ada')).toBeUndefined();
    expect(limiter.peek('ada')).toMatchObject({ allowed: true, remaining: 1 });
    limiter.check('ada');
    expect(limiter.peek('ada').allowed).toBe(false);
    expect(limiter.reset('ada')).toBeUndefined();
    expect(limiter.peek('ada').remaining).toBe(3);
  });

  it('has its policy, with every default in its place, and lets nobody change it', () => {
    const { policy } = new RateLimiter({ max: 5, windowMs: 1000 });
    expect(policy).toEqual({
      name: 'default',
      algorithm: 'sliding-window',
      windows: [{ limit: 5, windowMs: 1000, burst: 5 }],
      blockMs: 0,
    });
    expect(() => Object.assign(policy.windows[0] as object, { limit: 500 })).toThrow(TypeError);
  });

  it('takes limit under the names that people know', () => {
    for (const limiter of [
      new RateLimiter({ limit: 7, windowMs: 1 }),
      new RateLimiter({ max: 7, windowMs: 1 }),
      new RateLimiter({ maxRequests: 7, windowMs: 1 }),
    ])
      expect(limiter.check('ada').limit).toBe(7);
  });

  it('works with several windows, and with a burst', () => {
    const limiter = new RateLimiter({
      clock: new FakeClock(),
      algorithm: 'token-bucket',
      windows: [
        { limit: 1, windowMs: 100, burst: 2 },
        { limit: 3, windowMs: 60_000 },
      ],
    });
    expect(limiter.policy.windows[1]).toEqual({ limit: 3, windowMs: 60_000, burst: 3 });
    expect(limiter.check('ada', 2)).toMatchObject({ allowed: true, window: 0, remaining: 0 });
    expect(limiter.check('ada')).toMatchObject({ allowed: false, window: 0, retryAfterMs: 100 });
  });

  it('follows the monotonic clock: the wall clock has no say', () => {
    const clock = new FakeClock();
    const limiter = limiterOf({ limit: 1, clock });
    limiter.check('ada');
    clock.advanceWall(86_400_000);
    expect(limiter.check('ada')).toMatchObject({ allowed: false, retryAfterMs: 1000 });
  });

  it('says which key or cost is wrong', () => {
    const limiter = limiterOf();
    for (const key of ['', undefined, null, 42, {}]) {
      expect(() => limiter.check(key as string)).toThrow(TypeError);
      expect(() => limiter.reset(key as string)).toThrow(/a text that is not empty, got/);
    }
    for (const cost of [0, -1, 1.5, NaN, Infinity, '1']) {
      expect(() => limiter.check('ada', cost as number)).toThrow(RangeError);
      expect(() => limiter.peek('ada', cost as number)).toThrow(/whole number from 1 on, got/);
      expect(() => limiter.refund('ada', cost as number)).toThrow(RangeError);
    }
  });

  it('gives a store at most 256 characters of a key, and tells long keys apart', () => {
    const keys: string[] = [];
    const memory = new MemoryStore();
    const store: RateLimitStore<RateLimitDecision> = {
      remote: false,
      open(policy) {
        const counter = memory.open(policy);
        vi.spyOn(counter, 'consume').mockImplementation((key) => {
          keys.push(key);
          return counter.peek(key, 1);
        });
        return counter;
      },
    };
    const limiter = limiterOf({ store });
    const longest = 'x'.repeat(256);
    for (const key of [longest, `${longest}1`, `${longest}2`, `${longest}1`]) limiter.check(key);
    expect(keys[0]).toBe(longest);
    expect(keys[1]).toMatch(/^[\w-]{43}$/);
    expect(keys[1]).not.toBe(keys[2]);
    expect(keys[1]).toBe(keys[3]);
  });

  it('is closed once, and says so', () => {
    const store = new MemoryStore();
    const limiter = limiterOf({ name: 'search', store });
    expect(limiter.close()).toBeUndefined();
    expect(() => limiter.check('ada')).toThrow("The limiter 'search' is closed");
    expect(() => limiter.peek('ada')).toThrow(/closed/);
    expect(() => limiter.reset('ada')).toThrow(/closed/);
    void limiter.refund('ada');
    const next = limiterOf({ name: 'search', store });
    void limiter.close();
    expect(() => limiterOf({ name: 'search', store })).toThrow(/is taken/);
    expect(next.storeState).toBeNull();
  });
});
