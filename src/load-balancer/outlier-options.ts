import { integer, member, milliseconds, object, share, type Fault, type Schema } from '../core/options.js';

export interface OutlierOptions {
  /** Failures in a row that eject a target. From 0 on; 0 = none do. @default 5 */
  consecutiveFailures?: number;
  /** Share of a target's results in an interval that must fail to eject it. From 0 to 1; 0 = none does. @default 0.5 */
  failureRatio?: number;
  /** Results that a target must have in an interval before its share or its latency counts. From 1 on. @default 20 */
  minRequests?: number;
  /** How long results are counted together, in ms. From 1 on. @default 10000 */
  intervalMs?: number;
  /**
   * A target whose mean time to the head of an answer in an interval is more than so many times the median of all
   * targets is ejected; it takes three targets with `minRequests` each. From 1 on; 0 = none is. Off at first: what is
   * slow may do more work than the others, or stand further away. @default 0
   */
  latencyFactor?: number;
  /**
   * How long a target is out the first time, in ms. Each time soon after another adds as much again; every interval in
   * between that a target stays in takes one off. From 1 on. @default 30000
   */
  ejectMs?: number;
  /** The longest that a target is out at a time, in ms. From `ejectMs` on. @default 300000, or `ejectMs` if it is more */
  maxEjectMs?: number;
  /**
   * Share of the targets that may be out at once; of two targets or more it is one at least, and the only one never is.
   * When one more fails, the one that has been out for longest, and for a second at least, comes back in its place.
   * From 0 to 1; 0 = nothing is ever ejected. @default 0.5
   */
  maxEjectedShare?: number;
}

const outlierFields = {
  consecutiveFailures: integer(),
  failureRatio: share,
  minRequests: integer({ min: 1 }),
  intervalMs: milliseconds(),
  latencyFactor: {
    expected: '0, or a number from 1 on',
    accepts: (value) => value === 0 || (typeof value === 'number' && value >= 1 && value !== Infinity),
  },
  ejectMs: milliseconds(),
  maxEjectMs: milliseconds(),
  maxEjectedShare: share,
} satisfies Record<keyof OutlierOptions, Schema>;

const fields = object(outlierFields);

/** Adds everything that is wrong with the options. */
function inspectOutlierOptions(options: OutlierOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { ejectMs = 30_000, maxEjectMs = Infinity } = options;
  if (maxEjectMs < ejectMs)
    faults.push({ path: member(at, 'maxEjectMs'), message: `is ${maxEjectMs}, below ejectMs, ${ejectMs}` });
}

export const outlierSchema: Schema = { ...fields, inspect: inspectOutlierOptions };
