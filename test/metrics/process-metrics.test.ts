import { describe, expect, it } from 'vitest';
import { metrics, metricsEndpoint, MetricsRegistry, processMetrics } from '../../src/metrics/index.js';
import { fakeContext } from '../support/request.js';
import { parseText, textOf } from './parse-text.js';
import { checkMetrics } from './promtool.js';
import { isInstalled } from '../support/installed.js';

async function valuesOf(registry: MetricsRegistry): Promise<Map<string, number>> {
  const families = parseText(await textOf(registry), 'prometheus');
  return new Map(
    families.flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    ),
  );
}

describe('processMetrics', () => {
  it('has the figures of the process and of Node', async () => {
    const registry = new MetricsRegistry();
    const figures = processMetrics(registry);
    const values = await valuesOf(registry);
    figures.close();
    expect([...values.keys()].sort()).toEqual([
      'nodejs_eventloop_delay_max_seconds',
      'nodejs_eventloop_delay_mean_seconds',
      'nodejs_eventloop_delay_min_seconds',
      'nodejs_eventloop_delay_p50_seconds',
      'nodejs_eventloop_delay_p90_seconds',
      'nodejs_eventloop_delay_p99_seconds',
      'nodejs_eventloop_utilization_ratio',
      `nodejs_version_info ${process.version}`,
      'process_cpu_time_seconds_total system',
      'process_cpu_time_seconds_total user',
      'process_memory_usage_bytes',
      'process_start_time_seconds',
      'process_uptime_seconds',
      'v8js_memory_external_bytes',
      'v8js_memory_heap_committed_bytes',
      'v8js_memory_heap_limit_bytes',
      'v8js_memory_heap_used_bytes',
    ]);
    for (const [name, value] of values) {
      expect([name, Number.isFinite(value) && value >= 0]).toEqual([name, true]);
      if (/bytes|uptime|start|user|version/.test(name)) expect([name, value > 0]).toEqual([name, true]);
    }
    expect(values.get('nodejs_eventloop_utilization_ratio')).toBeLessThanOrEqual(1);
  });

  it('reads again before each scrape, until it is closed', async () => {
    const registry = new MetricsRegistry();
    const figures = processMetrics(registry);
    const uptime = async (): Promise<number> => (await valuesOf(registry)).get('process_uptime_seconds') ?? NaN;
    const first = await uptime();
    expect(await uptime()).toBeGreaterThan(first);
    figures.close();
    const last = await uptime();
    expect(await uptime()).toBe(last);
  });

  it('a second call for a registry adds nothing, and the collection ends with the last', async () => {
    const registry = new MetricsRegistry();
    const [first, second] = [processMetrics(registry), processMetrics(registry)];
    const lines = (await valuesOf(registry)).size;
    const other = new MetricsRegistry();
    processMetrics(other).close();
    expect((await valuesOf(other)).size).toBe(lines);
    first.close();
    first.close();
    const uptime = async (): Promise<number> => (await valuesOf(registry)).get('process_uptime_seconds') ?? NaN;
    const before = await uptime();
    expect(await uptime()).toBeGreaterThan(before);
    second.close();
    const after = await uptime();
    expect(await uptime()).toBe(after);
  });

  it('starts again after its end', async () => {
    const registry = new MetricsRegistry();
    processMetrics(registry).close();
    const figures = processMetrics(registry);
    const first = (await valuesOf(registry)).get('process_uptime_seconds') ?? NaN;
    expect((await valuesOf(registry)).get('process_uptime_seconds')).toBeGreaterThan(first);
    figures.close();
  });
});

describe.runIf(isInstalled('promtool'))('promtool', () => {
  it('has nothing to say about everything that there is', async () => {
    const registry = new MetricsRegistry({ maxSeries: 2, labels: { service: 'a "shop"\\\n' } });
    const figures = processMetrics(registry);
    const counted = metrics({ registry });
    for (const route of ['users', 'a"b\n\\', 'c', 'd']) {
      const ctx = fakeContext();
      await metricsEndpoint(registry)(ctx, (passed) =>
        counted(passed, () => ({ status: 200, headers: {}, body: null })),
      );
      ctx.route = { id: route, path: '/', params: {}, names: [], values: [], rest: '' };
      Object.assign(ctx, { cache: 'hit', refusal: 'ERR_GATEWAY_RATE_LIMITED', attempt: 2 });
      const times = { startedAt: 0, sentAt: 0, connectMs: 0, answeredAt: 1, endedAt: 2 };
      const sent = { number: 1, origin: 'http://users:3001', method: 'GET', url: '/', bytesSent: 0, bytesReceived: 0 };
      for (const observer of ctx.attemptObservers ?? [])
        observer.onAttemptEnd?.(ctx, { ...sent, ...times, status: 200, error: null });
      ctx.finish({ status: 200, aborted: false, bytesIn: 1, bytesOut: 1 });
    }
    const text = await textOf(registry);
    figures.close();
    expect(parseText(text, 'prometheus').length).toBeGreaterThan(24);
    expect(text).toContain('otel_metric_overflow');
    expect(checkMetrics(text)).toBe('');
  });

  it('has something to say about what is wrong', () => {
    expect(checkMetrics('a 1\na 2\n')).not.toBe('');
    expect(checkMetrics('# TYPE jobs counter\njobs 1\n')).toContain('_total');
  });
});
