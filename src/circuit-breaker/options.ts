import { failureStatusesField, type FailureStatuses } from '../core/attempt-result.js';
import type { Clock } from '../core/clock.js';
import {
  clockField,
  either,
  func,
  integer,
  literal,
  member,
  milliseconds,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { CircuitSnapshot, CircuitStateChange } from './circuit-state.js';

/** Hears of every step of a circuit. What it throws, or rejects with, becomes a warning of the process. */
export type CircuitStateListener = (change: CircuitStateChange) => MaybePromise<void>;

export interface CircuitBreakerOptions {
  /** For errors, events and snapshots. @default 'circuit' */
  name?: string;
  /**
   * Consecutive failures that open the circuit. From 1 on; `Infinity` = never. @default 5, or `Infinity` where a share of
   * calls opens it
   */
  failureThreshold?: number;
  /** Share of failed calls in the window that opens the circuit, in percent. From 1 to 100. @default off */
  errorThresholdPercentage?: number;
  /** Another name for `errorThresholdPercentage`. */
  errorThreshold?: number;
  /** Calls that the window must hold before a share counts. From 1 on. @default 10, or `windowCalls` where that is less */
  volumeThreshold?: number;
  /** A call that takes so long, in ms, is slow, whether it fails or not. From 1 on. @default off */
  slowCallMs?: number;
  /** Share of slow calls in the window that opens the circuit, in percent. From 1 to 100. @default 50 with `slowCallMs` */
  slowCallPercentage?: number;
  /** Length of the window in ms, of which shares are taken; it moves on in tenths. From 1 on. @default 10000 */
  windowMs?: number;
  /** Take shares of the last calls instead, so many of them. From 1 to 10000. @default off */
  windowCalls?: number;
  /** How long the circuit stays open before it tries again, in ms. From 1 on. @default 30000 */
  resetTimeout?: number;
  /** Growth of `resetTimeout` with each time that a probe opens the circuit again. From 1 on; 1 = none. @default 1 */
  resetTimeoutFactor?: number;
  /** What `resetTimeout` grows to at most, in ms. @default 300000, or `resetTimeout` where that is more */
  maxResetTimeout?: number;
  /** Calls that a half-open circuit lets through. From 1 to 10000. @default 1 */
  halfOpenProbes?: number;
  /** Probes that must succeed to close the circuit. From 1 to `halfOpenProbes`. @default halfOpenProbes */
  halfOpenSuccesses?: number;
  /**
   * After so many ms without a result, a probe's place is free for the next call, and its result counts no more. From 1
   * on. @default 30000
   */
  probeTimeoutMs?: number;
  /** Deadline of a call of `execute`, in ms. From 1 on; `Infinity` = none. @default Infinity */
  timeoutMs?: number;
  /** Another name for `timeoutMs`. */
  timeout?: number;
  /** Whether an error of `execute` is a failure; any other counts as a success: the service did answer. @default all are */
  isFailure?: (error: unknown) => boolean;
  /** Whether a result of `execute` is a failure. @default none is */
  isFailedResult?: (result: unknown) => boolean;
  onStateChange?: CircuitStateListener;
  /** @default systemClock */
  clock?: Clock;
  /**
   * Go on from a snapshot: state, time left, failures in a row, reopenings. The window starts anew, and calls in flight
   * are not known any more.
   */
  restore?: CircuitSnapshot;
}

/** The deadline of a request is the proxy's, and what a failure is has one answer for all pieces. */
type ExecuteOptionName = 'timeoutMs' | 'timeout' | 'isFailure' | 'isFailedResult';

export interface CircuitBreakerMiddlewareOptions extends Omit<CircuitBreakerOptions, ExecuteOptionName> {
  /** Statuses of answers that are failures, from 400 to 599. @default every 5xx */
  failureStatuses?: FailureStatuses;
  /** A circuit to share, in the place of the options of a new one. */
  breaker?: CircuitBreaker;
}

const percentage = integer({ min: 1, max: 100 });
const count = integer();

const snapshotFields = {
  name: string(),
  state: oneOf('closed', 'open', 'half-open', 'isolated'),
  consecutiveFailures: count,
  calls: count,
  failures: count,
  slowCalls: count,
  reason: either(literal(null), string()),
  retryAfterMs: milliseconds({ min: 0 }),
  reopenings: count,
} satisfies Record<keyof CircuitSnapshot, Schema>;

const sharedFields = {
  name: string(),
  failureThreshold: integer({ min: 1, max: Infinity }),
  errorThresholdPercentage: percentage,
  errorThreshold: percentage,
  volumeThreshold: integer({ min: 1 }),
  slowCallMs: milliseconds(),
  slowCallPercentage: percentage,
  windowMs: milliseconds(),
  windowCalls: integer({ min: 1, max: 10_000 }),
  resetTimeout: milliseconds(),
  resetTimeoutFactor: {
    expected: 'a number from 1 on',
    accepts: (value) => typeof value === 'number' && value >= 1 && value !== Infinity,
  },
  maxResetTimeout: milliseconds(),
  halfOpenProbes: integer({ min: 1, max: 10_000 }),
  halfOpenSuccesses: integer({ min: 1, max: 10_000 }),
  probeTimeoutMs: milliseconds(),
  onStateChange: func,
  clock: clockField,
  restore: object(snapshotFields, { required: Object.keys(snapshotFields) }),
} satisfies Record<Exclude<keyof CircuitBreakerOptions, ExecuteOptionName>, Schema>;

const breakerFields = {
  ...sharedFields,
  timeoutMs: milliseconds({ endless: true }),
  timeout: milliseconds({ endless: true }),
  isFailure: func,
  isFailedResult: func,
} satisfies Record<keyof CircuitBreakerOptions, Schema>;

const circuitBreakerFields = {
  ...sharedFields,
  failureStatuses: failureStatusesField,
  breaker: {
    expected: 'a CircuitBreaker',
    accepts: (value) => typeof (value as { acquire?: unknown } | null)?.acquire === 'function',
  },
} satisfies Record<keyof CircuitBreakerMiddlewareOptions, Schema>;

const breakerOptions = object(breakerFields);
const middlewareOptions = object(circuitBreakerFields);

export const breakerSchema: Schema = {
  ...breakerOptions,
  inspect(options: CircuitBreakerOptions, at, faults) {
    breakerOptions.inspect?.(options as never, at, faults);
    inspectConflicts(options, at, faults);
  },
};

/** Adds what is wrong with the options of `circuitBreaker()`. */
export function inspectCircuitBreakerOptions(
  options: CircuitBreakerMiddlewareOptions,
  at: string,
  faults: Fault[],
): void {
  middlewareOptions.inspect?.(options as never, at, faults);
  if (options.breaker === undefined) inspectConflicts(options, at, faults);
  else {
    const idle = Object.keys(options).filter((name) => Object.hasOwn(sharedFields, name));
    for (const name of idle) faults.push({ path: member(at, name), message: 'has no effect beside breaker' });
  }
}

export const middlewareSchema: Schema = { ...middlewareOptions, inspect: inspectCircuitBreakerOptions };

/** Adds what contradicts another option, or has no effect without one. */
function inspectConflicts(options: CircuitBreakerOptions, at: string, faults: Fault[]): void {
  const { volumeThreshold = 0, windowCalls = Infinity, resetTimeout = 30_000, maxResetTimeout = Infinity } = options;
  const { halfOpenProbes = 1, halfOpenSuccesses = 0 } = options;

  function isGiven(name: keyof CircuitBreakerOptions): boolean {
    return options[name] !== undefined;
  }
  function fault(name: keyof CircuitBreakerOptions, message: string): void {
    faults.push({ path: member(at, name), message });
  }

  if (isGiven('errorThreshold') && isGiven('errorThresholdPercentage'))
    fault('errorThreshold', 'is another name for errorThresholdPercentage; keep one');
  if (isGiven('timeout') && isGiven('timeoutMs')) fault('timeout', 'is another name for timeoutMs; keep one');
  if (isGiven('windowMs') && isGiven('windowCalls')) fault('windowCalls', 'contradicts windowMs; keep one');

  const countsShares = isGiven('errorThresholdPercentage') || isGiven('errorThreshold') || isGiven('slowCallMs');
  for (const name of ['volumeThreshold', 'windowMs', 'windowCalls'] as const)
    if (isGiven(name) && !countsShares) fault(name, 'has no effect without errorThresholdPercentage or slowCallMs');
  if (isGiven('slowCallPercentage') && !isGiven('slowCallMs'))
    fault('slowCallPercentage', 'has no effect without slowCallMs');
  if (isGiven('maxResetTimeout') && !isGiven('resetTimeoutFactor'))
    fault('maxResetTimeout', 'has no effect without resetTimeoutFactor');

  if (volumeThreshold > windowCalls)
    fault('volumeThreshold', `is never reached: the window holds ${windowCalls} calls`);
  if (maxResetTimeout < resetTimeout) fault('maxResetTimeout', `is less than resetTimeout, ${resetTimeout}`);
  if (halfOpenSuccesses > halfOpenProbes)
    fault('halfOpenSuccesses', `is never reached: there are halfOpenProbes, ${halfOpenProbes}`);
}
