import type { RateLimitWindow } from '../types.js';
import type { WindowCount } from './window-count.js';

/**
 * Two counters. `elapsed` ms into the current window, the last `windowMs` still reach over `windowMs - elapsed` ms of the
 * previous one, so that share of it counts, until its last call is `windowMs` old. To stay whole, shares are compared in
 * calls times ms.
 */
export class SlidingWindow implements WindowCount {
  readonly #limit: number;
  readonly #windowMs: number;
  #start = 0;
  #current = 0;
  /** When the last of the current calls came. */
  #last = 0;
  #previous = 0;
  #previousLast = 0;

  constructor({ limit, windowMs }: RateLimitWindow) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  advance(now: number): void {
    if (this.#start > now) this.#start = now;
    if (this.#last > now) this.#last = now;
    if (this.#previousLast > now) this.#previousLast = now;
    if (now - this.#start >= this.#windowMs) {
      this.#previous = this.#current;
      this.#previousLast = this.#last;
      this.#current = 0;
      this.#start += this.#windowMs;
    }
    if (now - this.#previousLast >= this.#windowMs) this.#previous = 0;
    if (this.#current === 0 && this.#previous === 0) this.#start = now;
  }

  waitMs(cost: number, now: number): number {
    this.advance(now);
    const elapsed = now - this.#start;
    const room = this.#limit - cost - this.#current;
    if (room >= 0) return Math.max(0, this.#fadingMs(this.#previous, this.#previousLast, room) - elapsed);
    // It fits into the next window at the earliest, where what is current now is previous.
    const next = this.#fadingMs(this.#current, this.#last - this.#windowMs, this.#limit - cost);
    return this.#windowMs - elapsed + next;
  }

  /** How far into a window it is until the share of the one before, whose last call came at `last`, is at most `room`. */
  #fadingMs(previous: number, last: number, room: number): number {
    if (previous <= room) return 0;
    const fadedMs = this.#windowMs - Math.floor((room * this.#windowMs) / previous);
    return Math.min(fadedMs, last + this.#windowMs - this.#start);
  }

  add(cost: number, now: number): void {
    this.#current += cost;
    this.#last = now;
  }

  refund(cost: number): void {
    const fromCurrent = Math.min(cost, this.#current);
    this.#current -= fromCurrent;
    this.#previous = Math.max(0, this.#previous - (cost - fromCurrent));
  }

  remaining(now: number): number {
    const left = this.#limit - this.#current;
    if (this.#previous === 0) return left;
    const share = (this.#previous * (this.#windowMs - (now - this.#start))) / this.#windowMs;
    return Math.max(0, left - Math.ceil(share));
  }

  resetMs(now: number): number {
    if (this.#current > 0) return this.#last + this.#windowMs - now;
    return this.#previous > 0 ? this.#previousLast + this.#windowMs - now : 0;
  }
}
