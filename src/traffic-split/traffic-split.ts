import { hashText, keyDistance } from '../core/hash.js';
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
  readonly hash: number;
}

/**
 * Divides callers among variants by weight. A key lands on the same side as long as the weights stay, in every process.
 * When a weight grows, callers move to that side and nowhere else, and no more of them than must; the
 * order of the variants means nothing.
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
      .map(([name, weight]) => ({ name, weight, hash: hashText(`${salt}\0${name}`) }));
    this.#random = random;
  }

  /** The variant of whoever has this key; `null` = of nobody in particular, chosen by chance. */
  choose(key: string | null): string {
    const hash = key === null ? this.#random() * 2 ** 32 : hashText(key);
    let chosen = '';
    let least = Infinity;
    for (const side of this.#sides) {
      const distance = keyDistance(hash, side.hash, side.weight, least);
      if (distance < least) [chosen, least] = [side.name, distance];
    }
    return chosen;
  }

  /** In words, such as `v1 90 %, canary 10 %`. */
  describe(): string {
    return [...this.shares].map(([name, share]) => `${name} ${Number((share * 100).toPrecision(4))} %`).join(', ');
  }
}
