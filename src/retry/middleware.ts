import { isStream, keepBody } from '../core/buffer-body.js';
import { isIdempotent } from '../core/idempotent.js';
import { validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { Attempts } from './attempts.js';
import { retrySchema, type RetryOptions } from './options.js';
import { RetryBudget } from './retry-budget.js';

/**
 * Sends a request again where the service failed: no connection, no answer in time, or a status of `failureStatuses`. It
 * waits in between (exponential backoff with full jitter, or what `Retry-After` says), and stops at its budget, at the
 * total deadline, and when the client leaves.
 *
 * Only what may reach a service twice is sent twice: `GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE`, and requests with an
 * `Idempotency-Key`. Their bodies are read into memory first, up to `maxBodyBytes`.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([retry({ retries: 3 })], proxy({ target: 'http://users:3001' }));
 */
export function retry(options: RetryOptions = {}): Middleware {
  validate('retry', options, retrySchema);
  const { retries, maxBodyBytes = 65_536 } = options;
  const budget = budgetOf(options);
  const attempts = new Attempts(options, budget);

  return function retryMiddleware(ctx, next) {
    budget?.recordRequest();
    const { request, drafted } = ctx;
    const { method, headers, body } = drafted ?? request;
    if (retries === 0 || request.bodyFault !== null || !isIdempotent(method, headers)) return next(ctx);
    if (!isStream(body)) return attempts.run(ctx, next);
    // What the client said of its own body says nothing of one that took its place.
    if (body === request.body && Number(headers['content-length']) > maxBodyBytes) return next(ctx);
    return keepBody(ctx, body, maxBodyBytes).then((kept) => (kept === null ? next(ctx) : attempts.run(ctx, next)));
  };
}

function budgetOf({ budget = {}, clock }: RetryOptions): RetryBudget | null {
  if (budget === false) return null;
  if (budget instanceof RetryBudget) return budget;
  return new RetryBudget(clock === undefined ? budget : { ...budget, clock });
}
