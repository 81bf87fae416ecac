import { systemClock, type Clock } from '../core/clock.js';
import { clockField, integer, object, validate, type Schema } from '../core/options.js';

export interface RetryBudgetOptions {
  /** Retries per 100 requests of the window. From 0 to 100. @default 20 */
  percentage?: number;
  /** Retries per window that are allowed however few requests there are. A whole number from 0 on. @default 10 */
  floor?: number;
  /** Length of the window in ms. A whole number from 1 on. @default 10000 */
  windowMs?: number;
  /** @default systemClock */
  clock?: Clock;
}

/** What a budget has seen in its window. */
export interface RetryBudgetSnapshot {
  readonly requests: number;
  readonly retries: number;
  /** Retries that would still be allowed now. */
  readonly remaining: number;
}

export const retryBudgetFields = {
  percentage: integer({ max: 100 }),
  floor: integer(),
  windowMs: integer({ min: 1 }),
  clock: clockField,
} satisfies Record<keyof RetryBudgetOptions, Schema>;

/** A window moves on by this part of itself. */
const PARTS = 10;

/** One more than fit, since the current part has only begun: the whole window is always covered. */
const BUCKETS = PARTS + 1;

/**
 * Bounds the load that retries add: in any window at most `percentage` of its requests, or `floor` where that is more.
 * A service that is down thus gets a fifth more requests, not three times as many.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const budget = new RetryBudget({ percentage: 10 });
 * budget.recordRequest();
 * if (budget.tryRetry()) await sendAgain();
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #bucketMs: number;
  readonly #percentage: number;
  readonly #floor: number;
  readonly #requests = new Array<number>(BUCKETS).fill(0);
  readonly #retries = new Array<number>(BUCKETS).fill(0);
  #requestCount = 0;
  #retryCount = 0;
  /** Number of the current bucket since time 0 of the clock. */
  #current: number;

  constructor(options: RetryBudgetOptions = {}) {
    validate('RetryBudget', options, object(retryBudgetFields));
    const { percentage = 20, floor = 10, windowMs = 10_000, clock = systemClock } = options;
    this.#clock = clock;
    this.#bucketMs = windowMs / PARTS;
    this.#percentage = percentage;
    this.#floor = floor;
    this.#current = this.#bucketNow();
  }

  /** Counts a request; its retries are not requests. */
  recordRequest(): void {
    this.#rotate();
    this.#requestCount++;
    (this.#requests[this.#current % BUCKETS] as number)++;
  }

  /** Counts a retry where there is room for one. */
  tryRetry(): boolean {
    this.#rotate();
    if (this.#retryCount + 1 > this.#allowed) return false;
    this.#retryCount++;
    (this.#retries[this.#current % BUCKETS] as number)++;
    return true;
  }

  snapshot(): RetryBudgetSnapshot {
    this.#rotate();
    const remaining = Math.max(0, Math.floor(this.#allowed) - this.#retryCount);
    return { requests: this.#requestCount, retries: this.#retryCount, remaining };
  }

  get #allowed(): number {
    return Math.max(this.#floor, (this.#requestCount * this.#percentage) / 100);
  }

  #bucketNow(): number {
    return Math.floor(this.#clock.now() / this.#bucketMs);
  }

  #rotate(): void {
    const now = this.#bucketNow();
    // After a long silence one round empties every bucket.
    this.#current = Math.max(this.#current, now - BUCKETS);
    while (this.#current < now) {
      const index = ++this.#current % BUCKETS;
      this.#requestCount -= this.#requests[index] as number;
      this.#retryCount -= this.#retries[index] as number;
      this.#requests[index] = 0;
      this.#retries[index] = 0;
    }
  }
}
