import type { AttemptResult } from '../core/attempt-result.js';
import { systemClock, type Clock } from '../core/clock.js';
import { validate } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import { warn } from '../core/warn.js';
import { abortable } from './abortable.js';
import { circuitOpenError } from './circuit-open-error.js';
import { Permit, type CircuitPermit, type PermitOwner } from './circuit-permit.js';
import type { CircuitPhase, CircuitSnapshot, CircuitState, CircuitStateChange, OpenPhase } from './circuit-state.js';
import { FailureDetector } from './failure-detector.js';
import { breakerSchema, type CircuitBreakerOptions, type CircuitStateListener } from './options.js';
import { ProbeRound, type ProbeSettings } from './probe-round.js';

export interface ExecuteOptions {
  /** Ends the call at once, with the signal's reason; it then counts neither as a success nor as a failure. */
  signal?: AbortSignal | undefined;
}

/**
 * Stops calling what keeps failing. It is closed while calls succeed; opens when too many fail, and then nobody waits
 * for the failing service; after `resetTimeout` it is half-open and lets a few probes through, whose results close it or
 * open it again. The result of a call that began before the last change of state does not count.
 *
 * Nothing runs in the background: states and windows move on when they are used.
 *
 * @example
 * const breaker = new CircuitBreaker({ name: 'users', errorThresholdPercentage: 50, timeoutMs: 3_000 });
 * const user = await breaker.execute((signal) => fetch('http://users:3001/42', { signal: signal ?? null }));
 */
export class CircuitBreaker {
  readonly name: string;
  readonly #clock: Clock;
  readonly #detector: FailureDetector;
  readonly #resetTimeout: number;
  readonly #resetTimeoutFactor: number;
  readonly #maxResetTimeout: number;
  readonly #probeSettings: ProbeSettings;
  readonly #timeoutMs: number;
  readonly #isFailure: ((error: unknown) => boolean) | undefined;
  readonly #isFailedResult: ((result: unknown) => boolean) | undefined;
  readonly #listeners = new Set<CircuitStateListener>();
  readonly #permitOwner: PermitOwner;
  #phase: CircuitPhase;
  #reopenings: number;
  #reason: string | null;

