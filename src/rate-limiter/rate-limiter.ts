import { createHash } from 'node:crypto';
import { systemClock } from '../core/clock.js';
import { show, validate } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import { GuardedCounter } from './guarded-counter.js';
import { MemoryStore } from './memory-store.js';
import { policyOf, rateLimiterSchema, type AnyRateLimiterOptions, type RateLimiterOptions } from './options.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy } from './types.js';

/** A client chooses its key more often than not, so a longer one is replaced by a hash and cannot fill the memory. */
const MAX_KEY_LENGTH = 256;

/**
 * Counts calls by key, and says whether one more may pass.
 *
 * Without a store, or with a {@link MemoryStore}, it answers at once. With a store that leaves the process, `check` returns
 * a promise that never rejects: while the store does not answer, `onStoreError` decides.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const limiter = new RateLimiter({ limit: 100, windowMs: 60_000 });
 * const { allowed, retryAfterMs } = limiter.check(user.id);
 * if (!allowed) throw new Error(`Try again in ${retryAfterMs} ms.`);
 */
export class RateLimiter<Result extends MaybePromise<RateLimitDecision> = RateLimitDecision> {
  readonly policy: RateLimitPolicy;
  readonly #guard: GuardedCounter | null;
  #counter: RateLimitCounter<Result>;

  constructor(options: RateLimiterOptions<Result>) {
    validate('RateLimiter', options, rateLimiterSchema);
    this.policy = policyOf(options);
    const counter = openCounter(this.policy, options);
    this.#guard = options.store?.remote === true ? guard(counter, this.policy, options) : null;
    // A guard answers as what it guards does.
    this.#counter = (this.#guard as RateLimitCounter | null as RateLimitCounter<Result> | null) ?? counter;
  }

  /** Whether a remote store answers; `null` where the store does not leave the process. */
  get storeState(): 'up' | 'down' | null {
    return this.#guard?.state ?? null;
  }

  /**
   * Counts a call where it may pass. A call that is refused counts nothing.
   *
   * @param key Whose call it is: any text that is not empty.
   * @param cost How many calls it stands for, a whole number from 1 on.
   * @throws {TypeError} when the key is no text, or empty.
   * @throws {RangeError} when the cost is no whole number from 1 on.
   */
  check(key: string, cost = 1): Result {
    assertCost(cost);
    return this.#counter.consume(storedKey(key), cost);
  }

  /** Whether a call would pass, with the figures as they stand; nothing is counted. */
  peek(key: string, cost = 1): Result {
    assertCost(cost);
    return this.#counter.peek(storedKey(key), cost);
  }

  /** Takes back a call that has passed, as far as it still counts. */
  refund(key: string, cost = 1): MaybePromise<void> {
    assertCost(cost);
    return this.#counter.refund(storedKey(key), cost);
  }

  /** Forgets what a key has used, and its block. */
  reset(key: string): MaybePromise<void> {
    return this.#counter.reset(storedKey(key));
  }

  /**
   * Frees the name in the store, and what is kept in memory. Afterwards `check`, `peek` and `reset` throw; a refund, which
   * may come from a call that was under way, does nothing.
   */
  close(): MaybePromise<void> {
    const counter = this.#counter;
    this.#counter = closedCounter(this.policy.name);
    return counter.close();
  }
}

function openCounter<Result extends MaybePromise<RateLimitDecision>>(
  policy: RateLimitPolicy,
  { store, clock = systemClock }: RateLimiterOptions<Result>,
): RateLimitCounter<Result> {
  // `Result` is what a store answers with; without one it is the default, a plain decision.
  return store?.open(policy) ?? (new MemoryStore({ clock }).open(policy) as RateLimitCounter<Result>);
}

function guard(counter: RateLimitCounter, policy: RateLimitPolicy, options: AnyRateLimiterOptions): GuardedCounter {
  return new GuardedCounter(counter as RateLimitCounter<Promise<RateLimitDecision>>, policy, options);
}

function closedCounter(name: string): RateLimitCounter<never> {
  function refuse(): never {
    throw new Error(`The limiter '${name}' is closed; whoever closed it must let no more calls through.`);
  }
  return { consume: refuse, peek: refuse, refund() {}, reset: refuse, close() {} };
}

function storedKey(key: string): string {
  if (typeof key !== 'string' || key === '')
    throw new TypeError(
      `The key of a call is a text that is not empty, got ${show(key)}; all calls without one would share a limit.`,
    );
  return key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64url');
}

function assertCost(cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 1)
    throw new RangeError(`The cost of a call is a whole number from 1 on, got ${show(cost)}.`);
}
