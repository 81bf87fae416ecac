import {
  boolean,
  either,
  func,
  inspect,
  isPlainObject,
  list,
  literal,
  member,
  milliseconds,
  object,
  oneOf,
  type Fault,
  type Schema,
} from '../core/options.js';
import { failureStatusesField } from '../core/attempt-result.js';
import { maxBodyBytesField } from '../body-limit/middleware.js';
import { fallbackField } from '../circuit-breaker/fallback.js';
import { inspectCircuitBreakerOptions } from '../circuit-breaker/options.js';
import { concurrencyFields, inspectConcurrencyOptions } from '../concurrency/options.js';
import { loadSheddingFields, priorityField } from '../load-shedding/options.js';
import { inspectRateLimitOptions } from '../rate-limiter/middleware-options.js';
import { inspectRetryOptions, retryFields } from '../retry/options.js';
import type { RoutePolicies } from './config.js';

type Inspect = (options: never, at: string, faults: Fault[]) => void;

/** Options of a piece, with one more that the gateway adds to them. */
function options(inspectRest: Inspect, extra?: readonly [name: string, field: Schema]): Schema {
  return {
    expected: 'an object of options',
    accepts: isPlainObject,
    inspect(given: Readonly<Record<string, unknown>>, at, faults) {
      const { [extra?.[0] ?? '']: own, ...rest } = given;
      if (extra !== undefined && own !== undefined) inspect(extra[1], own, member(at, extra[0]), faults);
      inspectRest(rest as never, at, faults);
    },
  };
}

const scope = ['scope', oneOf('route', 'upstream')] as const;
const off = literal(false);
const limit = options(inspectRateLimitOptions);
const routeLimit = options(inspectRateLimitOptions, scope);
const deadline = milliseconds({ endless: true });

/** Schemas of the policies of a route, by name. */
export const policyFields = {
  maxBodyBytes: maxBodyBytesField,
  rateLimit: either(off, routeLimit, list(routeLimit)),
  concurrency: either(off, concurrencyFields.limit, options(inspectConcurrencyOptions, scope)),
  fallback: either(off, fallbackField),
  retry: either(boolean, retryFields.retries, options(inspectRetryOptions)),
  circuitBreaker: either(boolean, options(inspectCircuitBreakerOptions, ['timeout', deadline])),
  failureStatuses: failureStatusesField,
  priority: priorityField,
  use: list(func, { min: 0 }),
} satisfies Record<keyof RoutePolicies, Schema>;

/** Schemas of the policies of a whole gateway. */
export const gatewayPolicyFields = {
  rateLimit: either(limit, list(limit)),
  loadShedding: either(boolean, object(loadSheddingFields)),
};

/** Adds a fault where one deadline is given twice. */
export function inspectBreakerTimeout(
  { circuitBreaker, timeouts }: RoutePolicies & { timeouts?: { firstByteMs?: number } },
  at: string,
  faults: Fault[],
): void {
  const given = typeof circuitBreaker === 'object' && circuitBreaker.timeout !== undefined;
  if (given && timeouts?.firstByteMs !== undefined)
    faults.push({ path: at, message: 'circuitBreaker.timeout and timeouts.firstByteMs are the same; keep one' });
}
