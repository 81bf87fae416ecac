import { warn } from './warn.js';

/**
 * Makes a function that runs what must not break a request. The first failure, thrown or rejected, is told to the
 * operator; a client that causes more of them fills no log.
 *
 * @param what What fails, in words of the warning.
 */
export function compileHook<Given extends unknown[] = []>(
  what: string,
): (run: (...given: Given) => unknown, ...given: Given) => void {
  let hasWarned = false;

  function report(error: unknown): void {
    if (hasWarned) return;
    hasWarned = true;
    const reason = error instanceof Error ? error.message : String(error);
    warn('ERR_GATEWAY_HOOK', `${what} failed, and requests go on without it: ${reason}`);
  }

  return function runHook(run, ...given) {
    try {
      const result = run(...given);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
