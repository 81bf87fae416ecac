import { either, literal, object, type Schema } from '../core/options.js';
import { bucketsField } from './metric-options.js';
import { MetricsRegistry } from './registry.js';
import { usageFields, type UsageOptions } from './usage-stats.js';

export interface MetricsOptions {
  /** Where the metrics go, to share one with metrics of the application. @default a registry of its own */
  registry?: MetricsRegistry;
  /** Usage of each route and each consumer, or `false` = none is kept. @default that of {@link UsageOptions} */
  usage?: UsageOptions | false;
  /**
   * Upper bounds of the buckets of durations, in seconds, ascending. @default 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5
   * 0.75 1 2.5 5 7.5 10
   */
  buckets?: readonly number[];
}

/** Schemas of the options, by name, for those who put them into their own config. */
export const metricsFields = {
  registry: { expected: 'a MetricsRegistry', accepts: (value) => value instanceof MetricsRegistry },
  usage: either(object(usageFields), literal(false)),
  buckets: bucketsField,
} satisfies Record<keyof MetricsOptions, Schema>;

export const metricsSchema = object(metricsFields);
