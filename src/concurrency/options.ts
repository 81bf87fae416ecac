import type { Clock } from '../core/clock.js';
import { clockField, inspectBeside, integer, milliseconds, object, type Fault, type Schema } from '../core/options.js';
import type { ConcurrencyLimiter } from './concurrency-limiter.js';

export interface ConcurrencyLimiterOptions {
  /** How many may be inside at the same time. A whole number from 1 on. */
  limit: number;
  /** How many may wait for a slot, served in the order in which they came. A whole number from 0 on. @default 0 */
  maxQueue?: number;
  /** Longest wait in ms. A whole number from 1 on. @default 1000 */
  queueTimeoutMs?: number;
  /** @default systemClock */
  clock?: Clock;
}

/** `limit` with the options that go with it, or `limiter`. */
export interface ConcurrencyOptions extends Partial<ConcurrencyLimiterOptions> {
  /** A limiter to share between several mounts, in the place of the options of one. @default a limiter of its own */
  limiter?: ConcurrencyLimiter;
}

export const concurrencyLimiterFields = {
  limit: integer({ min: 1 }),
  maxQueue: integer(),
  queueTimeoutMs: milliseconds(),
  clock: clockField,
} satisfies Record<keyof ConcurrencyLimiterOptions, Schema>;

/** Schemas of the options, by name, for those who put them into their own config. */
export const concurrencyFields = {
  ...concurrencyLimiterFields,
  limiter: {
    expected: 'a ConcurrencyLimiter',
    accepts: (value) => typeof (value as { tryEnter?: unknown } | null)?.tryEnter === 'function',
  },
} satisfies Record<keyof ConcurrencyOptions, Schema>;

const ownFields = object(concurrencyFields, { required: ['limit'] });
const sharedFields = object(concurrencyFields);

/** Adds everything that is wrong with the options. */
export function inspectConcurrencyOptions(options: ConcurrencyOptions, at: string, faults: Fault[]): void {
  if (options.limiter === undefined) {
    ownFields.inspect?.(options as never, at, faults);
    return;
  }
  sharedFields.inspect?.(options as never, at, faults);
  inspectBeside('limiter', ['limit', 'maxQueue', 'queueTimeoutMs'], options, at, faults);
}

export const concurrencySchema: Schema = { ...ownFields, inspect: inspectConcurrencyOptions };
