import type { BalancerTarget } from './balancer-target.js';
import { hashText } from '../core/hash.js';
import type { Excluded, Strategy } from './strategies/strategy.js';
import type { TargetGroup, TargetLevel } from './target-group.js';
import { TargetPool } from './target-pool.js';

/** While so much of a zone's weight is available, all its requests stay in it: the others have room for that much more. */
const ENOUGH_SHARE = 0.7;

export interface ServingPlanOptions {
  readonly levels: readonly TargetLevel[];
  readonly strategy: Strategy;
  readonly panicThreshold: number;
  readonly random: () => number;
  readonly now: number;
}

interface LocalPool {
  readonly pool: TargetPool;
  /** Part of the zone's requests that choose among the targets of all zones instead. */
  readonly spill: number;
}

/** Who serves, until something changes: the pool of one level, and of each zone in it. */
export class ServingPlan {
  /** So little is available that everything of a level is used, whatever its state. */
  readonly isPanicking: boolean;
  readonly #strategy: Strategy;
  readonly #random: () => number;
  readonly #partOf: (target: BalancerTarget) => number;
  /** Of the levels, in order. */
  readonly #pools: readonly TargetPool[];
  readonly #serving: TargetPool | null;
  readonly #zones: TargetLevel['zones'];
  /** Of the level that serves, in whatever state; `null` where nothing may go to what is out. */
  readonly #everybody: TargetGroup | null;
  #outPool: TargetPool | null = null;
  /** Made when a request of the zone comes. */
  readonly #local = new Map<string, LocalPool>();

  constructor({ levels, strategy, panicThreshold, random, now }: ServingPlanOptions) {
    this.#strategy = strategy;
    this.#random = random;
    this.#partOf = (target) => target.partAt(now);
    this.#pools = levels.map(({ all }) => new TargetPool(all, strategy, this.#partOf));

    const shares = this.#pools.map(({ availableShare }) => availableShare);
    const good = shares.findIndex((share) => share > 0 && share >= panicThreshold);
    this.isPanicking = good === -1 && panicThreshold > 0 && levels.some(({ all }) => all.weight > 0);
    const level = levels[this.isPanicking ? bestLevel(levels, shares) : good];
    this.#zones = level?.zones ?? new Map();
    this.#everybody = panicThreshold > 0 && level !== undefined ? level.all : null;
    if (level === undefined) this.#serving = null;
    else if (this.isPanicking) this.#serving = new TargetPool(level.all, strategy, () => 1);
    else this.#serving = this.#pools[good] ?? null;
  }

  choose(key: string | null, zone: string, exclude: Excluded): BalancerTarget | null {
    const serving = this.#serving;
    if (serving === null) return null;
    const pool = zone === '' || this.isPanicking ? serving : this.#poolOf(zone, key, serving);
    const target = pool.choose(key, exclude);
    if (target !== null || exclude === null) return target;
    return (
      serving.choose(key, exclude) ??
      this.#chooseElsewhere(key, exclude) ??
      this.#chooseOut(key, exclude) ??
      pool.choose(key, null)
    );
  }

  /** The part of the requests that each target gets while they come from no zone. */
  shares(): Map<BalancerTarget, number> {
    const { targets, weights, weight } = this.#serving ?? { targets: [], weights: [], weight: 0 };
    return new Map(targets.map((target, index) => [target, (weights[index] as number) / weight]));
  }

  /** What a level that does not serve has left is better than a target that was tried already. */
  #chooseElsewhere(key: string | null, exclude: Excluded): BalancerTarget | null {
    for (const pool of this.#pools) {
      const target = pool.choose(key, exclude);
      if (target !== null) return target;
    }
    return null;
  }

  /** So is one that is out, as in a panic: it may be well again, and all others have just failed. */
  #chooseOut(key: string | null, exclude: Excluded): BalancerTarget | null {
    if (this.#everybody === null) return null;
    return (this.#outPool ??= new TargetPool(this.#everybody, this.#strategy, () => 1)).choose(key, exclude);
  }

  #poolOf(zone: string, key: string | null, serving: TargetPool): TargetPool {
    const local = this.#local.get(zone) ?? this.#makeLocal(zone, serving);
    if (local === null || local.spill === 0) return local?.pool ?? serving;
    // One key always goes the same way.
    const draw = key === null ? this.#random() : hashText(key) / 2 ** 32;
    return draw < local.spill ? serving : local.pool;
  }

  /** @returns `null` where the zone has no targets, so that nothing is kept for names that clients make up. */
  #makeLocal(zone: string, serving: TargetPool): LocalPool | null {
    const group = this.#zones.get(zone);
    if (group === undefined || group.weight === 0) return null;
    const pool = new TargetPool(group, this.#strategy, this.#partOf);
    const local = { pool, spill: spillOf(pool, serving) };
    this.#local.set(zone, local);
    return local;
  }
}

/** What spills over chooses among all targets, of which some are local: so a little more has to spill. */
function spillOf(local: TargetPool, serving: TargetPool): number {
  const staying = local.availableShare / ENOUGH_SHARE;
  const localPart = local.weight / serving.weight;
  return staying >= 1 || localPart === 1 ? 0 : Math.min(1, (1 - staying) / (1 - localPart));
}

/** The level with the most left, else the first one that has any weight. */
function bestLevel(levels: readonly TargetLevel[], shares: readonly number[]): number {
  const most = Math.max(...shares);
  return most > 0 ? shares.indexOf(most) : levels.findIndex(({ all }) => all.weight > 0);
}
