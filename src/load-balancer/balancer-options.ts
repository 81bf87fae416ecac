import { failureStatusesField, type FailureStatuses } from '../core/attempt-result.js';
import type { Clock } from '../core/clock.js';
import {
  clockField,
  either,
  func,
  member,
  milliseconds,
  object,
  oneOf,
  share,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { requestValueField, type RequestValue } from '../core/request-value.js';
import { targetField, targetsFieldOf, type TargetEntry } from '../core/target-options.js';

/**
 * How a target is chosen. All go by weight.
 *
 * - `'round-robin'`: in turn; where weights differ, the turns of each are spread out evenly.
 * - `'least-connections'`: the one with the fewest calls in flight. It looks at every target.
 * - `'random'`: any.
 * - `'p2c-ewma'`: of any two the one that answers sooner, by its latency and its calls in flight. It avoids a target
 *   that is slow or fails.
 * - `'ip-hash'`: `'consistent-hash'` by `'ip'`.
 * - `'consistent-hash'`: equal keys go to one target; when it leaves, only its keys move.
 */
export type BalanceStrategy =
  'round-robin' | 'least-connections' | 'random' | 'p2c-ewma' | 'ip-hash' | 'consistent-hash';

export interface BalanceOptions {
  strategy: BalanceStrategy;
  /** What the key of a request is. Of `'consistent-hash'`. @default 'ip' */
  by?: RequestValue;
  /**
   * Calls in flight of a target beside the mean of all, for its weight: a key goes to the next target when its own has
   * more. From 1 on; `Infinity` = whatever the load. Of `'consistent-hash'` and `'ip-hash'`. @default 1.25
   */
  maxLoad?: number;
  /** After so long in ms a measured latency counts for a third. From 1 on. Of `'p2c-ewma'`. @default 10000 */
  decayMs?: number;
}

export interface LoadBalancerOptions {
  /** Where calls go. None = nowhere, until `update`. @default none */
  targets?: readonly TargetEntry[];
  /** How one is chosen. @default 'round-robin' */
  balance?: BalanceStrategy | BalanceOptions;
  /**
   * Where the gateway itself stands: targets of the same zone are preferred. All its requests stay there while 70 % of
   * the zone's weight is available, and fewer below that. @default nowhere, so that zones mean nothing
   */
  zone?: string;
  /**
   * The part of a level's weight, from 0 to 1, that must be available for the level to serve. Where no level has so much,
   * the one that has most serves with all its targets, whatever their state: few would only fall one after the other.
   * 0 = nothing is ever sent to a target that is out. @default 0.25
   */
  panicThreshold?: number;
  /**
   * How long a target takes to get its whole part, in ms, after it was added or came back: it begins with a tenth. From 0
   * on; 0 = at once. @default 0
   */
  slowStartMs?: number;
  /** Statuses of answers that are failures, from 400 to 599. @default every 5xx */
  failureStatuses?: FailureStatuses;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const strategyField = oneOf('round-robin', 'least-connections', 'random', 'p2c-ewma', 'ip-hash', 'consistent-hash');

const balanceFields = object(
  {
    strategy: strategyField,
    by: requestValueField,
    maxLoad: {
      expected: 'a number from 1 on, or Infinity',
      accepts: (value) => typeof value === 'number' && value >= 1,
    },
    decayMs: milliseconds(),
  } satisfies Record<keyof BalanceOptions, Schema>,
  { required: ['strategy'] },
);

/** The strategies that an option is of. */
const OPTION_OF: Readonly<Record<Exclude<keyof BalanceOptions, 'strategy'>, readonly BalanceStrategy[]>> = {
  by: ['consistent-hash'],
  maxLoad: ['consistent-hash', 'ip-hash'],
  decayMs: ['p2c-ewma'],
};

const balanceOptions: Schema = {
  ...balanceFields,
  inspect(options: BalanceOptions, at, faults) {
    balanceFields.inspect?.(options as never, at, faults);
    if (!strategyField.accepts(options.strategy)) return;
    for (const [name, strategies] of Object.entries(OPTION_OF)) {
      if (options[name as keyof BalanceOptions] !== undefined && !strategies.includes(options.strategy))
        faults.push({
          path: member(at, name),
          message: `has no effect without strategy: '${strategies.join("' or '")}'`,
        });
    }
  },
};

/** Schema of a set of targets, which may be empty. */
export const targetsField = targetsFieldOf(targetField, { min: 0 });

/** Schemas of the options, by name, for those who put them into their own config. */
export const loadBalancerFields = {
  targets: targetsField,
  balance: either(strategyField, balanceOptions),
  zone: string(),
  panicThreshold: share,
  slowStartMs: milliseconds({ min: 0 }),
  failureStatuses: failureStatusesField,
  clock: clockField,
  random: func,
} satisfies Record<keyof LoadBalancerOptions, Schema>;

export const loadBalancerSchema: Schema = object(loadBalancerFields);

/** Adds everything that is wrong with the options. */
export function inspectLoadBalancerOptions(options: LoadBalancerOptions, at: string, faults: Fault[]): void {
  loadBalancerSchema.inspect?.(options as never, at, faults);
}

/** The options of the strategy, written out. */
export function resolveBalance(
  balance: BalanceStrategy | BalanceOptions = 'round-robin',
): Required<Omit<BalanceOptions, 'by'>> & { by: RequestValue | null } {
  const given: BalanceOptions = typeof balance === 'string' ? { strategy: balance } : balance;
  const { strategy, maxLoad = 1.25, decayMs = 10_000 } = given;
  const isKeyed = strategy === 'ip-hash' || strategy === 'consistent-hash';
  return { strategy, by: isKeyed ? (given.by ?? 'ip') : null, maxLoad, decayMs };
}
