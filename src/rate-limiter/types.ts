/** What a limiter, its stores and its algorithms say to each other. Only types: this file costs nothing at run time. */
import type { MaybePromise } from '../core/types.js';

/**
 * How calls are counted.
 *
 * - `sliding-window`: two counters; the previous window counts by the share of it that still reaches into the last
 *   `windowMs`, until its last call is older than that. In any span of `d` windows (0 < d <= 1) at most `(1 + d) * limit`
 *   calls pass, so no edge lets a double burst through.
 * - `sliding-log`: the time of every call; never more than `limit` in any `windowMs`. Memory grows with `limit`.
 * - `fixed-window`: one counter that starts anew; up to twice `limit` around an edge.
 * - `token-bucket`: GCRA, in its form as a leaking meter; `burst` at once, then evenly `limit` per `windowMs`.
 */
export type RateLimitAlgorithm = 'sliding-window' | 'sliding-log' | 'fixed-window' | 'token-bucket';

/** What answers while the store does not: everything passes, nothing passes, or this process counts for itself. */
export type StoreErrorPolicy = 'open' | 'closed' | 'local';

/** One quota. A limiter with several lets a call pass where all of them have room, and then counts it in all. */
export interface RateLimitWindow {
  /** Calls per window. A whole number from 1 on. */
  limit: number;
  /** Length of the window in ms. A whole number from 1 on; `limit * windowMs` at most 2^53 - 1. */
  windowMs: number;
  /** Calls that may come at once, for `token-bucket` only. A whole number from 1 on. @default limit */
  burst?: number;
}

/** What a limiter asks of its store: complete and checked. */
export interface RateLimitPolicy {
  /** Keeps the counts of one limiter apart from those of others in the same store. */
  readonly name: string;
  readonly algorithm: RateLimitAlgorithm;
  readonly windows: readonly Required<Readonly<RateLimitWindow>>[];
  /** How long a key is refused after a call was refused, in ms; 0 = only as long as the windows say. */
  readonly blockMs: number;
}

/** What became of a call. Of several windows, `window` is the one that decides: the fullest, or the last to have room. */
export interface RateLimitDecision {
  readonly allowed: boolean;
  /** Index of the window that the figures are of. */
  readonly window: number;
  /** Most calls that `remaining` can reach: the limit of the window, or its burst. */
  readonly limit: number;
  /** Calls that would still pass now. */
  readonly remaining: number;
  /** Until nothing counts any more, in whole ms. */
  readonly resetMs: number;
  /**
   * Until the same call would pass, in whole ms; 0 where it has passed, `Infinity` where it costs more than there will
   * ever be.
   */
  readonly retryAfterMs: number;
  /** The policy that answered in the place of a store that did not; `null` where the store has counted. */
  readonly failure: StoreErrorPolicy | null;
}

/** The counts of one limiter in a store. Keys are not empty; costs are whole numbers from 1 on. */
export interface RateLimitCounter<Result extends MaybePromise<RateLimitDecision> = MaybePromise<RateLimitDecision>> {
  /** Counts a call in every window, or in none where one has no room. A refused call counts nowhere. */
  consume(key: string, cost: number): Result;
  /** Whether a call would pass, with the figures as they stand; nothing is counted. */
  peek(key: string, cost: number): Result;
  /** Takes back a call that has passed, as far as it still counts. */
  refund(key: string, cost: number): MaybePromise<void>;
  /** Forgets a key. */
  reset(key: string): MaybePromise<void>;
  /** Gives the name free for another limiter. Counts that live elsewhere stay there. */
  close(): MaybePromise<void>;
}

/** Where counts live. One store serves many limiters, each under its name. */
export interface RateLimitStore<Result extends MaybePromise<RateLimitDecision> = MaybePromise<RateLimitDecision>> {
  /** True where a call leaves the process: the limiter gives it a deadline, and has a policy for its failure. */
  readonly remote: boolean;
  /** @throws {ConfigError} where the name is taken, or the store cannot keep the policy. */
  open(policy: RateLimitPolicy): RateLimitCounter<Result>;
}
