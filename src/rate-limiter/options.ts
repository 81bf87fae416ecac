import type { Clock } from '../core/clock.js';
import {
  clockField,
  func,
  integer,
  list,
  member,
  milliseconds,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import type {
  RateLimitAlgorithm,
  RateLimitDecision,
  RateLimitPolicy,
  RateLimitStore,
  RateLimitWindow,
  StoreErrorPolicy,
} from './types.js';

/** A store has stopped answering, or has begun again. */
export interface StoreOutage {
  /** Of the limiter. */
  readonly name: string;
  readonly state: 'down' | 'up';
  /** What answers meanwhile. */
  readonly policy: StoreErrorPolicy;
  /** What the store failed with; `null` when it is up again. */
  readonly error: unknown;
}

export interface RateLimiterOptions<Result extends MaybePromise<RateLimitDecision> = RateLimitDecision> {
  /** Calls per window and key. A whole number from 1 on; `limit * windowMs` at most 2^53 - 1. */
  limit?: number;
  /** The same as `limit`. */
  max?: number;
  /** The same as `limit`. */
  maxRequests?: number;
  /** Length of the window in ms. A whole number from 1 on. */
  windowMs?: number;
  /** Calls that may come at once, for `token-bucket` only. From 1 on; below or above `limit`. @default limit */
  burst?: number;
  /** Up to 8 quotas in the place of `limit`, `windowMs` and `burst`; a call needs room in all of them. */
  windows?: readonly RateLimitWindow[];
  /** How calls are counted. @default 'sliding-window' */
  algorithm?: RateLimitAlgorithm;
  /** How long a key is refused after one of its calls was, in ms. 0 = only as long as the windows say. @default 0 */
  blockMs?: number;
  /**
   * Keeps the counts apart from those of other limiters in the same store; clients see it. 1 to 64 visible ASCII
   * characters without quotes, backslashes and braces. @default 'default'
   */
  name?: string;
  /** Where the counts live. @default a MemoryStore of its own */
  store?: RateLimitStore<Result>;
  /**
   * What answers while a remote store does not: `open` lets everything pass, `closed` nothing, `local` counts in this
   * process. @default 'local'
   */
  onStoreError?: StoreErrorPolicy;
  /** How long a remote store may take for an answer, in ms, from 1 on. @default 50 */
  storeTimeoutMs?: number;
  /** Told once when a remote store stops answering, and once when it begins again. @default a warning of the process */
  onOutage?: (outage: StoreOutage) => void;
  /** @default systemClock */
  clock?: Clock;
}

/** One number is kept for each call, so a larger log costs too much memory per key. */
const MAX_LOG = 10_000;
const MAX_WINDOWS = 8;

/** Visible ASCII that needs no escape in a header field, and none in the key of a store. */
const NAME = /^[\x21-\x7e]{1,64}$/;
const NOT_IN_NAME = /["'`\\{}]/;

const wholeFromOne = integer({ min: 1 });

/** Schemas of the options, by name, for those who put them into their own. */
export const rateLimiterFields = {
  limit: wholeFromOne,
  max: wholeFromOne,
  maxRequests: wholeFromOne,
  windowMs: wholeFromOne,
  burst: wholeFromOne,
  windows: list(
    object({ limit: wholeFromOne, windowMs: wholeFromOne, burst: wholeFromOne }, { required: ['limit', 'windowMs'] }),
  ),
  algorithm: oneOf('sliding-window', 'sliding-log', 'fixed-window', 'token-bucket'),
  blockMs: integer(),
  name: string(
    '1 to 64 visible ASCII characters without quotes, backslashes and braces',
    (name) => NAME.test(name) && !NOT_IN_NAME.test(name),
  ),
  store: {
    expected: 'a store such as new MemoryStore()',
    accepts: (value) => typeof (value as { open?: unknown } | null)?.open === 'function',
  },
  onStoreError: oneOf('open', 'closed', 'local'),
  storeTimeoutMs: milliseconds(),
  onOutage: func,
  clock: clockField,
} satisfies Record<keyof RateLimiterOptions, Schema>;

const fields = object(rateLimiterFields);

export const rateLimiterSchema: Schema = {
  ...fields,
  inspect(options: AnyRateLimiterOptions, at, faults) {
    fields.inspect?.(options as never, at, faults);
    inspectRateLimiterOptions(options, at, faults);
  },
};

/** Options for whatever store. */
export type AnyRateLimiterOptions = RateLimiterOptions<MaybePromise<RateLimitDecision>>;

const LIMIT_NAMES = ['limit', 'max', 'maxRequests'] as const;

/** Adds a fault where options are right one by one, and wrong together. */
export function inspectRateLimiterOptions(options: AnyRateLimiterOptions, at: string, faults: Fault[]): void {
  inspectQuotas(options, at, faults);
  inspectStoreOptions(options, at, faults);
}

function inspectQuotas(options: AnyRateLimiterOptions, at: string, faults: Fault[]): void {
  const { windows, algorithm } = options;
  const limitNames = LIMIT_NAMES.filter((name) => options[name] !== undefined);
  if (windows === undefined) {
    if (limitNames.length > 1)
      faults.push({ path: at || 'options', message: `${limitNames.join(' and ')} mean the same; keep one` });
    if (limitNames.length === 0)
      faults.push({ path: member(at, 'limit'), message: `missing, expected ${wholeFromOne.expected}` });
    if (options.windowMs === undefined)
      faults.push({ path: member(at, 'windowMs'), message: `missing, expected ${wholeFromOne.expected}` });
    const { windowMs, burst } = options;
    const limitName = limitNames[0] ?? 'limit';
    inspectQuota({ limit: options[limitName], windowMs, burst }, limitName, algorithm, at, faults);
    return;
  }
  const single = [...limitNames, ...(['windowMs', 'burst'] as const).filter((name) => options[name] !== undefined)];
  if (single.length > 0)
    faults.push({ path: at || 'options', message: `windows and ${single.join(', ')} exclude each other; keep one` });
  if (!Array.isArray(windows)) return;
  const path = member(at, 'windows');
  if (windows.length > MAX_WINDOWS)
    faults.push({ path, message: `got ${windows.length} windows, expected at most ${MAX_WINDOWS}` });
  const lengths = new Set<number>();
  for (const [index, window] of (windows as readonly (RateLimitWindow | null | undefined)[]).entries()) {
    const { windowMs } = window ?? {};
    inspectQuota(window ?? {}, 'limit', algorithm, `${path}[${index}]`, faults);
    if (windowMs === undefined) continue;
    if (lengths.has(windowMs))
      faults.push({ path: `${path}[${index}].windowMs`, message: `${windowMs} is there twice; keep the lower limit` });
    lengths.add(windowMs);
  }
}

type Quota = { readonly [Name in keyof RateLimitWindow]?: RateLimitWindow[Name] | undefined };

function inspectQuota(
  { limit, windowMs, burst }: Quota,
  limitName: string,
  algorithm: RateLimitAlgorithm | undefined,
  at: string,
  faults: Fault[],
): void {
  if (burst !== undefined && algorithm !== 'token-bucket')
    faults.push({ path: member(at, 'burst'), message: "has no effect without algorithm: 'token-bucket'" });
  if (algorithm === 'sliding-log' && wholeFromOne.accepts(limit) && (limit as number) > MAX_LOG) {
    const message = `got ${limit as number}, but sliding-log keeps a number for each call; up to ${MAX_LOG}, or use sliding-window or token-bucket`;
    faults.push({ path: member(at, limitName), message });
  }
  for (const [name, calls] of [
    [limitName, limit],
    ['burst', burst],
  ] as const) {
    if (!wholeFromOne.accepts(calls) || !wholeFromOne.accepts(windowMs)) continue;
    if ((calls as number) * (windowMs as number) <= Number.MAX_SAFE_INTEGER) continue;
    const message = `${calls as number} calls in ${windowMs as number} ms cannot be counted exactly; ${name} * windowMs is at most 2^53 - 1`;
    faults.push({ path: member(at, name), message });
  }
}

function inspectStoreOptions(options: AnyRateLimiterOptions, at: string, faults: Fault[]): void {
  if (options.store?.remote === true) return;
  for (const name of ['onStoreError', 'storeTimeoutMs', 'onOutage'] as const) {
    if (options[name] !== undefined)
      faults.push({ path: member(at, name), message: 'has no effect without a store that leaves the process' });
  }
}

/** Options that are valid, with every default in its place. */
export function policyOf(options: AnyRateLimiterOptions): RateLimitPolicy {
  const { algorithm = 'sliding-window', blockMs = 0, name = 'default' } = options;
  const windows = options.windows ?? [single(options)];
  return Object.freeze({
    name,
    algorithm,
    windows: Object.freeze(
      windows.map(({ limit, windowMs, burst = limit }) => Object.freeze({ limit, windowMs, burst })),
    ),
    blockMs,
  });
}

function single({ limit, max, maxRequests, windowMs, burst }: AnyRateLimiterOptions): RateLimitWindow {
  const window = { limit: limit ?? max ?? maxRequests, windowMs };
  return (burst === undefined ? window : { ...window, burst }) as RateLimitWindow;
}
