import { allowedAddressesField, allowedHostsField, type AllowedAddresses } from '../core/address-policy.js';
import type { Clock } from '../core/clock.js';
import { clockField, func, integer, member, milliseconds, object, type Fault, type Schema } from '../core/options.js';
import type { DiscoverySource } from './source.js';

/** Something that those who run the gateway want to read once, when it begins. */
export interface DiscoveryEvent {
  /**
   * `'up'`: the source is believed; `'stale'`: it fails, or tells too few targets, and the last good set is used;
   * `'lost'`: there is no set to use; `'refused'`: the source is believed, but for some of its targets.
   */
  readonly state: 'up' | 'stale' | 'lost' | 'refused';
  /** Name of the source. */
  readonly source: string;
  /** How many targets are used from now on. */
  readonly targets: number;
  /** Why, in a short sentence; `null` where all is well. */
  readonly reason: string | null;
}

export interface DiscoveryOptions {
  /** What knows the targets. */
  source: DiscoverySource;
  /**
   * How long the last good set is used after the source began to fail, in ms. From 0 on; `Infinity` = for ever. After
   * it the source's last word counts: what it told, be it less than `minTargets`, or no target where it fails.
   *
   * Retries and health checks bear with targets that are gone, so minutes without the source do no harm; after longer
   * ones the old addresses may belong to somebody else. @default 300000
   */
  maxStaleMs?: number;
  /**
   * How many targets make a set that may take the place of a greater one; a smaller set is used after `maxStaleMs`.
   * Targets of weight 0 do not count. From 0 on; 0 = an empty set is believed at once. @default 1
   */
  minTargets?: number;
  /** How many targets of a set are used; the rest is left out. From 1 on. @default 10000 */
  maxTargets?: number;
  /**
   * What comes within this many ms after a change becomes one change; a set is used at once where there was none. From
   * 0 on; 0 = each is used at once. @default 200
   */
  debounceMs?: number;
  /** Hosts that targets may have, with `*.` in front for any name below; addresses are hosts, too. @default every host */
  allowedHosts?: readonly string[];
  /**
   * Addresses that targets may have where their host is one. What a name leads to is checked where it is connected to.
   * @default ['public']
   */
  allowedAddresses?: AllowedAddresses;
  /** Hears of each change of state, once. What it throws is told as a warning, and nothing more. @default nobody */
  onEvent?: (event: DiscoveryEvent) => void;
  /** @default systemClock */
  clock?: Clock;
}

/** Schema of a source: one of this package, or your own. */
export const sourceField: Schema = {
  expected: 'a DiscoverySource, such as dnsSource(...)',
  accepts: (value) => {
    const { name, subscribe } = (value ?? {}) as Partial<Record<keyof DiscoverySource, unknown>>;
    return typeof name === 'string' && typeof subscribe === 'function';
  },
};

const discoveryFields = {
  source: sourceField,
  maxStaleMs: milliseconds({ min: 0, endless: true }),
  minTargets: integer(),
  maxTargets: integer({ min: 1 }),
  debounceMs: milliseconds({ min: 0 }),
  allowedHosts: allowedHostsField,
  allowedAddresses: allowedAddressesField,
  onEvent: func,
  clock: clockField,
} satisfies Record<keyof DiscoveryOptions, Schema>;

const fields = object(discoveryFields, { required: ['source'] });

/** Adds everything that is wrong with the options. */
export function inspectDiscoveryOptions(options: DiscoveryOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { minTargets = 1, maxTargets = 10_000 } = options;
  if (minTargets > maxTargets)
    faults.push({ path: member(at, 'minTargets'), message: `is ${minTargets}, above maxTargets, ${maxTargets}` });
}

export const discoverySchema: Schema = { ...fields, inspect: inspectDiscoveryOptions };
