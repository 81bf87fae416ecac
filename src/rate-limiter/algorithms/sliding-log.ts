import type { RateLimitWindow } from '../types.js';
import type { WindowCount } from './window-count.js';

/** Times that count no more are cut off when there are this many and when they are half of the list. */
const FORGET_FROM = 16;

/** The time of every call that counts, oldest first; a call that costs n is there n times. */
export class SlidingLog implements WindowCount {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #times: number[] = [];
  /** Index of the oldest time that counts; those before it are cut off now and then. */
  #oldest = 0;

  constructor({ limit, windowMs }: RateLimitWindow) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  advance(now: number): void {
    const times = this.#times;
    for (let i = times.length - 1; i >= this.#oldest && (times[i] as number) > now; i--) times[i] = now;
    while (this.#oldest < times.length && now - (times[this.#oldest] as number) >= this.#windowMs) this.#oldest++;
    if (this.#oldest >= FORGET_FROM && this.#oldest >= times.length / 2) {
      times.copyWithin(0, this.#oldest);
      times.length -= this.#oldest;
      this.#oldest = 0;
    }
  }

  waitMs(cost: number, now: number): number {
    this.advance(now);
    const excess = this.#count + cost - this.#limit;
    return excess <= 0 ? 0 : this.#leavesInMs(this.#oldest + excess - 1, now);
  }

  add(cost: number, now: number): void {
    for (let i = 0; i < cost; i++) this.#times.push(now);
  }

  refund(cost: number): void {
    this.#times.length -= Math.min(cost, this.#count);
  }

  remaining(): number {
    return this.#limit - this.#count;
  }

  resetMs(now: number): number {
    return this.#count === 0 ? 0 : this.#leavesInMs(this.#times.length - 1, now);
  }

  get #count(): number {
    return this.#times.length - this.#oldest;
  }

  #leavesInMs(index: number, now: number): number {
    return (this.#times[index] as number) + this.#windowMs - now;
  }
}
