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
import { authenticationRuleFields, strategyField } from '../auth/authenticate-options.js';
import { authorizationRuleFields } from '../auth/authorize.js';
import { scopeField } from '../auth/challenge.js';
import { inspectApiKeyOptions } from '../auth/api-key/options.js';
import { inspectBasicOptions } from '../auth/basic/options.js';
import { inspectIntrospectionOptions } from '../auth/introspection/options.js';
import { inspectJwtOptions } from '../auth/jwt/options.js';
import type { JwtOptions } from '../auth/index.js';
import { inspectSessionOptions } from '../auth/session/options.js';
import { unshown } from '../core/unshown.js';
import { fallbackField } from '../circuit-breaker/fallback.js';
import { inspectCircuitBreakerOptions } from '../circuit-breaker/options.js';
import { inspectCompressionOptions } from '../compression/options.js';
import { concurrencyFields, inspectConcurrencyOptions } from '../concurrency/options.js';
import { inspectIpFilterOptions } from '../ip-filter/options.js';
import { loadSheddingFields, priorityField } from '../load-shedding/options.js';
import { inspectRateLimitOptions } from '../rate-limiter/middleware-options.js';
import { inspectIdentityRateLimit } from '../rate-limiter/identity-rate-limit.js';
import { inspectRetryOptions, retryFields } from '../retry/options.js';
import { inspectCorsOptions } from '../cors/options.js';
import { securityHeadersFields } from '../security-headers/options.js';
import { inspectTransformOptions } from '../transforms/options.js';
import { headerNamesField } from '../transforms/strip-headers.js';
import { inspectRewriteUrlsOptions } from '../transforms/urls/index.js';
import { inspectValidationOptions } from '../validation/options.js';
import type { RouteAuth } from './auth.js';
import type { RoutePolicies } from './config.js';

type Inspect = (options: never, at: string, faults: Fault[]) => void;

/** Options of a piece, with one more that the gateway adds to them. */
export function options(inspectRest: Inspect, extra?: readonly [name: string, field: Schema]): Schema {
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

const authFields = object({
  jwt: unshown(options(inspectJwtOptions)),
  apiKey: unshown(options(inspectApiKeyOptions)),
  basic: unshown(options(inspectBasicOptions)),
  introspection: unshown(options(inspectIntrospectionOptions)),
  session: unshown(options(inspectSessionOptions)),
  strategies: list(strategyField),
  ...authenticationRuleFields,
  ...authorizationRuleFields,
  mode: oneOf('required', 'optional', 'none'),
  required: boolean,
  requiredScopes: list(scopeField),
} satisfies Record<keyof RouteAuth, Schema>);

const auth: Schema = {
  ...authFields,
  expected: 'an object of options of authentication',
  inspect(given: RouteAuth, at, faults) {
    authFields.inspect?.(given as never, at, faults);
    if (given.mode !== undefined && given.required !== undefined)
      faults.push({ path: at, message: 'mode and required are the same; keep one' });
    if (given.scopes !== undefined && given.requiredScopes !== undefined)
      faults.push({ path: at, message: 'scopes and requiredScopes are the same; keep one' });
  },
};

/** Schemas of the policies of a route, by name. */
export const policyFields = {
  ipFilter: either(off, options(inspectIpFilterOptions)),
  auth: unshown(either(boolean, oneOf('required', 'optional', 'none'), auth)),
  requiresAuth: boolean,
  maxBodyBytes: maxBodyBytesField,
  rateLimit: either(off, routeLimit, list(routeLimit)),
  concurrency: either(off, concurrencyFields.limit, options(inspectConcurrencyOptions, scope)),
  fallback: either(off, fallbackField),
  retry: either(boolean, retryFields.retries, options(inspectRetryOptions)),
  circuitBreaker: either(boolean, options(inspectCircuitBreakerOptions, ['timeout', deadline])),
  failureStatuses: failureStatusesField,
  priority: priorityField,
  validation: either(off, options(inspectValidationOptions)),
  transforms: either(off, options(inspectTransformOptions)),
  stripHeaders: either(boolean, headerNamesField),
  rewriteUrls: either(off, options(inspectRewriteUrlsOptions)),
  compression: either(boolean, options(inspectCompressionOptions)),
  use: list(func, { min: 0 }),
} satisfies Record<keyof RoutePolicies, Schema>;

/** Its faults are those of `jwt.secret`, at its own path. */
const jwtSecret: Schema = {
  expected: 'a secret, as for jwt',
  accepts: () => true,
  inspect(secret: NonNullable<JwtOptions['secret']>, at, faults) {
    const own: Fault[] = [];
    inspectJwtOptions({ secret }, '', own);
    faults.push(...own.map(({ message }) => ({ path: at, message })));
  },
};

/** Schemas of the policies of a whole gateway. */
export const gatewayPolicyFields = {
  jwtSecret,
  cors: either(off, options(inspectCorsOptions)),
  securityHeaders: either(boolean, object(securityHeadersFields)),
  rateLimit: either(limit, list(limit)),
  identityRateLimit: either(off, options(inspectIdentityRateLimit)),
  loadShedding: either(boolean, object(loadSheddingFields)),
};

/** Adds a fault where one question has two answers. */
export function inspectAuthNames({ auth, requiresAuth }: RoutePolicies, at: string, faults: Fault[]): void {
  if (auth !== undefined && requiresAuth !== undefined)
    faults.push({ path: at, message: 'auth and requiresAuth are the same; keep one' });
}

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
