import { warn } from '../core/warn.js';
import type { Metric } from './metric.js';
import type { MetricsRegistry } from './registry.js';
import type { Labels } from './series.js';

/** What a registry of another library has to have; that of prom-client 15 does. */
export interface ForeignRegistry {
  registerMetric(metric: never): unknown;
  removeSingleMetric?(name: string): unknown;
}

/** Our metrics in another registry. */
export interface MetricsBridge {
  /** Takes them out of it, and adds no more. */
  close(): void;
}

/** What prom-client asks a metric for. */
interface ForeignMetric {
  /** It takes `_total` off that of a counter where it writes OpenMetrics. */
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  get(): Promise<ForeignValues>;
  reset(): void;
}

interface ForeignValues {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly { readonly value: number; readonly labels: Labels; readonly metricName?: string }[];
}

/**
 * Shows all metrics of `registry`, be they made later, in a registry that the application has already, such as that of
 * prom-client, so that one scrape has both. A metric whose name is taken there is left out, and a warning of the process
 * names it.
 *
 * @example
 * import { register } from 'prom-client';
 * bridgeMetrics(counted.registry, register);
 */
export function bridgeMetrics(registry: MetricsRegistry, foreign: ForeignRegistry): MetricsBridge {
  const names: string[] = [];
  let isFresh = false;

  /** All metrics of a scrape are asked in one go: the collectors run for the first one. */
  function refresh(): void {
    if (isFresh) return;
    isFresh = true;
    registry.refresh();
    queueMicrotask(() => (isFresh = false));
  }

  const stop = registry.watch(function bridgeMetric(metric) {
    try {
      foreign.registerMetric(toForeign(metric, refresh) as never);
      names.push(metric.name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      warn('ERR_GATEWAY_METRIC_TAKEN', `${metric.name} stays out of the other registry: ${reason}`);
    }
  });

  return {
    close() {
      stop();
      for (const name of names.splice(0)) foreign.removeSingleMetric?.(name);
    },
  };
}

function toForeign(metric: Metric, refresh: () => void): ForeignMetric {
  const { name, help, type } = metric;
  const aggregator = 'sum';
  return {
    name,
    help,
    type,
    aggregator,
    get() {
      refresh();
      return Promise.resolve({ name: this.name, help, type, aggregator, values: valuesOf(metric) });
    },
    // What has been counted is not the other registry's to forget.
    reset() {},
  };
}

/** The name of a value is that of its metric where it is not said: prom-client adds to one that is. */
function valuesOf(metric: Metric): ForeignValues['values'] {
  return [...metric.all()].flatMap((series) =>
    series.samples().map(({ name, labels, value }) => ({
      value,
      labels,
      ...(name === metric.name ? undefined : { metricName: name }),
    })),
  );
}
