import { systemClock, type Clock } from '../core/clock.js';
import { clockField, integer, object, validate, type Schema } from '../core/options.js';
import { MemoryCounter } from './memory-counter.js';
import { OpenNames } from './open-names.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy, RateLimitStore } from './types.js';

export interface MemoryStoreOptions {
  /**
   * Keys that each limiter keeps, from 1 on. When there are more, the one that has been quiet for longest is forgotten,
   * and one that has used more than half of its limit only where there is no other. @default 100000
   */
  maxKeys?: number;
  /** Time that windows follow: monotonic, so setting the wall clock has no say. @default systemClock */
  clock?: Clock;
}

const memoryStoreFields = {
  maxKeys: integer({ min: 1 }),
  clock: clockField,
} satisfies Record<keyof MemoryStoreOptions, Schema>;

/**
 * Counts in the memory of this process, each process for itself. It answers at once, without a promise.
 *
 * A flood of fresh keys cannot wash out an offender: to push out one key that has used half of its limit, half of
 * `maxKeys` other keys must each use half of theirs.
 *
 * A key takes about 300 bytes, its text included, so the default is at most some 30 MB per limiter; with `sliding-log` it
 * takes about 480, and 8 to 16 more for each call that counts.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const store = new MemoryStore({ maxKeys: 1_000_000 });
 * const limiter = new RateLimiter({ name: 'search', limit: 100, windowMs: 60_000, store });
 */
export class MemoryStore implements RateLimitStore<RateLimitDecision> {
  readonly remote = false;
  readonly #maxKeys: number;
  readonly #clock: Clock;
  readonly #names = new OpenNames();

  constructor(options: MemoryStoreOptions = {}) {
    validate('MemoryStore', options, object(memoryStoreFields));
    this.#maxKeys = options.maxKeys ?? 100_000;
    this.#clock = options.clock ?? systemClock;
  }

  /** @throws {ConfigError} where a limiter of this name is open. */
  open(policy: RateLimitPolicy): RateLimitCounter<RateLimitDecision> {
    const release = this.#names.claim(policy.name);
    return new MemoryCounter(policy, this.#clock, this.#maxKeys, release);
  }
}
