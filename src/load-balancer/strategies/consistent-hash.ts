import type { BalancerTarget } from '../balancer-target.js';
import type { TargetGroup } from '../target-group.js';
import type { TargetPool } from '../target-pool.js';
import { fractionOf, hashText } from './hash.js';
import { HashRing } from './hash-ring.js';
import { roundRobin } from './round-robin.js';
import type { Chooser, Excluded, Strategy } from './strategy.js';

export interface ConsistentHashOptions {
  readonly maxLoad: number;
  readonly virtualNodes: number;
}

/**
 * The target whose point on a ring is the next one after that of the key (Karger et al., 1997), unless it has too much
 * to do already (Mirrokni et al., "Consistent Hashing with Bounded Loads", 2018). Without a key: in turn.
 */
export function consistentHash(options: ConsistentHashOptions): Strategy {
  // A ring holds targets in whatever state: one that goes out and comes back moves no keys but its own, and costs no
  // new ring.
  const rings = new WeakMap<TargetGroup, HashRing>();
  const inTurn = roundRobin();

  return function compileConsistentHash(pool) {
    let ring = rings.get(pool.group);
    if (ring === undefined) rings.set(pool.group, (ring = new HashRing(pool.group.members, options.virtualNodes)));
    return new ConsistentHash(pool, ring, inTurn(pool), options.maxLoad);
  };
}

class ConsistentHash implements Chooser {
  readonly #pool: TargetPool;
  readonly #ring: HashRing;
  readonly #keyless: Chooser;
  readonly #maxLoad: number;
  readonly #greatestPart: number;

  constructor(pool: TargetPool, ring: HashRing, keyless: Chooser, maxLoad: number) {
    this.#pool = pool;
    this.#ring = ring;
    this.#keyless = keyless;
    this.#maxLoad = maxLoad;
    this.#greatestPart = pool.parts.reduce((greatest, part) => Math.max(greatest, part), 0);
  }

  choose(key: string | null, exclude: Excluded): BalancerTarget | null {
    if (key === null) return this.#keyless.choose(null, exclude);
    if (exclude !== null && this.#pool.targets.every((target) => exclude.includes(target))) return null;
    return this.#walk(hashText(key), exclude);
  }

  /** From the place of the key on: the first target that may take it. */
  #walk(hash: number, exclude: Excluded): BalancerTarget | null {
    const { group, parts } = this.#pool;
    const place = this.#ring.placeOf(hash);
    // A target that is warming takes as many of its keys as it takes of its weight, and always the same ones.
    const leastPart = fractionOf(hash) * this.#greatestPart;
    let fallback: BalancerTarget | null = null;
    for (let step = 0; step < this.#ring.size; step++) {
      const index = this.#ring.ownerAt(place + step);
      const part = parts[index] as number;
      if (part === 0) continue;
      const target = group.members[index] as BalancerTarget;
      if (exclude?.includes(target) === true) continue;
      if (part > leastPart && target.inFlight < this.#placesOf(target.weight * part)) return target;
      fallback ??= target;
    }
    return fallback;
  }

  /** Calls in flight that a target of this weight may have. */
  #placesOf(weight: number): number {
    return Math.ceil((this.#maxLoad * (this.#pool.group.inFlight + 1) * weight) / this.#pool.weight);
  }
}
