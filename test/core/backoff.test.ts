import { describe, expect, it } from 'vitest';
import { backoffDelay } from '../../src/core/backoff.js';
import { seededRandom } from '../support/random.js';

describe('backoffDelay', () => {
  it.each([
    [0, 50],
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [10, 1_000],
  ])('before retry %i waits up to %i ms', (retry, ceiling) => {
    const backoff = { backoffMs: 50, maxBackoffMs: 1_000 };
    expect(backoffDelay(retry, { ...backoff, random: () => 0 })).toBe(0);
    expect(backoffDelay(retry, { ...backoff, random: () => 0.5 })).toBe(ceiling / 2);
    expect(backoffDelay(retry, { ...backoff, random: () => 0.999 })).toBeCloseTo(ceiling * 0.999);
  });

  it('does not wait with a backoff of 0', () => {
    expect(backoffDelay(3, { backoffMs: 0, maxBackoffMs: 1_000, random: () => 0.9 })).toBe(0);
  });

  it('spreads waits over the whole range', () => {
    const random = seededRandom(1);
    const waits = Array.from({ length: 1_000 }, () => backoffDelay(1, { backoffMs: 50, maxBackoffMs: 1_000, random }));
    const quarters = [0, 0, 0, 0];
    for (const wait of waits) (quarters[Math.floor(wait / 25)] as number)++;
    for (const count of quarters) expect(count).toBeGreaterThan(200);
  });
});
