import { Counter, Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bridgeMetrics, MetricsRegistry } from '../../src/metrics/index.js';
import { parseText } from './parse-text.js';

afterEach(() => {
  vi.restoreAllMocks();
});

function filled(): MetricsRegistry {
  const registry = new MetricsRegistry({ labels: { service: 'shop' } });
  registry
    .counter({ name: 'jobs_total', help: 'Jobs.', labels: ['queue'] })
    .series('a"b\n\\')
    .inc(3);
  registry.gauge({ name: 'depth', help: 'Depth.' }).series().set(7);
  registry
    .histogram({ name: 'wait_seconds', help: 'Wait.', buckets: [0.5] })
    .series()
    .observe(0.25);
  return registry;
}

const OURS = [
  { name: 'jobs_total', labels: { service: 'shop', queue: 'a"b\n\\' }, value: 3 },
  { name: 'depth', labels: { service: 'shop' }, value: 7 },
  { name: 'wait_seconds_bucket', labels: { service: 'shop', le: '0.5' }, value: 1 },
  { name: 'wait_seconds_bucket', labels: { service: 'shop', le: '+Inf' }, value: 1 },
  { name: 'wait_seconds_sum', labels: { service: 'shop' }, value: 0.25 },
  { name: 'wait_seconds_count', labels: { service: 'shop' }, value: 1 },
];

describe('bridgeMetrics', () => {
  it('shows our metrics beside those of the other registry', async () => {
    const foreign = new Registry();
    new Counter({ name: 'own_total', help: 'Own.', registers: [foreign] }).inc();
    bridgeMetrics(filled(), foreign);
    const text = (await foreign.metrics()).replaceAll('\n\n', '\n');
    const samples = parseText(text, 'prometheus').flatMap((family) => family.samples);
    expect(samples).toEqual([{ name: 'own_total', labels: {}, value: 1 }, ...OURS]);
  });

  it('does so in OpenMetrics, too', async () => {
    const foreign = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
    foreign.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    bridgeMetrics(filled(), foreign);
    for (let scrape = 0; scrape < 2; scrape++) {
      const families = parseText(await foreign.metrics(), 'openmetrics');
      expect(families.flatMap((family) => family.samples)).toEqual(OURS);
      expect(families[0]).toMatchObject({ name: 'jobs', type: 'counter' });
    }
  });

  it('shows metrics that are made later', async () => {
    const foreign = new Registry();
    const registry = new MetricsRegistry();
    bridgeMetrics(registry, foreign);
    registry.counter({ name: 'later_total', help: 'Later.' }).series().inc();
    expect(await foreign.metrics()).toContain('later_total 1');
  });

  it('runs the collectors once for each scrape', async () => {
    const foreign = new Registry();
    const registry = filled();
    const gauge = registry.gauge({ name: 'scrapes', help: 'Scrapes.' }).series();
    let runs = 0;
    registry.collect(() => gauge.set(++runs));
    bridgeMetrics(registry, foreign);
    expect(await foreign.metrics()).toContain('scrapes{service="shop"} 1');
    expect(await foreign.metrics()).toContain('scrapes{service="shop"} 2');
    await foreign.getMetricsAsJSON();
    expect(runs).toBe(3);
  });

  it('leaves out what the other registry has already, and says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const foreign = new Registry();
    new Counter({ name: 'jobs_total', help: 'Own.', registers: [foreign] }).inc(99);
    const bridge = bridgeMetrics(filled(), foreign);
    expect(await foreign.metrics()).toMatch(/jobs_total 99\n[^]*depth\{service="shop"\} 7/);
    expect(warned.mock.calls.map(([message]) => message)).toEqual([
      'jobs_total stays out of the other registry: A metric with the name jobs_total has already been registered.',
    ]);
    bridge.close();
    expect(await foreign.metrics()).toBe('# HELP jobs_total Own.\n# TYPE jobs_total counter\njobs_total 99\n');
  });

  it('its end takes our metrics out, and adds no more', async () => {
    const foreign = new Registry();
    const registry = filled();
    const bridge = bridgeMetrics(registry, foreign);
    bridge.close();
    registry.gauge({ name: 'later', help: 'Later.' }).series();
    expect((await foreign.metrics()).trim()).toBe('');
  });

  it('a reset of the other registry forgets nothing of ours', async () => {
    const foreign = new Registry();
    bridgeMetrics(filled(), foreign);
    foreign.resetMetrics();
    expect(await foreign.metrics()).toContain('depth{service="shop"} 7');
  });
});
