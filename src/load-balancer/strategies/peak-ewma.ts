/** What a failure counts as in ms, so that a target which fails fast is not taken for a fast one. */
const FAILURE_MS = 1_000;
const MAX_FAILURE_MS = 60_000;

/**
 * A latency that rises at once and falls slowly: an average that is weighted by age, and that a slower call replaces.
 * Without calls it falls to 0, so that a target which was slow is tried again.
 */
export class PeakEwma {
  readonly #decayMs: number;
  #value = 0;
  #at = NaN;

  /** @param decayMs After so long, a call counts for a third. */
  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  /** False until the first call has ended. */
  get isMeasured(): boolean {
    return !Number.isNaN(this.#at);
  }

  /** As it was when the last call ended, in ms. */
  get value(): number {
    return this.#value;
  }

  /** In ms. */
  valueAt(now: number): number {
    return this.isMeasured ? this.#value * this.#kept(now) : 0;
  }

  add(durationMs: number, now: number): void {
    const kept = this.isMeasured ? this.#kept(now) : 0;
    this.#value = Math.max(durationMs, this.#value * kept + durationMs * (1 - kept));
    this.#at = now;
  }

  /** A call that was given up took at least so long: it can only raise the latency. */
  addAtLeast(durationMs: number, now: number): void {
    if (this.isMeasured && durationMs > this.valueAt(now)) this.add(durationMs, now);
  }

  /** Counts as a second, or as twice the latency where that is more: a target that goes on failing is asked less and less. */
  addFailure(durationMs: number, now: number): void {
    const penaltyMs = Math.min(MAX_FAILURE_MS, Math.max(FAILURE_MS, 2 * this.valueAt(now)));
    this.add(Math.max(durationMs, penaltyMs), now);
  }

  #kept(now: number): number {
    return Math.exp((this.#at - now) / this.#decayMs);
  }
}
