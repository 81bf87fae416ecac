import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/errors.js';
import { show } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy, RateLimitWindow } from './types.js';

/** What a store of express-rate-limit knows of a key. */
export interface ExpressRateLimitHits {
  totalHits: number;
  resetTime: Date | undefined;
}

/** What a store that was written for express-rate-limit can do; see its documentation. */
export interface ExpressRateLimitStore {
  init?(options: { windowMs: number }): unknown;
  increment(key: string): MaybePromise<ExpressRateLimitHits>;
  decrement(key: string): MaybePromise<void>;
  resetKey(key: string): MaybePromise<void>;
  get?(key: string): MaybePromise<ExpressRateLimitHits | undefined>;
  shutdown?(): MaybePromise<void>;
}

/** The counts of one limiter in a store of express-rate-limit, see `fromExpressRateLimitStore`. */
export class ExpressCounter implements RateLimitCounter<Promise<RateLimitDecision>> {
  readonly #store: ExpressRateLimitStore;
  readonly #prefix: string;
  readonly #window: RateLimitWindow;
  readonly #clock: Clock;
  readonly #ready: Promise<unknown>;
  readonly close: () => Promise<void>;

  constructor(store: ExpressRateLimitStore, policy: RateLimitPolicy, clock: Clock, close: () => Promise<void>) {
    this.#store = store;
    this.#prefix = `${policy.name}:`;
    this.#window = policy.windows[0] as RateLimitWindow;
    this.#clock = clock;
    this.close = close;
    this.#ready = Promise.resolve(store.init?.({ windowMs: this.#window.windowMs }));
    // Each call waits for it and hears of its failure.
    this.#ready.catch(ignore);
  }

  async consume(key: string, cost: number): Promise<RateLimitDecision> {
    await this.#ready;
    const { limit } = this.#window;
    if (cost > limit) return this.#decision(limit, 0, Infinity);
    let counted = 0;
    let hits: ExpressRateLimitHits;
    do {
      hits = checked(await this.#store.increment(this.#prefix + key), 1);
      counted++;
    } while (counted < cost && hits.totalHits <= limit);

    const resetMs = this.#resetMs(hits);
    if (hits.totalHits <= limit) return this.#decision(hits.totalHits, resetMs, 0);
    await this.#decrement(key, counted);
    return this.#decision(hits.totalHits - counted, resetMs, resetMs);
  }

  async peek(key: string, cost: number): Promise<RateLimitDecision> {
    await this.#ready;
    if (this.#store.get === undefined)
      throw new GatewayError(
        'ERR_GATEWAY_CONFIG_INVALID',
        'This store has no get(), so peek() sees nothing; use check().',
      );
    const found = await this.#store.get(this.#prefix + key);
    const hits = found === undefined ? { totalHits: 0, resetTime: undefined } : checked(found, 0);
    const { limit } = this.#window;
    if (cost > limit) return this.#decision(limit, 0, Infinity);
    const resetMs = this.#resetMs(hits);
    if (hits.totalHits + cost <= limit) return this.#decision(hits.totalHits, resetMs, 0);
    return this.#decision(hits.totalHits, resetMs, resetMs);
  }

  async refund(key: string, cost: number): Promise<void> {
    await this.#ready;
    await this.#decrement(key, cost);
  }

  async reset(key: string): Promise<void> {
    await this.#ready;
    await this.#store.resetKey(this.#prefix + key);
  }

  async #decrement(key: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) await this.#store.decrement(this.#prefix + key);
  }

  /** A store that does not say when has begun a window just now; another may have a clock that is not ours. */
  #resetMs({ resetTime }: ExpressRateLimitHits): number {
    const { windowMs } = this.#window;
    if (resetTime === undefined) return windowMs;
    return Math.min(windowMs, Math.max(1, Math.ceil(resetTime.getTime() - this.#clock.wall())));
  }

  #decision(hits: number, resetMs: number, retryAfterMs: number): RateLimitDecision {
    const { limit } = this.#window;
    return {
      allowed: retryAfterMs === 0,
      window: 0,
      limit,
      remaining: Math.max(0, limit - hits),
      resetMs,
      retryAfterMs,
      failure: null,
    };
  }
}

/** @throws {Error} where the store has answered with something else. */
function checked(answer: Partial<ExpressRateLimitHits> | null | undefined, least: number): ExpressRateLimitHits {
  const { totalHits = NaN, resetTime } = answer ?? {};
  if (!Number.isSafeInteger(totalHits) || totalHits < least)
    throw new Error(`the store answered with totalHits ${show(totalHits)}, expected a whole number from ${least} on`);
  if (resetTime !== undefined && !(resetTime instanceof Date && Number.isFinite(resetTime.getTime())))
    throw new Error(`the store answered with resetTime ${show(resetTime)}, expected a date`);
  return { totalHits, resetTime };
}

function ignore(): void {}
