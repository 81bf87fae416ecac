import type { Context } from '../core/context.js';
import { compileHook } from '../core/hook.js';
import { refuse, type RefuseOptions } from '../core/refuse.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import { retryAfterSeconds, windowNames } from './headers.js';
import type { RateLimitDecision, RateLimitPolicy } from './types.js';

/** What a refused client gets. */
export interface RateLimitRefusalOptions {
  /** What the client reads as `error` and `detail` of the answer 429. @default names the limit and when to try again */
  message?: string | ((ctx: Context, decision: RateLimitDecision) => string);
  /**
   * Writes the answer to a refused request itself, in the place of 429, and of 503 where `onStoreError` is `closed` and
   * the store is down; `ctx.refusal` says which.
   */
  handler?: (ctx: Context, decision: RateLimitDecision) => MaybePromise<GatewayResponse>;
  /** Told of every refused request, of those in dry run too. What it throws changes nothing. */
  onLimited?: (ctx: Context, decision: RateLimitDecision) => MaybePromise<void>;
  /** Count and tell of the limit, but refuse nobody; `ctx.dryRefusal` says what would have been. @default false */
  dryRun?: boolean;
}

/** Compiles the options once: what becomes of a request that its limit has no room for. */
export function compileRefusal(
  policy: RateLimitPolicy,
  options: RateLimitRefusalOptions,
): (ctx: Context, decision: RateLimitDecision, next: Handler) => MaybePromise<GatewayResponse> {
  const { message, handler = refuseByCode, onLimited, dryRun = false } = options;
  const names = windowNames(policy);
  const details = policy.windows.map(({ limit, windowMs }) => `The limit is ${limit} per ${windowMs / 1000} s.`);
  const runHook = compileHook("A limiter's onLimited");

  function refuseByCode(ctx: Context, decision: RateLimitDecision): GatewayResponse {
    const seconds = retryAfterSeconds(decision);
    const wait: RefuseOptions = seconds === null ? {} : { headers: { 'retry-after': String(seconds) } };
    if (decision.failure === 'closed') return refuse(ctx, 'ERR_GATEWAY_LIMITER_UNAVAILABLE', wait);
    const text = typeof message === 'function' ? message(ctx, decision) : message;
    return refuse(ctx, 'ERR_GATEWAY_RATE_LIMITED', {
      ...wait,
      detail: text ?? `${details[decision.window]} ${advice(seconds)}`,
      problem: {
        'violated-policies': [names[decision.window]],
        retryAfter: seconds ?? undefined,
        ...(text === undefined ? undefined : { error: text }),
      },
    });
  }

  return function refuseRequest(ctx, decision, next) {
    const code = decision.failure === 'closed' ? 'ERR_GATEWAY_LIMITER_UNAVAILABLE' : 'ERR_GATEWAY_RATE_LIMITED';
    if (dryRun) ctx.dryRefusal = code;
    else ctx.refusal = code;
    if (onLimited !== undefined) runHook(() => onLimited(ctx, decision));
    return dryRun ? next(ctx) : handler(ctx, decision);
  };
}

function advice(seconds: number | null): string {
  return seconds === null ? 'This call takes more than there will ever be.' : `Try again in ${seconds} s.`;
}
