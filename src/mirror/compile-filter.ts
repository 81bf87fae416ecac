import type { Context } from '../core/context.js';
import { compileHook } from '../core/hook.js';

/** Makes a test of the function that a user gave: one that fails lets nothing pass, and breaks nothing. */
export function compileFilter(filter: ((ctx: Context) => boolean) | undefined): (ctx: Context) => boolean {
  if (filter === undefined) return () => true;
  const run = compileHook('A filter of mirror()');
  return function passes(ctx) {
    let result: unknown = false;
    run(() => (result = filter(ctx)));
    // A promise, say, is no yes.
    return result === true;
  };
}
