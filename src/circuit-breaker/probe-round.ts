import type { AttemptResult } from '../core/attempt-result.js';
import type { Permit } from './circuit-permit.js';

export interface ProbeSettings {
  /** Calls that are let through. */
  readonly probes: number;
  /** Successes that close the circuit. */
  readonly successes: number;
  /** After which a probe's place is free again, in ms. */
  readonly timeoutMs: number;
}

/** A half-open circuit: the calls that it lets through, and what they decide. */
export class ProbeRound {
  readonly name = 'half-open' as const;
  readonly #settings: ProbeSettings;
  /** In the order of their beginnings. */
  readonly #pending = new Set<Permit>();
  #successes = 0;
  #failures = 0;

  constructor(settings: ProbeSettings) {
    this.#settings = settings;
  }

  /** True where one more call may pass. The oldest probe gives way when its time is over: nobody waits for a hung one. */
  hasPlace(now: number): boolean {
    if (this.#successes + this.#failures + this.#pending.size < this.#settings.probes) return true;
    const [oldest] = this.#pending;
    if (oldest === undefined || !this.#isLate(oldest, now)) return false;
    this.#pending.delete(oldest);
    return true;
  }

  add(permit: Permit): void {
    this.#pending.add(permit);
  }

  /** Counts a probe. @returns whether the quorum is met, or can no longer be met; `null` while it is open. */
  record(permit: Permit, result: AttemptResult, now: number): 'met' | 'missed' | null {
    this.#pending.delete(permit);
    if (this.#isLate(permit, now)) return null;
    if (result === 'success') this.#successes++;
    if (result === 'failure') this.#failures++;
    const { probes, successes } = this.#settings;
    if (this.#successes >= successes) return 'met';
    return this.#failures > probes - successes ? 'missed' : null;
  }

  toString(): string {
    const { probes } = this.#settings;
    return `${this.#successes} of ${probes} ${probes === 1 ? 'probe' : 'probes'} succeeded, ${this.#failures} failed`;
  }

  #isLate({ startedAt }: Permit, now: number): boolean {
    return now - startedAt >= this.#settings.timeoutMs;
  }
}
