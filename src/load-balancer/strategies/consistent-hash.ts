import { hashText, keyDistance } from '../../core/hash.js';
import type { BalancerTarget } from '../balancer-target.js';
import type { TargetPool } from '../target-pool.js';
import { roundRobin } from './round-robin.js';
import type { Chooser, Excluded, Strategy } from './strategy.js';

export interface ConsistentHashOptions {
  readonly maxLoad: number;
}

/**
 * The target that is the nearest to the key, unless it has too much to do already (Mirrokni et al., "Consistent Hashing
 * with Bounded Loads", 2018). One that goes out, warms up or comes back moves no keys but its own. Without a key: in
 * turn.
 */
export function consistentHash({ maxLoad }: ConsistentHashOptions): Strategy {
  const inTurn = roundRobin();
  return (pool) => new ConsistentHash(pool, inTurn(pool), maxLoad);
}

class ConsistentHash implements Chooser {
  readonly #pool: TargetPool;
  readonly #hashes: readonly number[];
  readonly #keyless: Chooser;
  readonly #maxLoad: number;

  constructor(pool: TargetPool, keyless: Chooser, maxLoad: number) {
    this.#pool = pool;
    this.#hashes = pool.targets.map(({ url }) => hashText(url));
    this.#keyless = keyless;
    this.#maxLoad = maxLoad;
  }

  choose(key: string | null, exclude: Excluded): BalancerTarget | null {
    if (key === null) return this.#keyless.choose(null, exclude);
    const { targets, weights } = this.#pool;
    const hash = hashText(key);
    let nearest: BalancerTarget | null = null;
    let nearestFree: BalancerTarget | null = null;
    let [least, leastFree] = [Infinity, Infinity];
    for (let index = 0; index < targets.length; index++) {
      const [target, weight] = [targets[index] as BalancerTarget, weights[index] as number];
      const distance = keyDistance(hash, this.#hashes[index] as number, weight, leastFree);
      if (distance >= leastFree || exclude?.includes(target) === true) continue;
      if (distance < least) [nearest, least] = [target, distance];
      if (target.inFlight < this.#placesOf(weight)) [nearestFree, leastFree] = [target, distance];
    }
    return nearestFree ?? nearest;
  }

  /** Calls in flight that a target of this weight may have. */
  #placesOf(weight: number): number {
    return Math.ceil((this.#maxLoad * (this.#pool.group.inFlight + 1) * weight) / this.#pool.weight);
  }
}
