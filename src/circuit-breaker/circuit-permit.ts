import type { AttemptResult } from '../core/attempt-result.js';
import type { CircuitPhase } from './circuit-state.js';

/** Leave for one call. Whoever holds it reports how the call ended; the first report counts, later ones do nothing. */
export interface CircuitPermit {
  /** True where the circuit is half-open and the call decides whether it closes. */
  readonly isProbe: boolean;
  /**
   * Stops the watch for slow calls: the answer has begun, and what follows goes at the pace of its reader. The result is
   * still to be reported.
   */
  answered(): void;
  success(): void;
  failure(): void;
  /** The call says nothing of the service: it was given up, or did not take place. A probe's place is free again. */
  cancel(): void;
}

/** The circuit, as its permits see it. */
export interface PermitOwner {
  onReport(permit: Permit, result: AttemptResult): void;
  /** Milliseconds of the clock, or 0 where no call counts as slow. */
  time(): number;
}

export class Permit implements CircuitPermit {
  /** In which the call began. */
  readonly phase: CircuitPhase;
  readonly startedAt: number;
  #answeredAt: number | null = null;
  /** `null` once the result is known. */
  #owner: PermitOwner | null;

  constructor(owner: PermitOwner, phase: CircuitPhase, startedAt: number) {
    this.#owner = owner;
    this.phase = phase;
    this.startedAt = startedAt;
  }

  get isProbe(): boolean {
    return this.phase.name === 'half-open';
  }

  /** How long the service took, where the call ends `now`. */
  durationMs(now: number): number {
    return (this.#answeredAt ?? now) - this.startedAt;
  }

  answered(): void {
    if (this.#owner !== null) this.#answeredAt = this.#owner.time();
  }

  success(): void {
    this.#report('success');
  }

  failure(): void {
    this.#report('failure');
  }

  cancel(): void {
    this.#report('neither');
  }

  #report(result: AttemptResult): void {
    const owner = this.#owner;
    this.#owner = null;
    owner?.onReport(this, result);
  }
}
