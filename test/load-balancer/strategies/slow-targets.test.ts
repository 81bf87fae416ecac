import { describe, expect, it } from 'vitest';
import type { BalanceStrategy, LoadBalancer } from '../../../src/load-balancer/index.js';
import { PeakEwma } from '../../../src/load-balancer/strategies/peak-ewma.js';
import type { FakeClock } from '../../support/fake-clock.js';
import { A, B, C, openBalancer, targetOf } from '../../contract/load-balancer.js';

/** Starts a call every `everyMs` that takes as long as `callOf` says. @returns the part of the calls that each URL got */
function simulate(
  { balancer, clock }: { balancer: LoadBalancer; clock: FakeClock },
  { calls = 10_000, everyMs = 2 },
  callOf: (url: string) => { durationMs: number; result?: 'success' | 'failure' },
): (url: string) => number {
  const counts = new Map<string, number>();
  for (let call = 0; call < calls; call++) {
    const target = balancer.pick();
    if (target === null) throw new Error('no target');
    const { url } = target;
    counts.set(url, (counts.get(url) ?? 0) + 1);
    const { durationMs, result = 'success' } = callOf(url);
    target.begin();
    clock.setTimer(() => {
      target.end({ result, durationMs });
    }, durationMs);
    clock.advance(everyMs);
  }
  return (url) => (counts.get(url) ?? 0) / calls;
}

function open(balance: BalanceStrategy): ReturnType<typeof openBalancer> {
  return openBalancer([A, B, C], { balance });
}

describe.each(['least-connections', 'p2c-ewma'] as const)('%s', (strategy) => {
  it('sends a slow target less than a tenth of its share', () => {
    const share = simulate(open(strategy), {}, (url) => ({ durationMs: url === A ? 500 : 5 }));
    expect(share(A)).toBeLessThan(1 / 30);
    expect(share(A)).toBeGreaterThan(0);
    expect(Math.abs(share(B) - share(C))).toBeLessThan(0.1);
  });

  it('gives a target that was slow its part again', () => {
    const opened = open(strategy);
    simulate(opened, {}, (url) => ({ durationMs: url === A ? 500 : 5 }));
    simulate(opened, { calls: 40_000 }, () => ({ durationMs: 5 }));
    expect(simulate(opened, {}, () => ({ durationMs: 5 }))(A)).toBeGreaterThan(0.25);
  });

  it('follows weights under load', () => {
    const opened = openBalancer([{ url: A, weight: 3 }, B], { balance: strategy });
    const share = simulate(opened, { everyMs: 1 }, () => ({ durationMs: 40 }));
    expect(Math.abs(share(A) - 0.75)).toBeLessThan(0.05);
  });
});

describe('p2c-ewma', () => {
  it('does not love a target that fails fast', () => {
    const share = simulate(open('p2c-ewma'), {}, (url) =>
      url === A ? { durationMs: 1, result: 'failure' } : { durationMs: 20 },
    );
    expect(share(A)).toBeLessThan(1 / 30);
  });

  it('tries a target that is new once, and does not flood it', () => {
    const opened = open('p2c-ewma');
    simulate(opened, { calls: 1_000 }, () => ({ durationMs: 5 }));
    opened.balancer.update([A, B, C, 'http://new.test']);
    const share = simulate(opened, { calls: 100 }, (url) => ({ durationMs: url === 'http://new.test' ? 10_000 : 5 }));
    expect(share('http://new.test')).toBe(0.01);
  });

  it('sends no crowd to a target whose latency was forgotten, while its first call is out', () => {
    const opened = open('p2c-ewma');
    simulate(opened, { calls: 1_000 }, () => ({ durationMs: 5 }));
    opened.balancer.setHealth(A, false);
    simulate(opened, { calls: 1_000, everyMs: 600 }, () => ({ durationMs: 5 }));
    opened.balancer.setHealth(A, true);
    const share = simulate(opened, { calls: 500 }, (url) => ({ durationMs: url === A ? 10_000 : 5 }));
    expect(share(A)).toBeLessThan(0.02);
  });

  it('takes the only one where there is one, and the other one where one was tried', () => {
    const { balancer } = openBalancer([A], { balance: 'p2c-ewma' });
    expect(balancer.pick()?.url).toBe(A);
    balancer.update([A, B]);
    expect(balancer.pick({ exclude: [targetOf(balancer, B)] })?.url).toBe(A);
  });
});

describe('PeakEwma', () => {
  it('rises at once, and falls slowly', () => {
    const latency = new PeakEwma(10_000);
    expect([latency.isMeasured, latency.valueAt(0)]).toEqual([false, 0]);
    latency.add(10, 0);
    expect(latency.valueAt(0)).toBe(10);
    latency.add(500, 0);
    expect(latency.valueAt(0)).toBe(500);
    latency.add(10, 1_000);
    expect(latency.valueAt(1_000)).toBeCloseTo(500 * Math.exp(-0.1) + 10 * (1 - Math.exp(-0.1)));
    expect(latency.valueAt(100_000)).toBeLessThan(0.05);
  });

  it('is raised by a call that was given up, and never lowered', () => {
    const latency = new PeakEwma(10_000);
    latency.addAtLeast(3_000, 0);
    expect(latency.isMeasured).toBe(false);
    latency.add(10, 0);
    latency.addAtLeast(3_000, 0);
    latency.addAtLeast(1, 0);
    expect(latency.valueAt(0)).toBe(3_000);
  });

  it('takes a failure for a second, then for twice as much, up to a minute', () => {
    const latency = new PeakEwma(10_000);
    const values = Array.from({ length: 8 }, () => {
      latency.addFailure(1, 0);
      return latency.valueAt(0);
    });
    expect(values).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    latency.addFailure(90_000, 0);
    expect(latency.valueAt(0)).toBe(90_000);
  });
});
