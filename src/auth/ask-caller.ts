import type { Clock } from '../core/clock.js';
import { inspect, type Fault, type Schema } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import { withDeadline } from '../core/with-deadline.js';
import type { Caller } from './caller.js';
import { isAuthFailure, unavailable, type AuthFailure } from './strategy.js';
import { unshown } from '../core/unshown.js';

/** How long a function of the user's may take for its answer. */
export const ASK_TIMEOUT_MS = 5_000;

/**
 * Asks a function of the user's, within 5 seconds: `unavailable` where it fails or takes longer, `null` where it knows
 * nothing.
 *
 * @param name Of the function, for messages.
 */
export async function askUser<Answer extends object>(
  name: string,
  ask: () => MaybePromise<Answer | null | undefined>,
  clock: Clock,
): Promise<Answer | AuthFailure | null> {
  try {
    return (await withDeadline(ask(), ASK_TIMEOUT_MS, clock)) ?? null;
  } catch (error) {
    return unavailable(`${name} failed: ${failureName(error)}`);
  }
}

/**
 * Asks a function of the user's who somebody is, see {@link askUser}.
 *
 * @throws {TypeError} where the answer is not of `schema`, so that half of a caller is nobody.
 */
export async function askCaller<Answer extends Caller>(
  name: string,
  schema: Schema,
  ask: () => MaybePromise<Answer | null | undefined>,
  clock: Clock,
): Promise<Answer | AuthFailure | null> {
  const answer = await askUser(name, ask, clock);
  if (answer === null || isAuthFailure(answer)) return answer;
  const faults: Fault[] = [];
  inspect(unshown(schema), answer, 'answer', faults);
  if (faults.length === 0) return answer;
  throw new TypeError(`${name}: ${faults.map(({ path, message }) => `${path}: ${message}`).join('; ')}`);
}

/** The message of an error may repeat what was asked for, a credential. Its code or name does not. */
export function failureName(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  return (
    [code, name].find((text): text is string => typeof text === 'string' && /^\w{1,60}$/.test(text)) ?? 'no reason'
  );
}
