import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { RetryBudget, type RetryBudgetOptions } from '../../src/retry/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';

function budgetOf(options: RetryBudgetOptions = {}): { budget: RetryBudget; clock: FakeClock } {
  const clock = new FakeClock();
  return { budget: new RetryBudget({ clock, ...options }), clock };
}

function record(budget: RetryBudget, requests: number): void {
  for (let i = 0; i < requests; i++) budget.recordRequest();
}

/** How many of 10,000 retries the budget allows at this moment. */
function allowed(budget: RetryBudget): number {
  let count = 0;
  while (count < 10_000 && budget.tryRetry()) count++;
  return count;
}

describe('RetryBudget', () => {
  it.each([
    { requests: 0, percentage: 20, floor: 10, retries: 10 },
    { requests: 0, percentage: 20, floor: 0, retries: 0 },
    { requests: 4, percentage: 20, floor: 0, retries: 0 },
    { requests: 5, percentage: 20, floor: 0, retries: 1 },
    { requests: 50, percentage: 20, floor: 10, retries: 10 },
    { requests: 51, percentage: 20, floor: 10, retries: 10 },
    { requests: 55, percentage: 20, floor: 10, retries: 11 },
    { requests: 1_000, percentage: 20, floor: 10, retries: 200 },
    { requests: 1_000, percentage: 0, floor: 3, retries: 3 },
    { requests: 1_000, percentage: 0, floor: 0, retries: 0 },
    { requests: 1_000, percentage: 100, floor: 10, retries: 1_000 },
  ])('allows $retries retries for $requests requests: $percentage %, at least $floor', (row) => {
    const { budget } = budgetOf({ percentage: row.percentage, floor: row.floor });
    record(budget, row.requests);
    expect(allowed(budget)).toBe(row.retries);
  });

  it('has defaults of 20 %, at least 10, in 10 s', () => {
    const { budget, clock } = budgetOf();
    expect(allowed(budget)).toBe(10);
    record(budget, 100);
    expect(allowed(budget)).toBe(10);
    clock.advance(9_999);
    expect(budget.snapshot().requests).toBe(100);
    clock.advance(2_000);
    expect(allowed(budget)).toBe(10);
  });

  it('tells what it has seen', () => {
    const { budget } = budgetOf({ floor: 0 });
    record(budget, 12);
    budget.tryRetry();
    expect(budget.snapshot()).toEqual({ requests: 12, retries: 1, remaining: 1 });
    budget.tryRetry();
    budget.tryRetry();
    expect(budget.snapshot()).toEqual({ requests: 12, retries: 2, remaining: 0 });
  });

  it('forgets what lies behind the window, part by part', () => {
    const { budget, clock } = budgetOf({ windowMs: 1_000 });
    record(budget, 100);
    clock.advance(500);
    record(budget, 40);
    clock.advance(600);
    expect(budget.snapshot().requests).toBe(40);
    clock.advance(500);
    expect(budget.snapshot().requests).toBe(0);
  });

  it('forgets everything in a silence of any length', () => {
    for (const ms of [1_100, 1_101, 2_100, 12_345, 1e12]) {
      const { budget, clock } = budgetOf({ windowMs: 1_000 });
      record(budget, 100);
      allowed(budget);
      clock.advance(ms);
      expect(budget.snapshot()).toEqual({ requests: 0, retries: 0, remaining: 10 });
    }
  });

  it('never says more than remaining does', () => {
    const { budget } = budgetOf({ floor: 7 });
    record(budget, 33);
    expect(allowed(budget)).toBe(7);
    expect(budget.snapshot().remaining).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])('holds in every window, wherever it begins (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const { budget, clock } = budgetOf({ windowMs: 1_000, floor: 5, percentage: 20 });
    const requests: number[] = [];
    const retries: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      clock.advance(random.int(10) === 0 ? random.int(2_000) : random.int(20));
      if (random.int(2) === 0) {
        budget.recordRequest();
        requests.push(clock.now());
      } else if (budget.tryRetry()) {
        const now = clock.now();
        retries.push(now);
        const retried = retries.filter((time) => time > now - 1_000).length;
        // The window moves in tenths, so requests of a tenth more than its length may count.
        const asked = requests.filter((time) => time > now - 1_100).length;
        expect(retried).toBeLessThanOrEqual(Math.max(5, asked * 0.2));
      }
    }
    expect(retries.length).toBeGreaterThan(100);
  });

  it('starts no timer', () => {
    const { budget, clock } = budgetOf();
    budget.recordRequest();
    budget.tryRetry();
    expect(clock.pending).toBe(0);
  });

  it('tells every fault of its options at once', () => {
    const options = { percentage: 101, floor: -1, windowMs: 0, clock: 5, flor: 1 } as unknown as RetryBudgetOptions;
    const error = fault(() => new RetryBudget(options));
    expect(error.faults.map(({ path }) => path)).toEqual(['percentage', 'floor', 'windowMs', 'clock', 'flor']);
    expect(error.message).toContain('did you mean floor?');
  });
});

function fault(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('no ConfigError was thrown');
}
