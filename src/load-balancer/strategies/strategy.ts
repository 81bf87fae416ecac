import type { Destination } from '../../core/destination.js';
import type { BalancerTarget } from '../balancer-target.js';
import type { TargetPool } from '../target-pool.js';

/** Targets to avoid while there is another one. */
export type Excluded = readonly Destination[] | null;

/** Chooses among the targets of one pool. */
export interface Chooser {
  /** @returns `null` where each is excluded. */
  choose(key: string | null, exclude: Excluded): BalancerTarget | null;
}

/** Makes the chooser of a pool that has targets; what outlives the pool stays with the strategy. */
export type Strategy = (pool: TargetPool) => Chooser;

const MAX_DRAWS = 8;

/**
 * Draws until a target is not excluded. After some draws it takes the next one in the list: among one more than there
 * are excluded, one is not.
 */
export function drawTarget(
  targets: readonly BalancerTarget[],
  draw: () => number,
  exclude: Excluded,
): BalancerTarget | null {
  let index = draw();
  if (exclude === null) return targets[index] as BalancerTarget;
  for (let draws = 1; draws < MAX_DRAWS && exclude.includes(targets[index] as BalancerTarget); draws++) index = draw();
  const steps = Math.min(targets.length, exclude.length + 1);
  for (let step = 0; step < steps; step++) {
    const target = targets[(index + step) % targets.length] as BalancerTarget;
    if (!exclude.includes(target)) return target;
  }
  return null;
}
