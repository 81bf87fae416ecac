import type { RateLimitWindow } from '../types.js';
import type { WindowCount } from './window-count.js';

/** One counter. A window begins with the first call that it counts, so keys do not all start anew at once. */
export class FixedWindow implements WindowCount {
  readonly #limit: number;
  readonly #windowMs: number;
  #start = 0;
  #count = 0;

  constructor({ limit, windowMs }: RateLimitWindow) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  advance(now: number): void {
    if (this.#start > now) this.#start = now;
    if (now - this.#start >= this.#windowMs) this.#count = 0;
    if (this.#count === 0) this.#start = now;
  }

  waitMs(cost: number, now: number): number {
    this.advance(now);
    return this.#count + cost <= this.#limit ? 0 : this.resetMs(now);
  }

  add(cost: number): void {
    this.#count += cost;
  }

  refund(cost: number): void {
    this.#count = Math.max(0, this.#count - cost);
  }

  remaining(): number {
    return this.#limit - this.#count;
  }

  resetMs(now: number): number {
    return this.#count === 0 ? 0 : this.#start + this.#windowMs - now;
  }
}
