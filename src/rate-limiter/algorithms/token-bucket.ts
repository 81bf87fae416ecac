import type { RateLimitWindow } from '../types.js';
import type { WindowCount } from './window-count.js';

/**
 * GCRA as a meter that leaks: `burst` calls fill it, and it leaks `limit` calls per `windowMs`. The level is kept in calls
 * times ms, so that a call fills `windowMs` and a ms leaks `limit`, both whole.
 */
export class TokenBucket implements WindowCount {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #capacity: number;
  #at = 0;
  #level = 0;

  constructor({ limit, windowMs, burst = limit }: RateLimitWindow) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#capacity = burst * windowMs;
  }

  advance(now: number): void {
    if (this.#at < now) this.#level = Math.max(0, this.#level - (now - this.#at) * this.#limit);
    this.#at = now;
  }

  waitMs(cost: number, now: number): number {
    this.advance(now);
    const excess = this.#level - (this.#capacity - cost * this.#windowMs);
    return excess <= 0 ? 0 : Math.ceil(excess / this.#limit);
  }

  add(cost: number): void {
    this.#level += cost * this.#windowMs;
  }

  refund(cost: number): void {
    this.#level = Math.max(0, this.#level - cost * this.#windowMs);
  }

  remaining(): number {
    return Math.floor((this.#capacity - this.#level) / this.#windowMs);
  }

  resetMs(): number {
    return Math.ceil(this.#level / this.#limit);
  }
}
