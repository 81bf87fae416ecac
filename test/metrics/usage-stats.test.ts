import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/context.js';
import { UsageStats } from '../../src/metrics/index.js';
import { fakeContext } from '../support/request.js';

interface Recorded extends Partial<Outcome> {
  route?: string;
  consumer?: string;
  durationMs?: number;
}

function record(usage: UsageStats, { route = 'users', consumer, durationMs = 1, ...outcome }: Recorded = {}): void {
  const ctx = fakeContext();
  ctx.route = { id: route, path: '/', params: {}, names: [], values: [], rest: '' };
  if (consumer !== undefined)
    ctx.identity = { id: 'somebody', consumer, scheme: 'api-key', claims: {}, scopes: [], roles: [] };
  usage.record(ctx, { status: 200, aborted: false, ...outcome }, durationMs);
}

describe('UsageStats', () => {
  it('adds up requests, errors and bytes', () => {
    const usage = new UsageStats();
    record(usage, { bytesIn: 10, bytesOut: 100 });
    record(usage, { status: 500, bytesOut: 1 });
    record(usage, { status: 404, bytesIn: undefined });
    expect(usage.snapshot().routes.users).toMatchObject({
      requests: 3,
      errors: 1,
      refused: 0,
      bytesIn: 10,
      bytesOut: 101,
    });
  });

  it('gives latencies in ms, with quantiles within a hundredth', () => {
    const usage = new UsageStats();
    for (let ms = 1; ms <= 1_000; ms++) record(usage, { durationMs: ms });
    const { mean, p50, p90, p95, p99, max } = usage.snapshot().routes.users?.latency ?? {};
    expect([mean, max]).toEqual([500.5, 1_000]);
    for (const [quantile, exact] of [
      [p50, 500],
      [p90, 900],
      [p95, 950],
      [p99, 990],
    ] as const) {
      expect(quantile).toBeGreaterThanOrEqual(exact);
      expect(quantile).toBeLessThanOrEqual(exact * 1.01);
    }
  });

  it('no quantile is above the maximum, however short or long it took', () => {
    const usage = new UsageStats();
    record(usage, { route: 'short', durationMs: 0 });
    record(usage, { route: 'long', durationMs: 86_400_000 });
    const { routes } = usage.snapshot();
    expect(routes.short?.latency).toEqual({ mean: 0, p50: 0, p90: 0, p95: 0, p99: 0, max: 0 });
    expect(routes.long?.latency.max).toBe(86_400_000);
    expect(routes.long?.latency.p50).toBeGreaterThan(595_000);
  });

  it('names beyond the bounds share one', () => {
    const usage = new UsageStats({ maxConsumers: 2, maxRoutes: 3 });
    for (let index = 0; index < 100; index++) record(usage, { route: `r${index}`, consumer: `c${index}` });
    record(usage, { route: 'r0', consumer: 'c1' });
    const { routes, consumers } = usage.snapshot();
    const requests = (of: typeof routes): unknown => Object.entries(of).map(([name, each]) => [name, each.requests]);
    expect(requests(routes)).toEqual([
      ['r0', 2],
      ['r1', 1],
      ['r2', 1],
      ['(other)', 97],
    ]);
    expect(requests(consumers)).toEqual([
      ['c0', 1],
      ['c1', 2],
      ['(other)', 98],
    ]);
  });

  it('forgets everything on reset', () => {
    const usage = new UsageStats({ maxConsumers: 1 });
    record(usage, { consumer: 'a' });
    usage.reset();
    expect(usage.snapshot()).toEqual({ routes: {}, consumers: {} });
    record(usage, { consumer: 'b' });
    expect(Object.keys(usage.snapshot().consumers)).toEqual(['b']);
  });

  it('names have no prototype to meet', () => {
    const { routes, consumers } = new UsageStats().snapshot();
    expect([Object.getPrototypeOf(routes), Object.getPrototypeOf(consumers)]).toEqual([null, null]);
  });

  it('tells every fault of its options', () => {
    expect(() => new UsageStats({ maxConsumers: 0, maxRoutes: 1.5 })).toThrow(/maxConsumers: .*\n.*maxRoutes: /);
  });
});
