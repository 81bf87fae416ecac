import type { Fault } from '../core/options.js';

/** Adds a fault for each place with a text that an earlier place has. The texts are not shown: some are of secrets. */
export function inspectUnique(places: Iterable<readonly [path: string, text: string]>, faults: Fault[]): void {
  const earlier = new Map<string, string>();
  for (const [path, text] of places) {
    const first = earlier.get(text);
    if (first === undefined) earlier.set(text, path);
    else faults.push({ path, message: `is the same as ${first}` });
  }
}
