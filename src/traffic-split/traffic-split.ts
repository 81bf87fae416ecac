import { func, member, object, record, string, validate, type Fault, type Schema } from '../core/options.js';
import { weightField } from '../core/target-options.js';

export interface TrafficWeights {
  /** The share of each side beside the others, by name. From 0 on; 0 = nobody is sent there. At least one is more. */
  weights: Readonly<Record<string, number>>;
  /** Salt: of splits with different names, each divides the same callers in its own way. @default '' */
  name?: string;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

export const trafficSplitFields = {
  weights: record(weightField),
  name: string('a string', () => true),
  random: func,
} satisfies Record<keyof TrafficWeights, Schema>;

const fields = object(trafficSplitFields, { required: ['weights'] });

const schema: Schema = {
  ...fields,
  inspect(options: TrafficWeights, at, faults) {
    fields.inspect?.(options as never, at, faults);
    if (trafficSplitFields.weights.accepts(options.weights))
      inspectWeights(Object.values(options.weights), member(at, 'weights'), faults);
  },
};

/** Adds what is wrong with weights that are right one by one. */
export function inspectWeights(weights: readonly unknown[], path: string, faults: Fault[]): void {
  if (weights.length === 0) faults.push({ path, message: 'got no variant, expected at least one' });
  else if (weights.every((weight) => weight === 0))
    faults.push({ path, message: 'every weight is 0, so that nothing would get a request; give one more' });
}

interface Side {
  readonly name: string;
  readonly weight: number;
  readonly seed: number;
}

/** Values of 32 bits. */
const RANGE = 2 ** 32;

/**
 * Divides callers among variants by weight. A key lands on the same side as long as the weights stay, in every process.
 * When a weight grows, callers move to that side and nowhere else, and no more of them than must (weighted rendezvous
 * hashing); the order of the variants means nothing.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const split = new TrafficSplit({ name: 'checkout', weights: { v1: 90, canary: 10 } });
 * split.choose('user-42');
 */
export class TrafficSplit {
  /** The part of all requests that each variant gets, from 0 to 1. */
  readonly shares: ReadonlyMap<string, number>;
  readonly #sides: readonly Side[];
  readonly #random: () => number;

  constructor(options: TrafficWeights) {
    validate('TrafficSplit', options, schema);
    const { weights, name: salt = '', random = Math.random } = options;
    const entries = Object.entries(weights);
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    this.shares = new Map(entries.map(([name, weight]) => [name, weight / total]));
    this.#sides = entries
      .filter(([, weight]) => weight > 0)
      .map(([name, weight]) => ({ name, weight, seed: mixed(hashOf(`${salt}\0${name}`)) }));
    this.#random = random;
  }

  /** The variant of whoever has this key; `null` = of nobody in particular, chosen by chance. */
  choose(key: string | null): string {
    const bits = key === null ? this.#random() * RANGE : hashOf(key);
    let chosen = '';
    let best = -1;
    for (const { name, weight, seed } of this.#sides) {
      // Half a step up, so that the logarithm is of a number between 0 and 1, both excluded.
      const score = weight / -Math.log((mixed(bits ^ seed) + 0.5) / RANGE);
      if (score > best) [chosen, best] = [name, score];
    }
    return chosen;
  }

  /** In words, such as `v1 90 %, canary 10 %`. */
  describe(): string {
    return [...this.shares].map(([name, share]) => `${name} ${Number((share * 100).toPrecision(4))} %`).join(', ');
  }
}

/** FNV-1a, over the units of UTF-16. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** Lets each bit count for every other: the last step of MurmurHash3. From 0 on, below {@link RANGE}. */
function mixed(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
