import { answerResult, compileFailureStatuses, errorResult } from '../core/attempt-result.js';
import { isStream } from '../core/buffer-body.js';
import { systemClock, type Clock } from '../core/clock.js';
import type { Context } from '../core/context.js';
import { GatewayError, isGatewayError } from '../core/errors.js';
import { headerValue } from '../core/headers.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import { backoffDelay, type Backoff } from '../core/backoff.js';
import { backoffOptions, type RetryOptions } from './options.js';
import { retryAfterMs } from './retry-after.js';
import type { RetryBudget } from './retry-budget.js';

/**
 * Asks `next` again as long as it fails, and as long as retries, budget and deadline last. An answer at the first
 * attempt costs nothing besides a look at it.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #budget: RetryBudget | null;
  readonly #retries: number;
  readonly #backoff: Backoff;
  readonly #maxRetryAfterMs: number;
  readonly #isFailure: (status: number) => boolean;

  constructor(options: RetryOptions, budget: RetryBudget | null) {
    const { retries = 2, maxRetryAfterMs = 5_000, clock = systemClock, random = Math.random } = options;
    this.#clock = clock;
    this.#budget = budget;
    this.#retries = retries;
    this.#backoff = { ...backoffOptions(options), random };
    this.#maxRetryAfterMs = maxRetryAfterMs;
    this.#isFailure = compileFailureStatuses(options.failureStatuses);
  }

  /** @param retry How many retries there were before. */
  run(ctx: Context, next: Handler, retry = 0): MaybePromise<GatewayResponse> {
    let result: MaybePromise<GatewayResponse>;
    try {
      result = next(ctx);
    } catch (error) {
      return this.#afterError(error, ctx, next, retry);
    }
    if (!(result instanceof Promise)) return this.#afterAnswer(result, ctx, next, retry);
    return result.then(
      (response) => this.#afterAnswer(response, ctx, next, retry),
      (error: unknown) => this.#afterError(error, ctx, next, retry),
    );
  }

  #afterAnswer(response: GatewayResponse, ctx: Context, next: Handler, retry: number): MaybePromise<GatewayResponse> {
    if (answerResult(response, ctx, this.#isFailure) !== 'failure') return response;
    const waitMs = this.#waitAfter(response, retry);
    if (!this.#mayRetry(ctx, retry, waitMs)) return response;
    if (isStream(response.body)) response.body.destroy();
    return this.#again(ctx, next, retry, waitMs);
  }

  #afterError(error: unknown, ctx: Context, next: Handler, retry: number): MaybePromise<GatewayResponse> {
    if (errorResult(error, ctx) !== 'failure' || isOutOfTime(error)) throw error as Error;
    const waitMs = backoffDelay(retry, this.#backoff);
    if (!this.#mayRetry(ctx, retry, waitMs)) throw error as Error;
    return this.#again(ctx, next, retry, waitMs);
  }

  /** `Infinity`, which no deadline allows, where the service asks for more patience than a client should need. */
  #waitAfter({ headers }: GatewayResponse, retry: number): number {
    const wantedMs = retryAfterMs(headerValue(headers, 'retry-after'), this.#clock.wall());
    if (wantedMs === null) return backoffDelay(retry, this.#backoff);
    return wantedMs <= this.#maxRetryAfterMs ? wantedMs : Infinity;
  }

  /** The budget is asked last: it counts what it allows. */
  #mayRetry(ctx: Context, retry: number, waitMs: number): boolean {
    if (retry >= this.#retries || ctx.aborted !== null) return false;
    return this.#clock.now() + waitMs < ctx.deadline && (this.#budget === null || this.#budget.tryRetry());
  }

  #again(ctx: Context, next: Handler, retry: number, waitMs: number): Promise<GatewayResponse> {
    // What is tried again is no failure of the exchange, be it that the client leaves meanwhile.
    ctx.error = null;
    return pause(ctx, this.#clock, waitMs).then(() => this.run(ctx, next, retry + 1));
  }
}

/** The timer of the deadline may fire a moment before the clock shows it: its word counts. */
function isOutOfTime(error: unknown): boolean {
  return isGatewayError(error) && error.code === 'ERR_GATEWAY_TOTAL_TIMEOUT';
}

/** Waits; rejects at once when the client leaves. */
function pause(ctx: Context, clock: Clock, waitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      ctx.setCancellable(null);
      resolve();
    }, waitMs);
    ctx.setCancellable({
      onCancel(reason) {
        clock.clearTimer(timer);
        ctx.setCancellable(null);
        const error = new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'the client left', { cause: reason });
        // The log is written before the rejection reaches the error boundary.
        ctx.error = error;
        reject(error);
      },
    });
  });
}
