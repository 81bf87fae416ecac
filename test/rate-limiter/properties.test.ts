/** What holds of every algorithm, whatever is called and when. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/rate-limiter/memory-store.js';
import type {
  RateLimitAlgorithm,
  RateLimitCounter,
  RateLimitDecision,
  RateLimitWindow,
} from '../../src/rate-limiter/types.js';
import { ALGORITHMS, JumpingClock, policyWith, randomTrace, runTrace } from '../contract/rate-limit-store.js';
import { seededRandom, type SeededRandom } from '../support/random.js';

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

interface Setup {
  readonly random: SeededRandom;
  readonly clock: JumpingClock;
  readonly windows: readonly Required<RateLimitWindow>[];
  readonly counter: RateLimitCounter<RateLimitDecision>;
}

/** Small numbers, so that edges are met often. */
function setup(algorithm: RateLimitAlgorithm, seed: number, windowCount = 1): Setup {
  const random = seededRandom(seed);
  const clock = new JumpingClock({ now: 100_000 });
  const policy = policyWith(
    algorithm,
    Array.from({ length: windowCount }, () => {
      const limit = 1 + random.int(9);
      return { limit, windowMs: 1 + random.int(60), burst: algorithm === 'token-bucket' ? 1 + random.int(9) : limit };
    }),
  );
  return { random, clock, windows: policy.windows, counter: new MemoryStore({ clock }).open(policy) };
}

function pause({ random, clock, windows }: Setup): void {
  const longestMs = Math.max(...windows.map(({ windowMs }) => windowMs));
  clock.advance(random.pick([0, 0, 1, random.int(longestMs), random.int(2 * longestMs)]));
}

function randomCost({ random, windows }: Setup): number {
  const [{ burst } = { burst: 1 }] = windows;
  return random.pick([1, 1, 1 + random.int(burst)]);
}

interface Passed {
  readonly at: number;
  readonly cost: number;
}

/** The calls that passed, of many that came as fast as they could. */
function flood(test: Setup, calls: number): Passed[] {
  const passed: Passed[] = [];
  for (let i = 0; i < calls; i++) {
    if (test.random.int(3) === 0) pause(test);
    const cost = randomCost(test);
    if (test.counter.consume('ada', cost).allowed) passed.push({ at: test.clock.now(), cost });
  }
  return passed;
}

/** Adds up the calls of every span that begins and ends with one. */
function eachSpan(passed: readonly Passed[], check: (calls: number, spanMs: number) => void): void {
  for (let first = 0; first < passed.length; first++) {
    let calls = 0;
    for (let last = first; last < passed.length; last++) {
      const { at, cost } = passed[last] as Passed;
      calls += cost;
      check(calls, at - (passed[first] as Passed).at);
    }
  }
}

function only(windows: readonly Required<RateLimitWindow>[]): Required<RateLimitWindow> {
  return windows[0] as Required<RateLimitWindow>;
}

describe('what passes', () => {
  it.each(SEEDS)('is at most the limit in any window of sliding-log, seed %i', (seed) => {
    const test = setup('sliding-log', seed);
    const { limit, windowMs } = only(test.windows);
    eachSpan(flood(test, 300), (calls, spanMs) => {
      if (spanMs < windowMs && calls > limit) expect.fail(`${calls} calls in ${spanMs} of ${windowMs} ms`);
    });
  });

  it.each(SEEDS)('is at most the burst and the flow in any span of token-bucket, seed %i', (seed) => {
    const test = setup('token-bucket', seed);
    const { limit, windowMs, burst } = only(test.windows);
    eachSpan(flood(test, 300), (calls, spanMs) => {
      if (calls * windowMs > burst * windowMs + limit * spanMs) expect.fail(`${calls} calls in ${spanMs} ms`);
    });
  });

  it.each(SEEDS)('is at most (1 + d) limits in any d windows of sliding-window, d up to 1, seed %i', (seed) => {
    const test = setup('sliding-window', seed);
    const { limit, windowMs } = only(test.windows);
    eachSpan(flood(test, 300), (calls, spanMs) => {
      if (spanMs <= windowMs && calls * windowMs > (windowMs + spanMs) * limit)
        expect.fail(`${calls} calls in ${spanMs} of ${windowMs} ms, limit ${limit}`);
    });
  });

  it.each(SEEDS)('is at most two limits in any window of fixed-window, seed %i', (seed) => {
    const test = setup('fixed-window', seed);
    const { limit, windowMs } = only(test.windows);
    eachSpan(flood(test, 300), (calls, spanMs) => {
      if (spanMs < windowMs && calls > 2 * limit) expect.fail(`${calls} calls in ${spanMs} ms`);
    });
  });
});

