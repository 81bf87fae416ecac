import type { BalancerTarget } from './balancer-target.js';
import type { Chooser, Excluded, Strategy } from './strategies/strategy.js';
import type { TargetGroup } from './target-group.js';

/** What of a group can be chosen, until something changes. */
export class TargetPool {
  readonly group: TargetGroup;
  /** Those that can be chosen: each takes more than nothing. */
  readonly targets: readonly BalancerTarget[];
  /** Of each of {@link targets}, as it is now. */
  readonly weights: readonly number[];
  /** Of all of them together. */
  readonly weight: number;
  /** The part of the group's weight whose targets can be chosen, be they warming. */
  readonly availableShare: number;
  readonly #strategy: Strategy;
  #chooser: Chooser | null = null;

  /** @param partOf From 0 to 1. */
  constructor(group: TargetGroup, strategy: Strategy, partOf: (target: BalancerTarget) => number) {
    this.group = group;
    this.#strategy = strategy;
    const targets: BalancerTarget[] = [];
    const weights: number[] = [];
    let weight = 0;
    let available = 0;
    for (const member of group.members) {
      const part = member.weight === 0 ? 0 : partOf(member);
      if (part === 0) continue;
      targets.push(member);
      weights.push(member.weight * part);
      weight += member.weight * part;
      available += member.weight;
    }
    this.targets = targets;
    this.weights = weights;
    this.weight = weight;
    this.availableShare = available === 0 ? 0 : available / group.weight;
  }

  /** @returns `null` where there is none, or each is excluded. */
  choose(key: string | null, exclude: Excluded): BalancerTarget | null {
    if (this.targets.length === 0) return null;
    return (this.#chooser ??= this.#strategy(this)).choose(key, exclude);
  }
}
