import { describe, expect, it } from 'vitest';
import { smoothOrder } from '../../../src/load-balancer/strategies/smooth-order.js';
import { A, B, C, openBalancer } from '../../contract/load-balancer.js';
import { seededRandom } from '../../support/random.js';

function urlsOf(weights: readonly number[], picks: number): (string | undefined)[] {
  const targets = weights.map((weight, index) => ({ url: [A, B, C][index] as string, weight }));
  const { balancer } = openBalancer(targets);
  return Array.from({ length: picks }, () => balancer.pick()?.url);
}

/** Most picks of one target between two of another one. */
function longestRun(urls: readonly unknown[], of: string): number {
  let longest = 0;
  let run = 0;
  for (const url of urls) longest = Math.max(longest, (run = url === of ? run + 1 : 0));
  return longest;
}

describe('round-robin', () => {
  it('meets whole weights exactly in every round', () => {
    const urls = urlsOf([5, 2, 1], 80);
    for (let start = 0; start < 80; start += 8) {
      const round = urls.slice(start, start + 8);
      expect([A, B, C].map((url) => round.filter((one) => one === url).length)).toEqual([5, 2, 1]);
    }
  });

  it('spreads the turns of a heavy target out', () => {
    expect(longestRun(urlsOf([5, 1, 1], 700), A)).toBeLessThanOrEqual(4);
    expect(longestRun(urlsOf([2, 1], 300), A)).toBe(2);
  });

  it('meets weights that no short order has, smoothly too', () => {
    const urls = urlsOf([1, Math.PI, 0.001], 100_000);
    const share = (url: string): number => urls.filter((one) => one === url).length / urls.length;
    const sum = 1 + Math.PI + 0.001;
    expect(Math.abs(share(A) * sum - 1)).toBeLessThan(0.01);
    expect(Math.abs((share(B) * sum) / Math.PI - 1)).toBeLessThan(0.01);
    expect(Math.abs((share(C) * sum) / 0.001 - 1)).toBeLessThan(0.05);
    expect(longestRun(urls, B)).toBeLessThanOrEqual(8);
  });

  it('takes the next one where the one whose turn it is was tried', () => {
    const { balancer } = openBalancer([A, B, C]);
    const first = balancer.pick();
    expect(first?.url).toBe(A);
    for (let pick = 0; pick < 10; pick++) expect(balancer.pick({ exclude: first && [first] })?.url).not.toBe(A);
  });
});

describe('smoothOrder', () => {
  it('has every index as often as its weight says', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 200; round++) {
      const weights = Array.from({ length: 1 + random.int(12) }, () => 1 + random.int(9));
      const order = smoothOrder(weights) ?? [];
      const unit = order.length / weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries())
        expect(order.filter((one: number) => one === index)).toHaveLength(weight * unit);
    }
  });

  it('is as short as it can be, and never long', () => {
    expect(smoothOrder([30, 10, 20])).toHaveLength(6);
    expect(smoothOrder([0.1, 0.3])).toHaveLength(4);
    expect(smoothOrder([1, 0.19])).toHaveLength(119);
    expect(smoothOrder([1, 9_999])).toHaveLength(10_000);
    expect(smoothOrder([1, 10_000])).toBeNull();
    expect(smoothOrder([1, Math.PI])).toBeNull();
  });
});
