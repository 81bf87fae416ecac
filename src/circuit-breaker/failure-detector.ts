import type { CircuitBreakerOptions } from './options.js';
import { CountWindow, TimeWindow, type OutcomeWindow, type Tally } from './outcome-window.js';

const NOTHING: Tally = { calls: 0, failures: 0, slowCalls: 0 };

/** Decides when a closed circuit opens: too many failures in a row, or too large a share of failed or slow calls. */
export class FailureDetector {
  readonly #failureThreshold: number;
  readonly #failurePercentage: number;
  readonly #slowCallMs: number;
  readonly #slowPercentage: number;
  readonly #volumeThreshold: number;
  readonly #window: OutcomeWindow | null;
  #consecutiveFailures: number;

  constructor(options: CircuitBreakerOptions, consecutiveFailures = 0) {
    const { slowCallMs = Infinity, slowCallPercentage = 50, windowCalls = Infinity } = options;
    const failurePercentage = options.errorThresholdPercentage ?? options.errorThreshold ?? Infinity;
    const countsShares = failurePercentage !== Infinity || slowCallMs !== Infinity;
    this.#failureThreshold = options.failureThreshold ?? (countsShares ? Infinity : 5);
    this.#failurePercentage = failurePercentage;
    this.#slowCallMs = slowCallMs;
    this.#slowPercentage = slowCallMs === Infinity ? Infinity : slowCallPercentage;
    // A smaller window could never be full enough for the default.
    this.#volumeThreshold = options.volumeThreshold ?? Math.min(10, windowCalls);
    this.#window = countsShares ? windowOf(options) : null;
    this.#consecutiveFailures = consecutiveFailures;
  }

  /** False where the times that `record` is given do not matter. */
  get readsClock(): boolean {
    return this.#window !== null;
  }

  /** Counts a call. @returns why the circuit must open, or `null`. */
  record(failed: boolean, durationMs: number, now: number): string | null {
    const streak = failed ? this.#consecutiveFailures + 1 : 0;
    this.#consecutiveFailures = streak;
    this.#window?.record(failed, durationMs >= this.#slowCallMs, now);
    if (streak >= this.#failureThreshold) return `${streak} ${streak === 1 ? 'failure' : 'failures'} in a row`;
    return this.#window === null ? null : this.#shareReason(this.#window, now);
  }

  tally(now: number): Tally & { readonly consecutiveFailures: number } {
    const { calls, failures, slowCalls } = this.#window?.tally(now) ?? NOTHING;
    return { consecutiveFailures: this.#consecutiveFailures, calls, failures, slowCalls };
  }

  clear(): void {
    this.#consecutiveFailures = 0;
    this.#window?.clear();
  }

  #shareReason(window: OutcomeWindow, now: number): string | null {
    const { calls, failures, slowCalls } = window.tally(now);
    if (calls < this.#volumeThreshold) return null;
    if (failures * 100 >= this.#failurePercentage * calls) return `${failures} of ${calls} calls failed`;
    if (slowCalls * 100 >= this.#slowPercentage * calls) return `${slowCalls} of ${calls} calls were slow`;
    return null;
  }
}

function windowOf({ windowMs = 10_000, windowCalls }: CircuitBreakerOptions): OutcomeWindow {
  return windowCalls === undefined ? new TimeWindow(windowMs) : new CountWindow(windowCalls);
}
