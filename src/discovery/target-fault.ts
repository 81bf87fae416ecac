import { shortLine } from '../core/failure-reason.js';
import { inspect, type Fault } from '../core/options.js';
import { targetField, type TargetEntry } from '../core/target-options.js';

/** What is wrong with a target that somebody wrote into a registry, in one bounded line; `null` = nothing. */
export function targetFault(entry: TargetEntry): string | null {
  const faults: Fault[] = [];
  inspect(targetField, entry, 'target', faults);
  const [first] = faults;
  return first === undefined ? null : shortLine(`${first.path}: ${first.message}`);
}

/** One line for all entries that are left out, however many: the first says what is wrong. */
export function leftOutText(faults: readonly string[]): string {
  const [first = '', ...more] = faults;
  return more.length === 0 ? `left out ${first}` : `left out ${more.length + 1} entries, the first of them ${first}`;
}
