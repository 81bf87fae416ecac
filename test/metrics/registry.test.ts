import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { MetricsRegistry } from '../../src/metrics/index.js';
import { parseText, textOf } from './parse-text.js';

function faultsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('MetricsRegistry', () => {
  it('counts by handles that the caller keeps', async () => {
    const registry = new MetricsRegistry();
    const requests = registry.counter({ name: 'requests_total', help: 'Requests.', labels: ['method', 'route'] });
    const handle = requests.series('GET', 'users');
    handle.inc();
    handle.inc(2.5);
    expect(requests.series('GET', 'users')).toBe(handle);
    expect(requests.series('users', 'GET')).not.toBe(handle);
    expect(handle.value).toBe(3.5);
    expect(await textOf(registry)).toContain('\nrequests_total{method="GET",route="users"} 3.5\n');
  });

  it('tells values apart however they are cut', () => {
    const counter = new MetricsRegistry().counter({ name: 'a_total', help: 'A.', labels: ['x', 'y'] });
    counter.series('a,b', 'c');
    counter.series('a', 'b,c');
    counter.series('a\0b', 'c');
    counter.series('a', 'b\0c');
    expect(counter.size).toBe(4);
  });

  it('a gauge is set, raised and lowered', () => {
    const gauge = new MetricsRegistry().gauge({ name: 'temperature_celsius', help: 'T.' }).series();
    gauge.set(20);
    gauge.inc(2);
    gauge.inc();
    gauge.dec();
    gauge.dec(5);
    expect(gauge.value).toBe(17);
  });

  it('writes the text format of Prometheus', async () => {
    const registry = new MetricsRegistry({ labels: { service: 'shop' } });
    registry
      .counter({ name: 'jobs_total', help: 'Jobs.', labels: ['queue'] })
      .series('mail')
      .inc(3);
    const gauge = registry.gauge({ name: 'depth', help: 'Depth.', labels: ['queue'] });
    for (const [queue, value] of [
      ['a', Infinity],
      ['b', -Infinity],
      ['c', NaN],
      ['d', -0.5],
      ['e', 1e21],
    ] as const)
      gauge.series(queue).set(value);
    const wait = registry.histogram({ name: 'wait_seconds', help: 'Wait.', buckets: [0.1, 1] }).series();
    for (const value of [0.05, 0.1, 0.5, 2]) wait.observe(value);
    expect(await textOf(registry)).toBe(`# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{service="shop",queue="mail"} 3
# HELP depth Depth.
# TYPE depth gauge
depth{service="shop",queue="a"} +Inf
depth{service="shop",queue="b"} -Inf
depth{service="shop",queue="c"} NaN
depth{service="shop",queue="d"} -0.5
depth{service="shop",queue="e"} 1e+21
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{service="shop",le="0.1"} 2
wait_seconds_bucket{service="shop",le="1.0"} 3
wait_seconds_bucket{service="shop",le="+Inf"} 4
wait_seconds_sum{service="shop"} 2.65
wait_seconds_count{service="shop"} 4
`);
  });

  it('writes OpenMetrics: families without _total, units, an end', async () => {
    const registry = new MetricsRegistry();
    registry.counter({ name: 'sent_bytes_total', help: 'Sent.' }).series().inc(7);
    registry.gauge({ name: 'depth', help: 'Depth.' }).series();
    registry
      .histogram({ name: 'wait_seconds', help: 'Wait.', buckets: [1], labels: ['q'] })
      .series('a')
      .observe(1);
    expect(await textOf(registry, 'openmetrics')).toBe(`# HELP sent_bytes Sent.
# TYPE sent_bytes counter
# UNIT sent_bytes bytes
sent_bytes_total 7
# HELP depth Depth.
# TYPE depth gauge
depth 0
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{q="a",le="1.0"} 1
wait_seconds_bucket{q="a",le="+Inf"} 1
wait_seconds_sum{q="a"} 1
wait_seconds_count{q="a"} 1
# EOF
`);
  });

  it('writes nothing of a metric without series, and an empty registry as nothing', async () => {
    const registry = new MetricsRegistry();
    registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    expect(await textOf(registry)).toBe('');
    expect(await textOf(registry, 'openmetrics')).toBe('# EOF\n');
  });

  it.each(['prometheus', 'openmetrics'] as const)(
    'whatever stands in labels and help is read back as it was: %s',
    async (format) => {
      const help = 'A "quoted" \\ help\nof two lines, \\n not a third';
      const values = [
        'a"b',
        'back\\slash',
        'line\nbreak',
        '\\n',
        '\\',
        '"',
        '',
        '}',
        'a,b="c"',
        '\0',
        '\r\n',
        'é🎉',
        '__proto__',
      ];
      const registry = new MetricsRegistry({ labels: { zone: 'a\n"b"' } });
      const counter = registry.counter({ name: 'odd_total', help, labels: ['value'] });
      for (const [index, value] of values.entries()) counter.series(value).inc(index);
      const [family] = parseText(await textOf(registry, format), format);
      expect(family?.help).toBe(help);
      expect(family?.samples).toEqual(
        values.map((value, index) => ({ name: 'odd_total', labels: { zone: 'a\n"b"', value }, value: index })),
      );
    },
  );

  it('half a surrogate pair is written as what UTF-8 can carry', async () => {
    const registry = new MetricsRegistry();
    registry
      .counter({ name: 'a_total', help: 'A.', labels: ['x'] })
      .series('\ud83c')
      .inc();
    expect(await textOf(registry)).toContain('a_total{x="\ufffd"} 1\n');
  });

  it('beyond maxSeries all values share one series, and what was known stays apart', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const registry = new MetricsRegistry({ maxSeries: 3, labels: { service: 'shop' } });
    const counter = registry.counter({ name: 'a_total', help: 'A.', labels: ['x', 'y'] });
    for (let index = 0; index < 1_000; index++) counter.series(String(index), '').inc();
    counter.series('1', '').inc();
    expect(counter.size).toBe(4);
    expect(counter.series('500', '')).toBe(counter.series('new', 'one'));
    expect(await textOf(registry)).toBe(`# HELP a_total A.
# TYPE a_total counter
a_total{service="shop",x="0",y=""} 1
a_total{service="shop",x="1",y=""} 2
a_total{service="shop",x="2",y=""} 1
a_total{service="shop",otel_metric_overflow="true"} 997
`);
    expect(warned).toHaveBeenCalledOnce();
    expect(warned.mock.calls[0]?.[0]).toContain('a_total has 3 series');
  });

  it('gives the metric of a name again, whatever its help says', () => {
    const registry = new MetricsRegistry();
    const counter = registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    expect(registry.counter({ name: 'a_total', help: 'Another.', labels: ['x'] })).toBe(counter);
    const histogram = registry.histogram({ name: 'h', help: 'H.' });
    expect(registry.histogram({ name: 'h', help: 'H.' })).toBe(histogram);
  });

  it('says what is in the way of a name that is taken', () => {
    const registry = new MetricsRegistry();
    registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    registry.histogram({ name: 'h', help: 'H.', buckets: [1, 2] });
    expect(faultsOf(() => registry.gauge({ name: 'h', help: 'H.' }))).toEqual([
      'name: h is a histogram of this registry already; take another name',
    ]);
    expect(faultsOf(() => registry.gauge({ name: 'a', help: 'A.' }))).toEqual([
      'name: a_total is a counter of this registry already; take another name',
    ]);
    expect(faultsOf(() => registry.counter({ name: 'a_total', help: 'A.', labels: ['x', 'y'] }))).toEqual([
      'labels: got [x, y], but a_total has been made with [x]',
    ]);
    expect(faultsOf(() => registry.histogram({ name: 'h', help: 'H.', buckets: [1, 3] }))).toEqual([
      'buckets: got [1, 3], but h has been made with [1, 2]',
    ]);
  });

  it('tells every fault of a metric at once', () => {
    const registry = new MetricsRegistry({ labels: { service: 'shop' } });
    const options = {
      name: 'latency',
      help: '',
      labels: ['le', '9', '__x', 'a', 'a', 'service'],
      buckets: [1, 1, NaN],
      bucket: 1,
    };
    expect(faultsOf(() => registry.histogram(options)).map((fault) => fault.split(':')[0])).toEqual([
      'help',
      'labels[1]',
      'labels[2]',
      'buckets[2]',
      'buckets[1]',
      'bucket',
      'labels[0]',
      'labels[4]',
      'labels[5]',
    ]);
  });

  it.each(['', '9a', 'a-b', 'a b', 'é', 'a\n', '__proto__x y'])('%j is no name of a metric', (name) => {
    const registry = new MetricsRegistry();
    expect(faultsOf(() => registry.gauge({ name, help: 'A.' }))).toHaveLength(1);
  });

  it('a counter ends in _total, and nothing else in what the formats add', () => {
    const registry = new MetricsRegistry();
    expect(faultsOf(() => registry.counter({ name: 'jobs', help: 'J.' }))).toEqual([
      'name: is "jobs"; the name of a counter ends in _total',
    ]);
    for (const end of ['_total', '_bucket', '_sum', '_count', '_created']) {
      expect(faultsOf(() => registry.gauge({ name: `jobs${end}`, help: 'J.' }))).toEqual([
        `name: is "jobs${end}"; the end ${end} is not for a gauge, leave it out`,
      ]);
    }
    expect(faultsOf(() => registry.gauge({ name: 'a', help: 'A.', buckets: [1] } as never))).toHaveLength(1);
  });

  it('a registry tells every fault of its options', () => {
    const labels = { 'a-b': 'x', le: 'y', ok: 7 };
    expect(faultsOf(() => new MetricsRegistry({ maxSeries: 0, labels, maxSerie: 1 } as never))).toEqual([
      'maxSeries: got 0, expected a whole number from 1 on',
      'labels["a-b"]: is not a name of letters, digits and _, no digit first, no __ at the start',
      'labels.le: is taken already, take another name',
      'labels.ok: got 7, expected a string',
      'maxSerie: unknown option; did you mean maxSeries?',
    ]);
  });

  it('refuses values that are none', () => {
    const registry = new MetricsRegistry();
    const counter = registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    expect(() => counter.series()).toThrow('got none, expected strings for x');
    expect(() => counter.series('a', 'b')).toThrow('got "a", "b", expected strings for x');
    expect(() => counter.series(7 as never)).toThrow('got 7, expected strings for x');
    for (const by of [-1, NaN, Infinity, '1' as never]) expect(() => counter.series('a').inc(by)).toThrow(RangeError);
    const histogram = registry.histogram({ name: 'h', help: 'H.' }).series();
    for (const value of [NaN, Infinity, '1' as never]) expect(() => histogram.observe(value)).toThrow(RangeError);
    expect(counter.series('a').value).toBe(0);
  });

  it('runs collectors before each text, until they are disposed of', async () => {
    const registry = new MetricsRegistry();
    const gauge = registry.gauge({ name: 'depth', help: 'Depth.' }).series();
    let depth = 0;
    const dispose = registry.collect(() => gauge.set(++depth));
    expect(await textOf(registry)).toContain('depth 1\n');
    expect(await textOf(registry, 'openmetrics')).toContain('depth 2\n');
    dispose();
    expect(await textOf(registry)).toContain('depth 2\n');
  });

  it('skips a collector that throws, and tells of it once', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const registry = new MetricsRegistry();
    const gauge = registry.gauge({ name: 'depth', help: 'Depth.' }).series();
    registry.collect(() => {
      throw new Error('gone');
    });
    registry.collect(() => gauge.set(7));
    await textOf(registry);
    expect(await textOf(registry)).toContain('depth 7\n');
    expect(warned.mock.calls.map(([message]) => message)).toEqual([
      'A collector of metrics failed, and requests go on without it: gone',
    ]);
  });

  it('shows watchers each metric, be it made later', () => {
    const registry = new MetricsRegistry();
    registry.gauge({ name: 'a', help: 'A.' });
    const seen: string[] = [];
    const stop = registry.watch(({ name }) => seen.push(name));
    registry.gauge({ name: 'b', help: 'B.' });
    registry.gauge({ name: 'b', help: 'B.' });
    stop();
    registry.gauge({ name: 'c', help: 'C.' });
    expect(seen).toEqual(['a', 'b']);
  });

  it('a text of 10,000 series leaves the event loop to others after every few hundred lines', async () => {
    const registry = new MetricsRegistry({ maxSeries: 10_000 });
    const waits = registry.histogram({ name: 'wait_seconds', help: 'Wait.', labels: ['route'] });
    for (let index = 0; index < 10_000; index++) waits.series(`route-${index}`).observe(index / 1_000);
    let [turns, lines, most] = [0, 0, 0];
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    for await (const piece of registry.text()) {
      const count = piece.split('\n').length - 1;
      lines += count;
      most = Math.max(most, count);
    }
    isOver = true;
    expect(lines).toBe(2 + 10_000 * 17);
    expect(most).toBeLessThan(1_500);
    expect(turns).toBeGreaterThan(lines / 1_500);
  });

  it('the lines of one series are of one moment, whatever is counted meanwhile', async () => {
    const registry = new MetricsRegistry();
    const waits = registry.histogram({ name: 'wait_seconds', help: 'Wait.', labels: ['route'] });
    const series = Array.from({ length: 1_000 }, (_, index) => waits.series(String(index)));
    let text = '';
    for await (const piece of registry.text()) {
      text += piece;
      for (const handle of series) handle.observe(0.3);
    }
    const [family] = parseText(text, 'prometheus');
    const ends = family?.samples.filter(({ labels, name }) => labels.le === '+Inf' || name.endsWith('_count')) ?? [];
    expect(ends).toHaveLength(2_000);
    for (let index = 0; index < ends.length; index += 2) expect(ends[index]?.value).toBe(ends[index + 1]?.value);
    expect(new Set(ends.map(({ value }) => value)).size).toBeGreaterThan(1);
  });
});
