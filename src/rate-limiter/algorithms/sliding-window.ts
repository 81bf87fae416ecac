import type { RateLimitWindow } from '../types.js';
import type { WindowCount } from './window-count.js';

/**
 * Two counters. `elapsed` ms into the current window, the last `windowMs` still reach over `windowMs - elapsed` ms of the
 * previous one, so that share of it counts. To stay whole, shares are compared in calls times ms.
 */
export class SlidingWindow implements WindowCount {
  readonly #limit: number;
  readonly #windowMs: number;
  #start = 0;
  #current = 0;
  #previous = 0;

  constructor({ limit, windowMs }: RateLimitWindow) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  advance(now: number): void {
    if (this.#start > now) this.#start = now;
    const elapsed = now - this.#start;
    if (elapsed >= this.#windowMs) {
      this.#previous = elapsed < 2 * this.#windowMs ? this.#current : 0;
      this.#current = 0;
      this.#start += this.#windowMs;
    }
    if (this.#current === 0 && this.#previous === 0) this.#start = now;
  }

  waitMs(cost: number, now: number): number {
    const elapsed = now - this.#start;
    const room = this.#limit - cost - this.#current;
    if (room >= 0) return Math.max(0, this.#fadingMs(this.#previous, room) - elapsed);
    // It fits into the next window at the earliest, where what is current now is previous.
    return this.#windowMs - elapsed + this.#fadingMs(this.#current, this.#limit - cost);
  }

  /** How far into a window it is until the share of the previous one is at most `room`. */
  #fadingMs(previous: number, room: number): number {
    if (previous <= room) return 0;
    return this.#windowMs - Math.floor((room * this.#windowMs) / previous);
  }

  add(cost: number): void {
    this.#current += cost;
  }

  refund(cost: number): void {
    const fromCurrent = Math.min(cost, this.#current);
    this.#current -= fromCurrent;
    this.#previous = Math.max(0, this.#previous - (cost - fromCurrent));
  }

  remaining(now: number): number {
    const left = this.#windowMs - (now - this.#start);
    const share = Math.ceil((this.#previous * left) / this.#windowMs);
    return Math.max(0, this.#limit - this.#current - share);
  }

  resetMs(now: number): number {
    if (this.#current > 0) return this.#start + 2 * this.#windowMs - now;
    return this.#previous > 0 ? this.#start + this.#windowMs - now : 0;
  }
}
