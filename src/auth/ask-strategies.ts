import type { Context } from '../core/context.js';
import { GatewayError } from '../core/errors.js';
import type { Identity, MaybePromise } from '../core/types.js';
import { isAuthFailure, type AuthFailure, type AuthResult, type AuthStrategy } from './strategy.js';

/**
 * Compiles strategies into one question: who is calling? They are asked in order until one knows. Credentials that prove
 * nothing to one may prove something to the next; where none knows, "nobody could tell" weighs more than "invalid", and
 * that more than "none were sent".
 */
export function compileStrategies(strategies: readonly AuthStrategy[]): (ctx: Context) => MaybePromise<AuthResult> {
  function askFrom(start: number, ctx: Context, before: AuthFailure | null): MaybePromise<AuthResult> {
    let failure = before;
    for (let index = start; index < strategies.length; index++) {
      const result = (strategies[index] as AuthStrategy).authenticate(ctx);
      if (result instanceof Promise) {
        const earlier = failure;
        return result.then((late) => {
          if (isIdentity(late)) return late;
          return askFrom(index + 1, ctx, heavier(earlier, late));
        });
      }
      if (isIdentity(result)) return result;
      failure = heavier(failure, result);
    }
    return failure;
  }

  return function askStrategies(ctx) {
    return askFrom(0, ctx, null);
  };
}

/** @throws {GatewayError} for what a strategy must not return: an identity without an id would be anybody. */
function isIdentity(result: AuthResult): result is Identity {
  if (result === null || isAuthFailure(result)) return false;
  const { id, scopes, roles, claims } = Object(result) as Partial<Record<keyof Identity, unknown>>;
  if (typeof id === 'string' && id !== '' && Array.isArray(scopes) && Array.isArray(roles) && Object(claims) === claims)
    return true;
  const message = 'a strategy must return an identity { id, scheme, claims, scopes, roles }, a failure, or null';
  throw new GatewayError('ERR_GATEWAY_INTERNAL', message);
}

function heavier(earlier: AuthFailure | null, later: AuthFailure | null): AuthFailure | null {
  if (later === null) return earlier;
  return earlier?.failure === 'unavailable' ? earlier : later;
}
