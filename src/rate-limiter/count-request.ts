import type { Context, Outcome } from '../core/context.js';
import { compileHook } from '../core/hook.js';
import type { MaybePromise } from '../core/types.js';
import { compileKey, type RateLimitKeyOptions } from './key.js';
import type { RateLimiter } from './rate-limiter.js';
import type { RateLimitDecision } from './types.js';

/** Which requests count, as whose, and how much. */
export interface CountRequestOptions extends RateLimitKeyOptions {
  /**
   * What a request takes from the limit. A whole number from 1 on; a function may return 0 too = the request passes
   * uncounted. @default 1
   */
  cost?: number | ((ctx: Context) => MaybePromise<number>);
  /** `true` = the request passes uncounted, without headers. @default none is skipped */
  skip?: (ctx: Context) => MaybePromise<boolean>;
  /** Take successful requests back when they are over; until then they count. @default false */
  skipSuccessfulRequests?: boolean;
  /** Take failed requests back when they are over; until then they count. @default false */
  skipFailedRequests?: boolean;
  /**
   * What success is to the two options above. A request whose answer was cut short is neither and stays counted.
   * @default `outcome.status < 400`
   */
  requestWasSuccessful?: (ctx: Context, outcome: Outcome) => boolean;
}

type Limiter = RateLimiter<MaybePromise<RateLimitDecision>>;

/** Compiles the options once: counts a request and says what became of it, `null` where it is not one to count. */
export function compileCountRequest(
  limiter: Limiter,
  options: CountRequestOptions,
): (ctx: Context) => MaybePromise<RateLimitDecision | null> {
  const { skip, cost = 1 } = options;
  const keyOf = compileKey(options);
  const refundWhenOver = compileRefund(limiter, options);

  function countUnlessSkipped(ctx: Context): MaybePromise<RateLimitDecision | null> {
    const skipped = skip?.(ctx);
    if (skipped instanceof Promise) return skipped.then((late) => (late === true ? null : countCost(ctx)));
    return skipped === true ? null : countCost(ctx);
  }

  function countCost(ctx: Context): MaybePromise<RateLimitDecision | null> {
    const units = typeof cost === 'number' ? cost : cost(ctx);
    return units instanceof Promise ? units.then((late) => countUnits(ctx, late)) : countUnits(ctx, units);
  }

  function countUnits(ctx: Context, units: number): MaybePromise<RateLimitDecision | null> {
    if (units === 0) return null;
    const key = keyOf(ctx);
    return key instanceof Promise ? key.then((late) => count(ctx, late, units)) : count(ctx, key, units);
  }

  function count(ctx: Context, key: string, units: number): MaybePromise<RateLimitDecision> {
    const decision = limiter.check(key, units);
    if (refundWhenOver === null) return decision;
    if (decision instanceof Promise) return decision.then((late) => refundWhenOver(ctx, key, units, late));
    return refundWhenOver(ctx, key, units, decision);
  }

  return skip === undefined ? countCost : countUnlessSkipped;
}

type RefundWhenOver = (ctx: Context, key: string, units: number, decision: RateLimitDecision) => RateLimitDecision;

/** `null` where every request stays counted. */
function compileRefund(
  limiter: Limiter,
  { skipSuccessfulRequests, skipFailedRequests, requestWasSuccessful = isSuccess }: CountRequestOptions,
): RefundWhenOver | null {
  if (skipSuccessfulRequests !== true && skipFailedRequests !== true) return null;
  const runHook = compileHook("A limiter's taking back of a request");

  function isSkipped(ctx: Context, outcome: Outcome): boolean {
    if (outcome.aborted) return false;
    return (requestWasSuccessful(ctx, outcome) ? skipSuccessfulRequests : skipFailedRequests) === true;
  }

  return function refundWhenOver(ctx, key, units, decision) {
    // What nobody has counted cannot be taken back: it would be another's call.
    if (decision.allowed && decision.failure !== 'open') {
      ctx.onFinish((_ctx, outcome) => {
        runHook(() => (isSkipped(ctx, outcome) ? limiter.refund(key, units) : undefined));
      });
    }
    return decision;
  };
}

function isSuccess(_ctx: Context, { status }: Outcome): boolean {
  return status < 400;
}
