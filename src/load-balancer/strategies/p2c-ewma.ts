import type { Clock } from '../../core/clock.js';
import type { BalancerTarget } from '../balancer-target.js';
import type { TargetPool } from '../target-pool.js';
import type { PeakEwma } from './peak-ewma.js';
import { drawTarget, type Chooser, type Excluded, type Strategy } from './strategy.js';
import { weightedDraw } from './weighted-draw.js';

export interface P2cEwmaOptions {
  readonly clock: Clock;
  readonly random: () => number;
}

/** Draws of the second target that may hit the first one again. */
const MAX_DRAWS = 4;

/** What a call costs, in ms, where the first one of the target has not come back yet: more than any that is known. */
const UNKNOWN_MS = 1e9;

/**
 * The better one of two targets that are drawn by weight (Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing", 2001): better is a lower latency, times its calls in flight, for its weight.
 */
export function p2cEwma(options: P2cEwmaOptions): Strategy {
  return (pool) => new P2cEwma(pool, options);
}

class P2cEwma implements Chooser {
  readonly #targets: readonly BalancerTarget[];
  readonly #weights: readonly number[];
  /** Of the targets, so that two reads of memory that is seldom near need not wait for each other. */
  readonly #latencies: readonly PeakEwma[];
  readonly #draw: () => number;
  readonly #options: P2cEwmaOptions;

  constructor({ targets, weights }: TargetPool, options: P2cEwmaOptions) {
    this.#targets = targets;
    this.#weights = weights;
    this.#latencies = targets.map(({ latency }) => latency);
    this.#options = options;
    this.#draw = weightedDraw(weights, options.random);
  }

  choose(_key: string | null, exclude: Excluded): BalancerTarget | null {
    const index = this.#draw();
    const other = this.#drawOther(index);
    const now = this.#options.clock.now();
    const target = this.#targets[this.#costAt(other, now) < this.#costAt(index, now) ? other : index] as BalancerTarget;
    return exclude?.includes(target) === true ? drawTarget(this.#targets, this.#draw, exclude) : target;
  }

  #drawOther(index: number): number {
    const size = this.#targets.length;
    if (size === 1) return index;
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const other = this.#draw();
      if (other !== index) return other;
    }
    return (index + 1 + Math.floor(this.#options.random() * (size - 1))) % size;
  }

  #costAt(index: number, now: number): number {
    const { inFlight } = this.#targets[index] as BalancerTarget;
    const latency = this.#latencies[index] as PeakEwma;
    const weight = this.#weights[index] as number;
    if (!latency.isMeasured) return (inFlight * UNKNOWN_MS) / weight;
    // A latency that has faded lets one call try, and not a crowd: while it is out, what was measured last holds.
    const latencyMs = inFlight === 0 ? latency.valueAt(now) : latency.value;
    return (latencyMs * (inFlight + 1)) / weight;
  }
}
