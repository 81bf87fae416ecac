import { isPlainObject, validate } from '../core/options.js';
import type { Context } from '../core/context.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { compileAdmission } from './admit.js';
import { compileStrategies } from './ask-strategies.js';
import { authenticateSchema, type AuthenticateOptions } from './authenticate-options.js';
import { compileRefusals } from './refusals.js';
import { isAuthFailure, type AuthResult, type AuthStrategy } from './strategy.js';

/** A middleware that asks who is calling. */
export interface AuthenticateMiddleware extends Middleware {
  /** Ends what its strategies do in the background. */
  close(): void;
}

/**
 * Lets in who can prove who he is: writes `ctx.identity`, and tells the upstream in header fields that no client can
 * write. Everybody else gets 401 with `WWW-Authenticate`, and 503 where nobody can tell (RFC 9110 15.5.2, RFC 6750 3).
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([authenticate(jwt({ secret }), apiKey({ consumers }))], proxy({ target }));
 */
export function authenticate(
  ...given: readonly [AuthenticateOptions] | readonly AuthStrategy[]
): AuthenticateMiddleware {
  const options: AuthenticateOptions = isOptions(given) ? given[0] : { strategies: given };
  validate('authenticate', options, authenticateSchema);
  const { strategies, mode = 'required' } = options;
  const askStrategies = compileStrategies(strategies);
  const { refuseMissing, refuseFailure } = compileRefusals(options);
  const admit = compileAdmission(options);

  function proceed(result: AuthResult, ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    if (isAuthFailure(result)) return refuseFailure(ctx, result);
    return result === null && mode === 'required' ? refuseMissing(ctx) : admit(result, ctx, next);
  }

  function authenticateMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const result = askStrategies(ctx);
    return result instanceof Promise ? result.then((late) => proceed(late, ctx, next)) : proceed(result, ctx, next);
  }

  function close(): void {
    for (const strategy of strategies) strategy.close?.();
  }

  return Object.assign(authenticateMiddleware, { close });
}

/** A strategy is an object too, and what takes part in authentication says so. */
function isOptions(
  given: readonly [AuthenticateOptions] | readonly AuthStrategy[],
): given is readonly [AuthenticateOptions] {
  const [first] = given;
  return given.length === 1 && isPlainObject(first) && !('authenticate' in first);
}