  /** @throws {ConfigError} when an option is wrong. */
  constructor(options: CircuitBreakerOptions = {}) {
    validate('CircuitBreaker', options, breakerSchema);
    const { clock = systemClock, resetTimeout = 30_000, halfOpenProbes = 1, onStateChange, restore } = options;
    const { halfOpenSuccesses = halfOpenProbes, probeTimeoutMs = 30_000 } = options;
    this.name = options.name ?? 'circuit';
    this.#clock = clock;
    this.#detector = new FailureDetector(options, restore?.consecutiveFailures);
    this.#resetTimeout = resetTimeout;
    this.#resetTimeoutFactor = options.resetTimeoutFactor ?? 1;
    this.#maxResetTimeout = options.maxResetTimeout ?? Math.max(300_000, resetTimeout);
    this.#probeSettings = { probes: halfOpenProbes, successes: halfOpenSuccesses, timeoutMs: probeTimeoutMs };
    this.#timeoutMs = options.timeoutMs ?? options.timeout ?? Infinity;
    this.#isFailure = options.isFailure;
    this.#isFailedResult = options.isFailedResult;
    if (onStateChange !== undefined) this.#listeners.add(onStateChange);
    this.#permitOwner = {
      onReport: (permit, result) => {
        this.#onReport(permit, result);
      },
      time: options.slowCallMs === undefined ? () => 0 : () => clock.now(),
    };
    this.#phase = this.#restoredPhase(restore);
    this.#reopenings = restore?.reopenings ?? 0;
    this.#reason = restore?.reason ?? null;
  }

  /** The state that the next call meets: an open circuit is `half-open` once its reset timeout is over. */
  get state(): CircuitState {
    const phase = this.#phase;
    return phase.name === 'open' && this.#isDue(phase) ? 'half-open' : phase.name;
  }

  /**
   * Until the circuit may let a call through, in whole ms: the rest of the reset timeout while it is open, a whole one
   * while it is isolated, which nobody knows the end of. 0 where it is closed or half-open.
   */
  get retryAfterMs(): number {
    const phase = this.#phase;
    if (phase.name === 'open') return Math.max(0, Math.ceil(phase.until - this.#clock.now()));
    return phase.name === 'isolated' ? this.#resetTimeout : 0;
  }

  /** Leave for one call, whose result must be reported to it; `null` where no call may pass. Nothing is thrown. */
  acquire(): CircuitPermit | null {
    const phase = this.#phase;
    if (phase.name === 'closed') return new Permit(this.#permitOwner, phase, this.#permitOwner.time());
    if (phase.name === 'isolated') return null;
    if (phase.name === 'open') {
      if (!this.#isDue(phase)) return null;
      this.#enter(new ProbeRound(this.#probeSettings), 'the reset timeout is over');
      return this.acquire();
    }
    const now = this.#clock.now();
    if (!phase.hasPlace(now)) return null;
    const permit = new Permit(this.#permitOwner, phase, now);
    phase.add(permit);
    return permit;
  }

  /**
   * Calls `fn` where the circuit lets it pass, and counts how it ends.
   *
   * @param fn Gets a signal that is aborted at the deadline and by the caller, or nothing where there is neither.
   * @throws {CircuitOpenError} when no call may pass.
   * @throws {GatewayError} `ERR_GATEWAY_TOTAL_TIMEOUT` when `timeoutMs` has passed; the call is then a failure.
   */
  async execute<Result>(
    fn: (signal: AbortSignal | undefined) => MaybePromise<Result>,
    { signal }: ExecuteOptions = {},
  ): Promise<Result> {
    signal?.throwIfAborted();
    const permit = this.acquire();
    if (permit === null) throw circuitOpenError(this.name, this.retryAfterMs);
    try {
      const isBounded = signal !== undefined || this.#timeoutMs !== Infinity;
      const result = await (isBounded ? this.#executeBounded(fn, permit, signal) : fn(undefined));
      if (this.#isFailedResult?.(result) === true) permit.failure();
      else permit.success();
      return result;
    } catch (error) {
      if (this.#isFailure === undefined || this.#isFailure(error) === true) permit.failure();
      else permit.success();
      throw error;
    } finally {
      // After a report this does nothing; it frees the place of a call whose `isFailure` has thrown.
      permit.cancel();
    }
  }

  /** Opens the circuit for its reset timeout. One that is isolated stays so. */
  open(): void {
    if (this.#phase.name !== 'isolated') this.#open('opened by hand');
  }

  /** Closes the circuit and forgets what was counted. */
  close(): void {
    this.#close('closed by hand');
  }

  /** Lets no call through until `close()`. */
  isolate(): void {
    this.#enter({ name: 'isolated' }, 'isolated by hand');
  }

  /** Calls `listener` with every step from a state to another. @returns what ends that. */
  onStateChange(listener: CircuitStateListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  snapshot(): CircuitSnapshot {
    const { name, state, retryAfterMs } = this;
    const tally = this.#detector.tally(this.#clock.now());
    return { name, state, ...tally, reason: this.#reason, retryAfterMs, reopenings: this.#reopenings };
  }

  #executeBounded<Result>(
    fn: (signal: AbortSignal | undefined) => MaybePromise<Result>,
    permit: CircuitPermit,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    return abortable(fn, { permit, name: this.name, timeoutMs: this.#timeoutMs, signal, clock: this.#clock });
  }

  #onReport(permit: Permit, result: AttemptResult): void {
    const phase = this.#phase;
    if (permit.phase !== phase) return;
    if (phase.name === 'half-open') this.#onProbe(phase, permit, result);
    else if (result !== 'neither') this.#onCall(permit, result === 'failure');
  }

  #onCall(permit: Permit, failed: boolean): void {
    const now = this.#detector.readsClock ? this.#clock.now() : 0;
    const reason = this.#detector.record(failed, permit.durationMs(now), now);
    if (reason !== null) this.#open(reason);
  }

  #onProbe(round: ProbeRound, permit: Permit, result: AttemptResult): void {
    const verdict = round.record(permit, result, this.#clock.now());
    if (verdict === 'met') this.#close(round.toString());
    if (verdict === 'missed') {
      this.#reopenings++;
      this.#open(round.toString());
    }
  }

  #open(reason: string): void {
    const grown = this.#resetTimeout * this.#resetTimeoutFactor ** this.#reopenings;
    this.#reason = reason;
    this.#enter({ name: 'open', until: this.#clock.now() + Math.min(grown, this.#maxResetTimeout) }, reason);
  }

  #close(reason: string): void {
    this.#detector.clear();
    this.#reopenings = 0;
    this.#enter({ name: 'closed' }, reason);
  }

  #enter(phase: CircuitPhase, reason: string): void {
    const from = this.#phase.name;
    this.#phase = phase;
    if (phase.name === from) return;
    const change = { name: this.name, from, to: phase.name, reason, at: this.#clock.wall() };
    for (const listener of [...this.#listeners]) void tell(listener, change);
  }

  #isDue({ until }: OpenPhase): boolean {
    return this.#clock.now() >= until;
  }

  #restoredPhase({ state = 'closed', retryAfterMs = 0 }: Partial<CircuitSnapshot> = {}): CircuitPhase {
    if (state === 'half-open') return new ProbeRound(this.#probeSettings);
    return state === 'open' ? { name: state, until: this.#clock.now() + retryAfterMs } : { name: state };
  }
}

/** Whatever a listener does, the circuit goes on. */
async function tell(listener: CircuitStateListener, change: CircuitStateChange): Promise<void> {
  try {
    await listener(change);
  } catch (error) {
    const message = `a listener of circuit '${change.name}' failed when it was told ${change.to}: ${String(error)}`;
    warn('ERR_GATEWAY_CIRCUIT_LISTENER', message);
  }
}