describe.each(ALGORITHMS)('%s', (algorithm) => {
  it.each(SEEDS)('lets a refused call pass after retryAfterMs and not 1 ms earlier, seed %i', (seed) => {
    const test = setup(algorithm, seed, 1 + (seed % 3));
    const { clock, counter } = test;
    let refusals = 0;
    for (let i = 0; i < 300; i++) {
      pause(test);
      const cost = randomCost(test);
      const { allowed, retryAfterMs } = counter.consume('ada', cost);
      if (allowed || retryAfterMs === Infinity) continue;
      refusals++;
      clock.advance(retryAfterMs - 1);
      expect(counter.peek('ada', cost)).toMatchObject({ allowed: false, retryAfterMs: 1 });
      clock.advance(1);
      expect(counter.consume('ada', cost)).toMatchObject({ allowed: true, retryAfterMs: 0 });
    }
    expect(refusals).toBeGreaterThan(10);
  });

  it.each(SEEDS)('does not make a wait longer by refused calls, seed %i', (seed) => {
    const test = setup(algorithm, seed, 1 + (seed % 3));
    const { random, clock, counter } = test;
    for (let i = 0; i < 300; i++) {
      pause(test);
      const { retryAfterMs } = counter.consume('ada', 1);
      const passesAt = clock.now() + retryAfterMs;
      while (clock.now() < passesAt) {
        expect(counter.consume('ada', 1).retryAfterMs).toBe(passesAt - clock.now());
        clock.advance(1 + random.int(retryAfterMs));
      }
    }
  });

  it.each(SEEDS)('lets as many calls pass as remaining says, and not one more, seed %i', (seed) => {
    const test = setup(algorithm, seed);
    const { counter, clock } = test;
    for (let i = 0; i < 100; i++) {
      pause(test);
      const { remaining, resetMs } = counter.consume('ada', randomCost(test));
      let passed = 0;
      while (counter.consume('ada', 1).allowed) passed++;
      expect(passed).toBe(remaining);
      void counter.refund('ada', passed);
      // A sliding window does not know which of its calls came last, once that one is taken back.
      if (algorithm === 'sliding-window') expect(counter.peek('ada', 10).resetMs).toBeGreaterThanOrEqual(resetMs);
      else expect(counter.peek('ada', 10).resetMs).toBe(resetMs);
      if (i % 10 === 0) clock.advance(counter.peek('ada', 10).resetMs);
      if (i % 10 === 0)
        expect(counter.peek('ada', 10)).toMatchObject({ resetMs: 0, remaining: only(test.windows).burst });
    }
  });

  it.each(SEEDS)(
    'answers the same where a store leaves unwritten what only time has changed, seed %i',
    async (seed) => {
      const trace = randomTrace(seed).filter(({ call }) => call !== 'peek');
      const quiet = setup(algorithm, seed, 1 + (seed % 3));
      const asked = setup(algorithm, seed, 1 + (seed % 3));
      const answers = await runTrace(quiet.counter, quiet.clock, trace);
      for (const [index, step] of trace.entries()) {
        for (let ms = 0; ms < step.afterMs; ms++) {
          asked.clock.advance(1);
          asked.counter.peek(step.key, step.cost);
          asked.counter.consume(step.key, 10);
        }
        expect(await runTrace(asked.counter, asked.clock, [{ ...step, afterMs: 0 }])).toEqual([answers[index]]);
      }
    },
  );

  it.each(SEEDS)('frees nobody and shuts nobody out beyond a window when the clock goes back, seed %i', (seed) => {
    const test = setup(algorithm, seed);
    const { random, clock, counter } = test;
    const { limit, windowMs, burst } = only(test.windows);
    const longest = {
      'sliding-window': 2 * windowMs,
      'sliding-log': windowMs,
      'fixed-window': windowMs,
      'token-bucket': Math.ceil((burst * windowMs) / limit),
    };
    for (let i = 0; i < 200; i++) {
      pause(test);
      const cost = randomCost(test);
      const { allowed } = counter.consume('ada', cost);
      const { remaining } = counter.peek('ada', 10);
      clock.jump(-random.pick([1, random.int(3 * windowMs), 10_000]) / 4);
      const after = counter.peek('ada', 10);
      expect(after.remaining).toBeLessThanOrEqual(remaining);
      expect(after.resetMs).toBeLessThanOrEqual(longest[algorithm]);
      if (!allowed) expect(counter.peek('ada', cost).allowed).toBe(false);
      expect(counter.peek('ada', cost).retryAfterMs).toBeLessThanOrEqual(longest[algorithm]);
    }
  });
});
