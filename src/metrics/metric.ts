import { ConfigError, show } from '../core/options.js';
import { warn } from '../core/warn.js';
import type { CounterSeries } from './counter-series.js';
import type { ExpositionFormat } from './exposition-format.js';
import type { GaugeSeries } from './gauge-series.js';
import type { Buckets, HistogramSeries } from './histogram-series.js';
import type { MetricType } from './metric-options.js';
import type { Labels, Series } from './series.js';

/** What a metric is made of. */
export interface MetricDefinition {
  readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  /** Names of its labels. */
  readonly labels: readonly string[];
  /** Of a histogram, else `null`. */
  readonly buckets: Buckets | null;
  /** Labels of all its series. */
  readonly constantLabels: Labels;
  readonly maxSeries: number;
}

export type MakeSeries<S extends Series> = (definition: MetricDefinition, labels: Labels) => S;

/** The label by which the OpenTelemetry SDK marks what is beyond its limit (metrics SDK, "Cardinality limits"). */
const OVERFLOW_LABELS: Labels = { otel_metric_overflow: 'true' };

/** Base units of OpenMetrics that a name can end with. */
const UNIT = /_(seconds|bytes|ratio|celsius|meters|grams|joules|volts|amperes)$/;

/**
 * A name with all its series. Each set of label values has a handle, which is to be kept: whoever counts then searches
 * nothing and makes nothing. A registry makes it.
 */
export class Metric<S extends Series = Series> {
  readonly #definition: MetricDefinition;
  readonly #makeSeries: MakeSeries<S>;
  readonly #series = new Map<string, S>();
  readonly #heads: Readonly<Record<ExpositionFormat, string>>;
  #overflow: S | null = null;

  constructor(definition: MetricDefinition, makeSeries: MakeSeries<S>) {
    this.#definition = definition;
    this.#makeSeries = makeSeries;
    this.#heads = { prometheus: prometheusHead(definition), openmetrics: openMetricsHead(definition) };
  }

  get type(): MetricType {
    return this.#definition.type;
  }

  get name(): string {
    return this.#definition.name;
  }

  get help(): string {
    return this.#definition.help;
  }

  /** Names of its labels. */
  get labels(): readonly string[] {
    return this.#definition.labels;
  }

  /** Upper bounds of its buckets; none where it is no histogram. */
  get buckets(): readonly number[] {
    return this.#definition.buckets?.bounds ?? [];
  }

  /** How many series there are. */
  get size(): number {
    return this.#series.size + (this.#overflow === null ? 0 : 1);
  }

  /**
   * The handle of the series with these values of the labels, in the order of {@link labels}; made on first use. When
   * there are `maxSeries`, all further values share one that has the label `otel_metric_overflow="true"` in the place of
   * the metric's own.
   *
   * @throws {ConfigError} when the values are not strings, or not as many as the labels.
   *
   * @example
   * const mails = registry.counter({ name: 'mails_total', help: 'Mails sent.', labels: ['kind'] }).series('receipt');
   * mails.inc();
   */
  series(...values: readonly string[]): S {
    if (values.length !== this.labels.length || !values.every((value) => typeof value === 'string'))
      throw this.#wrongValues(values);
    const key = JSON.stringify(values);
    return this.#series.get(key) ?? this.#addSeries(key, values);
  }

  /** Takes every series away, where what they tell of comes and goes; handles that are kept are of no use after it. */
  clear(): void {
    this.#series.clear();
    this.#overflow = null;
  }

  /** The lines that stand above those of its series. */
  head(format: ExpositionFormat): string {
    return this.#heads[format];
  }

  /** Every series that there is. */
  *all(): Generator<S> {
    yield* this.#series.values();
    if (this.#overflow !== null) yield this.#overflow;
  }

  #addSeries(key: string, values: readonly string[]): S {
    if (this.#series.size >= this.#definition.maxSeries) return (this.#overflow ??= this.#makeOverflow());
    const own = Object.fromEntries(this.labels.map((name, index) => [name, values[index] as string]));
    const series = this.#makeSeries(this.#definition, { ...this.#definition.constantLabels, ...own });
    this.#series.set(key, series);
    return series;
  }

  #makeOverflow(): S {
    const { name, maxSeries, constantLabels } = this.#definition;
    const help = 'Use labels with fewer values, or raise maxSeries';
    warn(
      'ERR_GATEWAY_METRIC_OVERFLOW',
      `The metric ${name} has ${maxSeries} series, and further ones share one. ${help}`,
    );
    return this.#makeSeries(this.#definition, { ...constantLabels, ...OVERFLOW_LABELS });
  }

  #wrongValues(values: readonly unknown[]): ConfigError {
    const wanted = this.labels.length === 0 ? 'none' : `strings for ${this.labels.join(', ')}`;
    const message = `got ${values.map(show).join(', ') || 'none'}, expected ${wanted}`;
    return new ConfigError(`A series of ${this.name}`, [{ path: 'values', message }]);
  }
}

export type Counter = Metric<CounterSeries>;
export type Gauge = Metric<GaugeSeries>;
export type Histogram = Metric<HistogramSeries>;

function prometheusHead({ name, help, type }: MetricDefinition): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
}

/** OpenMetrics escapes quotes, too, and tells the unit. */
function openMetricsHead({ name, help, type }: MetricDefinition): string {
  const family = familyName(name);
  const [, unit] = UNIT.exec(family) ?? [];
  const unitLine = unit === undefined ? '' : `# UNIT ${family} ${unit}\n`;
  return `# HELP ${family} ${escapeHelp(help).replaceAll('"', '\\"')}\n# TYPE ${family} ${type}\n${unitLine}`;
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** The name of a metric in OpenMetrics, where that of a counter has no `_total`. */
export function familyName(name: string): string {
  return name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
}
