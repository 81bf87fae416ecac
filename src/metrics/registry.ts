import { setImmediate } from 'node:timers/promises';
import { compileHook } from '../core/hook.js';
import { finishLateWork } from '../core/late-work.js';
import { ConfigError, integer, object, validate, type Fault, type Schema } from '../core/options.js';
import { CounterSeries } from './counter-series.js';
import type { ExpositionFormat } from './exposition-format.js';
import { GaugeSeries } from './gauge-series.js';
import { Buckets, HistogramSeries } from './histogram-series.js';
import {
  constantLabelsField,
  DEFAULT_BUCKETS,
  metricSchema,
  type HistogramOptions,
  type MetricOptions,
  type MetricType,
} from './metric-options.js';
import {
  familyName,
  Metric,
  type Counter,
  type Gauge,
  type Histogram,
  type MakeSeries,
  type MetricDefinition,
} from './metric.js';
import type { Labels, Series } from './series.js';

export interface MetricsRegistryOptions {
  /**
   * Series of each metric, beside the one that all further label values share. A whole number from 1 on.
   * @default 2000
   */
  maxSeries?: number;
  /** Labels of every series, such as `{ service: 'shop' }`. @default none */
  labels?: Labels;
}

const metricsRegistryFields = {
  maxSeries: integer({ min: 1 }),
  labels: constantLabelsField,
} satisfies Record<keyof MetricsRegistryOptions, Schema>;

/** What is written in one go, in characters: some tenths of a millisecond of work. */
const PIECE_LENGTH = 65_536;

/**
 * Counters, gauges and histograms, and their text for Prometheus. It is bounded: whatever the values of labels are, a
 * metric has at most `maxSeries` series and one for the rest.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const registry = new MetricsRegistry({ labels: { service: 'shop' } });
 * const mails = registry.counter({ name: 'mails_total', help: 'Mails sent.', labels: ['kind'] });
 * const receipts = mails.series('receipt');
 * receipts.inc();
 * for await (const piece of registry.text()) process.stdout.write(piece);
 */
export class MetricsRegistry {
  /** Series of each metric, beside the one that all further label values share. */
  readonly maxSeries: number;
  readonly #labels: Labels;
  /** By the name that is theirs in both formats. */
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors = new Set<() => void>();
  readonly #watchers = new Set<(metric: Metric) => void>();

  constructor(options: MetricsRegistryOptions = {}) {
    validate('MetricsRegistry', options, object(metricsRegistryFields));
    this.maxSeries = options.maxSeries ?? 2_000;
    this.#labels = { ...options.labels };
  }

  /**
   * The counter of this name, made on first use.
   *
   * @throws {ConfigError} when an option is wrong, or the name is that of a metric with another type, labels or buckets.
   */
  counter(options: MetricOptions): Counter {
    return this.#getOrCreate('counter', options, makeCounter);
  }

  /** The gauge of this name, made on first use. @throws {ConfigError} as {@link counter} does. */
  gauge(options: MetricOptions): Gauge {
    return this.#getOrCreate('gauge', options, makeGauge);
  }

  /** The histogram of this name, made on first use. @throws {ConfigError} as {@link counter} does. */
  histogram(options: HistogramOptions): Histogram {
    return this.#getOrCreate('histogram', options, makeHistogram);
  }

  /**
   * Runs `collector` before every scrape, for what is read rather than counted. It has to be synchronous; where it
   * throws, the scrape goes on without it, and a warning of the process tells of the first time.
   *
   * @returns What ends it.
   */
  collect(collector: (registry: MetricsRegistry) => void): () => void {
    const hook = compileHook('A collector of metrics');
    const runCollector = (): void => hook(() => collector(this));
    this.#collectors.add(runCollector);
    return () => void this.#collectors.delete(runCollector);
  }

  /** Counts what is over, and runs the collectors; {@link text} does so itself. */
  refresh(): void {
    finishLateWork();
    for (const runCollector of this.#collectors) runCollector();
  }

  /** Calls `watcher` with each metric, be it made later. @returns What ends it. */
  watch(watcher: (metric: Metric) => void): () => void {
    for (const metric of this.#metrics.values()) watcher(metric);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * All metrics as text, in pieces, with a turn of the event loop behind each: however many series there are, requests
   * wait for no more than one piece. So the numbers of one series are of one moment, and those of two need not be.
   * Whoever stops asking for pieces ends it.
   *
   * @param format The text format 0.0.4 of Prometheus, or OpenMetrics 1.0.0.
   */
  async *text(format: ExpositionFormat = 'prometheus'): AsyncGenerator<string, void> {
    this.refresh();
    let piece = '';
    for (const metric of this.#metrics.values()) {
      if (metric.size > 0) piece += metric.head(format);
      for (const series of metric.all()) {
        piece += series.text();
        if (piece.length < PIECE_LENGTH) continue;
        yield piece;
        piece = '';
        await setImmediate();
      }
    }
    yield format === 'openmetrics' ? `${piece}# EOF\n` : piece;
  }

  #getOrCreate<S extends Series>(type: MetricType, options: HistogramOptions, makeSeries: MakeSeries<S>): Metric<S> {
    validate(`A ${type}`, options, metricSchema(type, Object.keys(this.#labels)));
    const { name, help, labels = [], buckets = DEFAULT_BUCKETS } = options;
    const definition: MetricDefinition = {
      type,
      name,
      help,
      labels: [...labels],
      buckets: type === 'histogram' ? new Buckets(buckets) : null,
      constantLabels: this.#labels,
      maxSeries: this.maxSeries,
    };
    const found = this.#metrics.get(familyName(name));
    if (found !== undefined) {
      const faults = differences(found, definition);
      if (faults.length > 0) throw new ConfigError(`The ${type} ${name}`, faults);
      return found as Metric<S>;
    }
    const metric = new Metric(definition, makeSeries);
    this.#metrics.set(familyName(name), metric);
    for (const watcher of this.#watchers) watcher(metric);
    return metric;
  }
}

function makeCounter({ name }: MetricDefinition, labels: Labels): CounterSeries {
  return new CounterSeries(name, labels);
}

function makeGauge({ name }: MetricDefinition, labels: Labels): GaugeSeries {
  return new GaugeSeries(name, labels);
}

function makeHistogram({ name, buckets }: MetricDefinition, labels: Labels): HistogramSeries {
  return new HistogramSeries(name, labels, buckets as Buckets);
}

/** What keeps a metric from being the one that is asked for. Its help may be told in other words. */
function differences(found: Metric, { type, name, labels, buckets }: MetricDefinition): Fault[] {
  if (found.type !== type) {
    const message = `${found.name} is a ${found.type} of this registry already; take another name`;
    return [{ path: 'name', message }];
  }
  const faults: Fault[] = [];
  const pairs = [
    ['labels', labels, found.labels],
    ['buckets', buckets?.bounds ?? [], found.buckets],
  ] as const;
  for (const [path, asked, made] of pairs) {
    const message = `got [${asked.join(', ')}], but ${name} has been made with [${made.join(', ')}]`;
    if (String(asked) !== String(made)) faults.push({ path, message });
  }
  return faults;
}
