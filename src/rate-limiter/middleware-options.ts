import { isFieldName } from '../core/headers.js';
import {
  boolean,
  either,
  func,
  inspectBeside,
  integer,
  literal,
  member,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import type { CountRequestOptions } from './count-request.js';
import type { RateLimitHeaderOptions } from './headers.js';
import type { RateLimitKey } from './key.js';
import { inspectRateLimiterOptions, policyOf, rateLimiterFields, type AnyRateLimiterOptions } from './options.js';
import type { RateLimiter } from './rate-limiter.js';
import type { RateLimitRefusalOptions } from './refusal.js';
import type { RateLimitDecision, RateLimitPolicy } from './types.js';

export interface RateLimitOptions
  extends AnyRateLimiterOptions, CountRequestOptions, RateLimitHeaderOptions, RateLimitRefusalOptions {
  /** A limiter to share between several mounts, in the place of the options of one. @default a limiter of its own */
  limiter?: RateLimiter<MaybePromise<RateLimitDecision>>;
}

const keyPart = object({
  header: string('a header field name in lower case', (name) => isFieldName(name) && name === name.toLowerCase()),
  body: string("the name of a member, such as 'email' or 'user.email'", (name) => /^[^.]+(?:\.[^.]+)*$/.test(name)),
});

const keyParts: Schema = {
  ...keyPart,
  expected: '{ header } or { body }',
  inspect(key: { header?: unknown; body?: unknown }, at, faults) {
    keyPart.inspect?.(key as never, at, faults);
    if ((key.header === undefined) === (key.body === undefined))
      faults.push({ path: at, message: 'needs header or body, and only one of them' });
  },
};

/** Schemas of the options, by name, for those who put them into their own config. */
export const rateLimitFields = {
  ...rateLimiterFields,
  limiter: {
    expected: 'a RateLimiter',
    accepts(value) {
      const { check, policy } = Object(value) as Partial<RateLimiter>;
      return typeof check === 'function' && typeof policy === 'object';
    },
  },
  key: either(oneOf('ip', 'identity', 'api-key'), keyParts, func),
  ipv6Subnet: either(literal(false), integer({ min: 32, max: 128 })),
  maxBodyBytes: integer({ min: 1 }),
  cost: either(integer({ min: 1 }), func),
  skip: func,
  skipSuccessfulRequests: boolean,
  skipFailedRequests: boolean,
  requestWasSuccessful: func,
  standardHeaders: either(boolean, oneOf('draft-6', 'draft-7', 'draft-8')),
  legacyHeaders: boolean,
  message: either(string(), func),
  handler: func,
  onLimited: func,
  dryRun: boolean,
} satisfies Record<keyof RateLimitOptions, Schema>;

const fields = object(rateLimitFields);

/** Names of the options that make a limiter. */
const LIMITER_NAMES = Object.keys(rateLimiterFields) as (keyof AnyRateLimiterOptions)[];

/** Adds everything that is wrong with the options. */
export function inspectRateLimitOptions(options: RateLimitOptions, at: string, faults: Fault[]): void {
  const own: Fault[] = [];
  fields.inspect?.(options as never, at, own);
  if (options.limiter === undefined) inspectRateLimiterOptions(options, at, own);
  else inspectBeside('limiter', LIMITER_NAMES, options, at, own);
  inspectEffects(options, at, own);
  if (own.length === 0) inspectCost(options, at, own);
  faults.push(...own);
}

export const rateLimitSchema: Schema = { ...fields, inspect: inspectRateLimitOptions };

/** An option that would do nothing is a mistake that nobody would notice. */
function inspectEffects(options: RateLimitOptions, at: string, faults: Fault[]): void {
  const { maxBodyBytes, message, handler } = options;
  const { body } = Object(options.key) as { body?: unknown };
  const { skipSuccessfulRequests, skipFailedRequests, requestWasSuccessful } = options;
  if (maxBodyBytes !== undefined && body === undefined)
    faults.push({ path: member(at, 'maxBodyBytes'), message: "has no effect without a key such as { body: 'email' }" });
  if (message !== undefined && handler !== undefined)
    faults.push({ path: at || 'options', message: 'message and handler both write the answer; keep one' });
  if (skipSuccessfulRequests === true && skipFailedRequests === true)
    faults.push({
      path: at || 'options',
      message: 'skipSuccessfulRequests and skipFailedRequests take every request back; keep one',
    });
  if (requestWasSuccessful !== undefined && skipSuccessfulRequests !== true && skipFailedRequests !== true)
    faults.push({
      path: member(at, 'requestWasSuccessful'),
      message: 'has no effect without skipSuccessfulRequests or skipFailedRequests',
    });
}

/** A cost above what fits would refuse every request for ever. */
function inspectCost(options: RateLimitOptions, at: string, faults: Fault[]): void {
  const { cost } = options;
  const { algorithm, windows } = policyOfLimit(options);
  const room = Math.min(...windows.map(({ limit, burst }) => (algorithm === 'token-bucket' ? burst : limit)));
  if (typeof cost === 'number' && cost > room)
    faults.push({ path: member(at, 'cost'), message: `got ${cost}, but only ${room} fit: no request would ever pass` });
}

/** The options that make a limiter, alone. */
export function limiterOptionsOf(options: RateLimitOptions): AnyRateLimiterOptions {
  return Object.fromEntries(LIMITER_NAMES.map((name) => [name, options[name]]));
}

/** A limit in a few words, such as `100 in 60000 ms by ip, sliding-window`. */
export function describeRateLimit(options: RateLimitOptions): string {
  const { algorithm, windows } = policyOfLimit(options);
  const quotas = windows.map(({ limit, windowMs, burst }) => {
    return `${limit} in ${windowMs} ms${burst === limit ? '' : ` with bursts of ${burst}`}`;
  });
  const dryRun = options.dryRun === true ? ', dry run' : '';
  return `${quotas.join(' and ')} by ${describeKey(options.key)}, ${algorithm}${dryRun}`;
}

function describeKey(key: RateLimitKey = 'ip'): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'function') return 'a function';
  return key.header === undefined ? `body ${key.body}` : `header ${key.header}`;
}

function policyOfLimit(options: RateLimitOptions): RateLimitPolicy {
  return options.limiter?.policy ?? policyOf(options);
}
