/** The latest calls, counted: those of a span of time, or a number of them. */

export interface Tally {
  readonly calls: number;
  readonly failures: number;
  readonly slowCalls: number;
}

export interface OutcomeWindow {
  record(failed: boolean, slow: boolean, now: number): void;
  /** The totals of what is still in the window; valid until the next call of a method. */
  tally(now: number): Tally;
  clear(): void;
}

const BUCKETS = 10;

/**
 * The calls of the last `windowMs`, in ten buckets. The oldest bucket leaves as a whole, so the window reaches back for
 * nine to ten tenths of its length. It rotates when it is used: an idle circuit costs no timer.
 */
export class TimeWindow implements OutcomeWindow {
  readonly #bucketMs: number;
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Counts());
  readonly #total = new Counts();
  /** Number of the bucket that counts now, from the start of the clock. */
  #current = -Infinity;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  record(failed: boolean, slow: boolean, now: number): void {
    this.#rotate(now);
    this.#bucket(this.#current).add(failed, slow);
    this.#total.add(failed, slow);
  }

  tally(now: number): Tally {
    this.#rotate(now);
    return this.#total;
  }

  clear(): void {
    for (const bucket of this.#buckets) bucket.clear();
    this.#total.clear();
  }

  #rotate(now: number): void {
    const current = Math.floor(now / this.#bucketMs);
    const passed = Math.min(current - this.#current, BUCKETS);
    if (passed <= 0) return;
    for (let age = 0; age < passed; age++) {
      const bucket = this.#bucket(current - age);
      this.#total.subtract(bucket);
      bucket.clear();
    }
    this.#current = current;
  }

  #bucket(number: number): Counts {
    return this.#buckets[((number % BUCKETS) + BUCKETS) % BUCKETS] as Counts;
  }
}

const FAILED = 1;
const SLOW = 2;

/** The last `size` calls, as a ring of flags. */
export class CountWindow implements OutcomeWindow {
  readonly #ring: Uint8Array;
  readonly #total = new Counts();
  #next = 0;

  constructor(size: number) {
    this.#ring = new Uint8Array(size);
  }

  record(failed: boolean, slow: boolean): void {
    const ring = this.#ring;
    if (this.#total.calls === ring.length) {
      const oldest = ring[this.#next] as number;
      this.#total.remove((oldest & FAILED) !== 0, (oldest & SLOW) !== 0);
    }
    ring[this.#next] = (failed ? FAILED : 0) | (slow ? SLOW : 0);
    this.#next = (this.#next + 1) % ring.length;
    this.#total.add(failed, slow);
  }

  tally(): Tally {
    return this.#total;
  }

  clear(): void {
    this.#total.clear();
  }
}

class Counts implements Tally {
  calls = 0;
  failures = 0;
  slowCalls = 0;

  add(failed: boolean, slow: boolean): void {
    this.calls++;
    if (failed) this.failures++;
    if (slow) this.slowCalls++;
  }

  remove(failed: boolean, slow: boolean): void {
    this.calls--;
    if (failed) this.failures--;
    if (slow) this.slowCalls--;
  }

  subtract({ calls, failures, slowCalls }: Tally): void {
    this.calls -= calls;
    this.failures -= failures;
    this.slowCalls -= slowCalls;
  }

  clear(): void {
    this.calls = this.failures = this.slowCalls = 0;
  }
}
