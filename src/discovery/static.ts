import { list, validate, type Schema } from '../core/options.js';
import { inspectTargetSet, targetField, type TargetEntry } from '../core/target-options.js';
import type { DiscoverySource } from './source.js';

const targetList = list(targetField);

/** One set that never changes. */
const staticTargets: Schema = {
  ...targetList,
  inspect(targets: readonly TargetEntry[], at, faults) {
    const before = faults.length;
    targetList.inspect?.(targets as never, at, faults);
    if (faults.length === before) inspectTargetSet(targets, at, faults);
  },
};

/**
 * Targets that are known from the start, where a {@link DiscoverySource} is asked for.
 *
 * @throws {ConfigError} when one is no target or is there twice, or when no weight is above 0.
 *
 * @example
 * const source = staticSource(['http://users-1:3001', { url: 'http://users-2:3001', weight: 2 }]);
 */
export function staticSource(targets: readonly TargetEntry[]): DiscoverySource {
  validate('staticSource', targets, staticTargets, 'targets');
  const set = targets.map((entry) => (typeof entry === 'string' ? { url: entry } : entry));
  return {
    name: 'static',
    subscribe(onTargets) {
      let hasEnded = false;
      queueMicrotask(() => {
        if (!hasEnded) onTargets(set);
      });
      return () => {
        hasEnded = true;
      };
    },
  };
}
