import { validate } from '../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import type { Context } from '../core/context.js';
import { compileCountRequest } from './count-request.js';
import { compileHeaders } from './headers.js';
import { limiterOptionsOf, rateLimitSchema, type RateLimitOptions } from './middleware-options.js';
import { RateLimiter } from './rate-limiter.js';
import { compileRefusal } from './refusal.js';
import type { RateLimitDecision } from './types.js';

/** A middleware that holds requests to a limit. */
export interface RateLimitMiddleware extends Middleware {
  /** Counts the requests; for `peek` and `reset` by hand. */
  readonly limiter: RateLimiter<MaybePromise<RateLimitDecision>>;
  /** How many requests it has refused, or would have in dry run. */
  refused(): number;
  /** Ends the limiter that it has made; a shared one stays open. */
  close(): MaybePromise<void>;
}

/**
 * Holds requests to a limit per key: counts each, tells of the limit in the header of the answer, and refuses with 429
 * and `Retry-After` what has no room. With counts in memory it is a plain tail call.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const perAddress = rateLimit({ limit: 100, windowMs: 60_000 });
 * const logins = rateLimit({ limit: 5, windowMs: 900_000, key: { body: 'email' }, skipSuccessfulRequests: true });
 */
export function rateLimit(options: RateLimitOptions): RateLimitMiddleware {
  validate('rateLimit', options, rateLimitSchema);
  const { limiter = new RateLimiter(limiterOptionsOf(options)) } = options;
  const countRequest = compileCountRequest(limiter, options);
  const setHeaders = compileHeaders(limiter.policy, options);
  const refuseRequest = compileRefusal(limiter.policy, options);
  let refused = 0;

  function proceed(decision: RateLimitDecision | null, ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    if (decision === null) return next(ctx);
    setHeaders(ctx, decision);
    if (decision.allowed) return next(ctx);
    refused++;
    return refuseRequest(ctx, decision, next);
  }

  function rateLimitMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const decision = countRequest(ctx);
    if (decision instanceof Promise) return decision.then((late) => proceed(late, ctx, next));
    return proceed(decision, ctx, next);
  }

  return Object.assign(rateLimitMiddleware, {
    limiter,
    refused: () => refused,
    close: () => (options.limiter === undefined ? limiter.close() : undefined),
  });
}
