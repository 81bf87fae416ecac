/** What a circuit says of itself, and what its parts say to each other. Only types: this file costs nothing at run time. */
import type { ProbeRound } from './probe-round.js';

/**
 * - `closed`: calls pass and are counted.
 * - `open`: no call passes until the reset timeout is over.
 * - `half-open`: a few calls pass, and decide what comes next.
 * - `isolated`: no call passes until somebody calls `close()`.
 */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated';

/** One step of a circuit from a state to another. */
export interface CircuitStateChange {
  /** Name of the circuit. */
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** For people, such as `5 failures in a row`. */
  readonly reason: string;
  /** Milliseconds since 1970: for logs, no decision hangs on it. */
  readonly at: number;
}

/** A circuit at one moment, as plain JSON: for dashboards, and for `restore`. */
export interface CircuitSnapshot {
  readonly name: string;
  readonly state: CircuitState;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
  /** Calls in the window; 0 where nothing that needs a window is on. */
  readonly calls: number;
  /** Failed calls in the window. */
  readonly failures: number;
  /** Slow calls in the window, failed or not. */
  readonly slowCalls: number;
  /** Why it opened last; `null` where it never did. */
  readonly reason: string | null;
  /** Until the circuit may let a call through, in whole ms. See `CircuitBreaker.retryAfterMs`. */
  readonly retryAfterMs: number;
  /** How often a probe has opened it again since it was closed. */
  readonly reopenings: number;
}

/**
 * A stay in one state, with what only that state knows. Each stay is an object of its own, so the result of a call that
 * began in an earlier one is told by a comparison.
 */
export type CircuitPhase = ClosedPhase | OpenPhase | ProbeRound | IsolatedPhase;

export interface ClosedPhase {
  readonly name: 'closed';
}

export interface OpenPhase {
  readonly name: 'open';
  /** When a call may pass again, see `Clock.now`. */
  readonly until: number;
}

export interface IsolatedPhase {
  readonly name: 'isolated';
}
