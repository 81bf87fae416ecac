import type { BalancerTarget } from '../balancer-target.js';
import type { TargetPool } from '../target-pool.js';
import type { Chooser, Excluded, Strategy } from './strategy.js';

/** The target with the fewest calls in flight for its weight. Those with equally few take turns by weight. */
export function leastConnections(): Strategy {
  return (pool) => new LeastConnections(pool);
}

class LeastConnections implements Chooser {
  readonly #targets: readonly BalancerTarget[];
  readonly #weights: readonly number[];
  /** What each is owed of the turns among equals: it grows by the weight, and a turn costs the weights of all. */
  readonly #credits: Float64Array;

  constructor({ targets, weights }: TargetPool) {
    this.#targets = targets;
    this.#weights = weights;
    this.#credits = new Float64Array(targets.length);
  }

  choose(_key: string | null, exclude: Excluded): BalancerTarget | null {
    const least = this.#leastLoad(exclude);
    return least === Infinity ? null : this.#nextWith(least, exclude);
  }

  #leastLoad(exclude: Excluded): number {
    let least = Infinity;
    for (let index = 0; index < this.#targets.length; index++) {
      const load = this.#loadOf(index);
      if (load < least && !this.#isExcluded(index, exclude)) least = load;
    }
    return least;
  }

  #nextWith(load: number, exclude: Excluded): BalancerTarget {
    const credits = this.#credits;
    let next = -1;
    let cost = 0;
    for (let index = 0; index < credits.length; index++) {
      if (this.#loadOf(index) !== load || this.#isExcluded(index, exclude)) continue;
      const weight = this.#weights[index] as number;
      const credit = (credits[index] as number) + weight;
      credits[index] = credit;
      cost += weight;
      if (next === -1 || credit > (credits[next] as number)) next = index;
    }
    credits[next] = (credits[next] as number) - cost;
    return this.#targets[next] as BalancerTarget;
  }

  #loadOf(index: number): number {
    return (this.#targets[index] as BalancerTarget).inFlight / (this.#weights[index] as number);
  }

  #isExcluded(index: number, exclude: Excluded): boolean {
    return exclude?.includes(this.#targets[index] as BalancerTarget) === true;
  }
}
