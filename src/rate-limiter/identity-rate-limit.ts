import type { Context } from '../core/context.js';
import { object, validate, type Fault, type Schema } from '../core/options.js';
import type { GatewayResponse, Handler, IdentityRateLimit, MaybePromise, Middleware } from '../core/types.js';
import { inspectRateLimitOptions, rateLimitFields, type RateLimitOptions } from './middleware-options.js';
import { rateLimit, type RateLimitMiddleware } from './middleware.js';

/** What all limits that come with identities have in common, see `RateLimitOptions`. */
export type IdentityRateLimitOptions = Omit<RateLimitOptions, (typeof OF_THE_IDENTITY)[number]>;

const OF_THE_IDENTITY = [
  ...(['limit', 'max', 'maxRequests', 'windowMs', 'windows', 'burst', 'limiter'] as const),
  ...(['key', 'ipv6Subnet', 'maxBodyBytes'] as const),
] as const;

const fields = object(
  Object.fromEntries(
    Object.entries(rateLimitFields).filter(([name]) => !(OF_THE_IDENTITY as readonly string[]).includes(name)),
  ),
);

/** Adds everything that is wrong with the options. */
export function inspectIdentityRateLimit(options: IdentityRateLimitOptions, at: string, faults: Fault[]): void {
  const before = faults.length;
  fields.inspect?.(options as never, at, faults);
  // With some limit in it, it is a rate limit like all others.
  if (faults.length === before) inspectRateLimitOptions({ ...options, limit: 10_000, windowMs: 1_000 }, at, faults);
}

const schema: Schema = { ...fields, inspect: inspectIdentityRateLimit };

/** Distinct limits that are counted at a time; with one more the one that was made first starts anew. */
const MAX_LIMITS = 100;

/** A middleware with limits that come with identities. */
export interface IdentityRateLimitMiddleware extends Middleware {
  /** The limits that are counted now. */
  limits(): Iterable<RateLimitMiddleware>;
  /** How many requests it has refused, or would have in dry run. */
  refused(): number;
  /** Ends the limiters that it has made. */
  close(): Promise<void>;
}

/**
 * Holds each caller to the limit that its own identity brings (`Identity.rateLimit`), as API keys of consumers do. Who
 * brings none passes uncounted.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const guard = [authenticate(apiKey({ consumers })), identityRateLimit()];
 */
export function identityRateLimit(options: IdentityRateLimitOptions = {}): IdentityRateLimitMiddleware {
  validate('identityRateLimit', options, schema);
  const { name = 'identity', ...shared } = options;
  const limits = new Map<string, RateLimitMiddleware>();
  let refusedBefore = 0;

  function limitOf({ limit, windowMs }: IdentityRateLimit): RateLimitMiddleware {
    const key = `${limit}-${windowMs}`;
    const known = limits.get(key);
    if (known !== undefined) return known;
    const [oldest] = limits.keys();
    if (limits.size >= MAX_LIMITS && oldest !== undefined) forget(oldest);
    const made = rateLimit({ ...shared, name: `${name}-${key}`, limit, windowMs, key: 'identity' });
    limits.set(key, made);
    return made;
  }

  function forget(key: string): void {
    const limit = limits.get(key);
    refusedBefore += limit?.refused() ?? 0;
    void limit?.close();
    limits.delete(key);
  }

  function refused(): number {
    return [...limits.values()].reduce((sum, limit) => sum + limit.refused(), refusedBefore);
  }

  function identityRateLimitMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const own = ctx.identity?.rateLimit;
    return own === undefined ? next(ctx) : limitOf(own)(ctx, next);
  }

  async function close(): Promise<void> {
    for (const limit of limits.values()) await limit.close();
  }

  return Object.assign(identityRateLimitMiddleware, { limits: () => limits.values(), refused, close });
}
