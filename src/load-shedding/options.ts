import type { Clock } from '../core/clock.js';
import { clockField, func, inspectBeside, integer, milliseconds, object, oneOf, type Schema } from '../core/options.js';
import type { LoadMonitor } from './load-monitor.js';

export interface LoadMonitorOptions {
  /**
   * How late timers fire, in ms, where the load is 1. A whole number from 1 on; `Infinity` = the delay does not count.
   * @default 100
   */
  maxEventLoopDelayMs?: number;
  /**
   * Share of time in which the event loop works, from which on the load is 1. Above 0, up to 1; 1 = it does not count.
   * @default 0.98
   */
  maxUtilization?: number;
  /** Time between two samples in ms. A whole number from 1 on. @default 100 */
  sampleMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** Share of time in which the event loop has worked since the last call. @default what Node tells of this thread */
  utilization?: () => number;
}

export interface LoadSheddingOptions extends LoadMonitorOptions {
  /** How much the requests matter. @default 'normal' */
  priority?: Priority;
  /** A monitor to share between several mounts, in the place of the options of one. @default a monitor of its own */
  monitor?: LoadMonitor;
}

/** How much a request matters: `low` is shed from a load of 1 on, `normal` from 1.5, `high` from 2, `critical` never. */
export type Priority = 'critical' | 'high' | 'normal' | 'low';

/** Loads from which on a request is shed. */
export const SHED_FROM: Readonly<Record<Priority, number>> = { critical: Infinity, high: 2, normal: 1.5, low: 1 };

/** Schemas of the options of a monitor, by name, for those who put them into their own config. */
export const loadSheddingFields = {
  maxEventLoopDelayMs: integer({ min: 1, max: Infinity }),
  maxUtilization: {
    expected: 'a number above 0, up to 1',
    accepts: (value) => typeof value === 'number' && value > 0 && value <= 1,
  },
  sampleMs: milliseconds(),
  clock: clockField,
  utilization: func,
} satisfies Record<keyof LoadMonitorOptions, Schema>;

export const priorityField = oneOf(...Object.keys(SHED_FROM));

const fields = object({
  ...loadSheddingFields,
  priority: priorityField,
  monitor: {
    expected: 'a LoadMonitor',
    accepts: (value) => typeof (value as { load?: unknown } | null)?.load === 'number',
  },
} satisfies Record<keyof LoadSheddingOptions, Schema>);

export const loadSheddingSchema: Schema = {
  ...fields,
  inspect(options: LoadSheddingOptions, at, faults) {
    fields.inspect?.(options as never, at, faults);
    const own = ['maxEventLoopDelayMs', 'maxUtilization', 'sampleMs', 'utilization'];
    if (options.monitor !== undefined) inspectBeside('monitor', own, options, at, faults);
  },
};
