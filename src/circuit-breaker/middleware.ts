import { answerResult, compileFailureStatuses } from '../core/attempt-result.js';
import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { CircuitPermit } from './circuit-permit.js';
import { reportAnswer, reportError } from './exchange-report.js';
import { middlewareSchema, type CircuitBreakerMiddlewareOptions } from './options.js';

export type CircuitBreakerMiddleware = Middleware & { readonly breaker: CircuitBreaker };

/**
 * Refuses requests with 503 and `Retry-After` while the service behind fails; every attempt of a retry counts. A 5xx, a
 * lost connection, a deadline and an answer that breaks off are failures; a 4xx and a client that leaves are not. A call
 * is slow by the time to the head of its answer.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * compose([circuitBreaker({ errorThresholdPercentage: 50 })], proxy({ target: 'http://users:3001' }));
 */
export function circuitBreaker(options: CircuitBreakerMiddlewareOptions = {}): CircuitBreakerMiddleware {
  validate('circuitBreaker', options, middlewareSchema);
  const { breaker: shared, failureStatuses, ...own } = options;
  const breaker = shared ?? new CircuitBreaker(own);
  const isFailure = compileFailureStatuses(failureStatuses);

  function circuitBreakerMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const permit = breaker.acquire();
    if (permit === null) return refuseOpen(ctx, breaker);
    // As `after` does it, without a second pair of closures around those that hold the permit.
    let result: MaybePromise<GatewayResponse>;
    try {
      result = next(ctx);
    } catch (error) {
      return reportError(permit, error, ctx);
    }
    if (!(result instanceof Promise)) return onAnswer(permit, result, ctx);
    return result.then(
      (response) => onAnswer(permit, response, ctx),
      (error: unknown) => reportError(permit, error, ctx),
    );
  }

  function onAnswer(permit: CircuitPermit, response: GatewayResponse, ctx: Context): GatewayResponse {
    reportAnswer(breaker, permit, answerResult(response, ctx, isFailure), response, ctx);
    return response;
  }

  return Object.assign(circuitBreakerMiddleware, { breaker });
}

function refuseOpen(ctx: Context, { retryAfterMs }: CircuitBreaker): GatewayResponse {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN', { headers: { 'retry-after': String(seconds) } });
}
