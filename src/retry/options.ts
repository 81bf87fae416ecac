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
  type Fault,
  type Schema,
} from '../core/options.js';
import { RetryBudget, retryBudgetFields, type RetryBudgetOptions } from './retry-budget.js';

export interface RetryOptions {
  /** Attempts after the first one. From 0 to 10; 0 = none. @default 2 */
  retries?: number;
  /**
   * Ceiling in ms of the wait before the first retry; it doubles with each, and the wait is anything below it. From 0
   * on; 0 = no wait. @default 50
   */
  backoffMs?: number;
  /** Ceiling in ms of every such wait. From `backoffMs` on. @default 1000 */
  maxBackoffMs?: number;
  /**
   * Longest `Retry-After` of an answer in ms that is waited for; an answer that asks for more goes to the client. From 0
   * on. @default 5000
   */
  maxRetryAfterMs?: number;
  /**
   * Bytes of a request's body that are kept, so that it can be sent again; a request with a longer one is sent once. From
   * 0 on. @default 65536
   */
  maxBodyBytes?: number;
  /** Statuses of answers to try again after, from 400 to 599. @default every 5xx */
  failureStatuses?: FailureStatuses;
  /** Bounds the load that retries add; one to share, or `false` = no bound. @default a budget of its own */
  budget?: Omit<RetryBudgetOptions, 'clock'> | RetryBudget | false;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const { clock: _clock, ...budgetFields } = retryBudgetFields;

const sharedBudget: Schema = { expected: 'a RetryBudget', accepts: (value) => value instanceof RetryBudget };

/** Schemas of the options, by name, for those who put them into their own config. */
export const retryFields = {
  retries: integer({ max: 10 }),
  backoffMs: milliseconds({ min: 0 }),
  maxBackoffMs: milliseconds({ min: 0 }),
  maxRetryAfterMs: milliseconds({ min: 0 }),
  maxBodyBytes: integer(),
  failureStatuses: failureStatusesField,
  budget: either(object(budgetFields), sharedBudget, literal(false)),
  clock: clockField,
  random: func,
} satisfies Record<keyof RetryOptions, Schema>;

/** The ceilings of the waits, with the defaults of those that are left out. */
export function backoffOptions({ backoffMs = 50, maxBackoffMs = 1_000 }: RetryOptions): {
  backoffMs: number;
  maxBackoffMs: number;
} {
  return { backoffMs, maxBackoffMs };
}

const fields = object(retryFields);

/** Adds everything that is wrong with the options. */
export function inspectRetryOptions(options: RetryOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { backoffMs, maxBackoffMs } = backoffOptions(options);
  if (maxBackoffMs < backoffMs)
    faults.push({ path: member(at, 'maxBackoffMs'), message: `is ${maxBackoffMs}, below backoffMs, ${backoffMs}` });
}

export const retrySchema: Schema = { ...fields, inspect: inspectRetryOptions };
