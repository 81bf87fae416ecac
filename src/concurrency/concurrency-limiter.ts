import { systemClock } from '../core/clock.js';
import { object, validate } from '../core/options.js';
import { concurrencyLimiterFields, type ConcurrencyLimiterOptions } from './options.js';
import { WaitQueue } from './wait-queue.js';

/** A wait for a slot. */
export interface Waiting {
  /** `true` when there is a slot, which is then to be left; `false` when the time is up, or after `giveUp`. */
  readonly entered: Promise<boolean>;
  /** Stops waiting and frees the place in the queue at once. Does nothing when the wait is over. */
  giveUp(): void;
}

/**
 * A bulkhead: lets `limit` in at the same time, and keeps a bounded queue of those who may wait for a slot. One slow
 * service then holds so many requests and no more.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const limiter = new ConcurrencyLimiter({ limit: 10, maxQueue: 50 });
 * const entry = limiter.enter();
 * if (typeof entry === 'boolean' ? entry : await entry.entered) {
 *   try {
 *     await work();
 *   } finally {
 *     limiter.leave();
 *   }
 * }
 */
export class ConcurrencyLimiter {
  /** Slots that there are. */
  readonly limit: number;
  readonly #queue: WaitQueue;
  #inFlight = 0;

  constructor(options: ConcurrencyLimiterOptions) {
    validate('ConcurrencyLimiter', options, object(concurrencyLimiterFields, { required: ['limit'] }));
    const { limit, maxQueue = 0, queueTimeoutMs = 1_000, clock = systemClock } = options;
    this.limit = limit;
    this.#queue = new WaitQueue(maxQueue, queueTimeoutMs, clock);
  }

  /** Slots that are taken. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Waits that are not over. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Takes a slot where one is free. Nobody is overtaken: while somebody waits, none is. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.limit) return false;
    this.#inFlight++;
    return true;
  }

  /** Takes a slot, or a place in the queue; `false` where both are full. */
  enter(): boolean | Waiting {
    return this.tryEnter() || (this.#queue.add() ?? false);
  }

  /** Gives a slot back, once for each that was taken: to the first in the queue, where there is one. */
  leave(): void {
    if (this.#inFlight > 0 && !this.#queue.admitFirst()) this.#inFlight--;
  }
}
