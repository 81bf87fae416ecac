import { systemClock, type Clock, type Timer } from '../core/clock.js';
import { compileHook } from '../core/hook.js';
import { validate } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import { withDeadline } from '../core/with-deadline.js';
import { checkFailure } from './check-failure.js';
import { httpProbe } from './http-probe.js';
import { healthCheckerSchema, type HealthCheckerOptions, type HealthProbe } from './options.js';
import { tcpProbe } from './tcp-probe.js';

/** What is known of a target. */
export interface TargetHealth {
  /** `'unknown'` until the first success, or until it has failed often enough. */
  readonly state: 'unknown' | 'healthy' | 'unhealthy';
  /** True where requests may be sent there: it is not known to be unhealthy. */
  readonly healthy: boolean;
  /** What the last failure was, for operators; `null` where it is over. */
  readonly reason: string | null;
  /** When the last check ended, in ms since 1970; `null` before that. */
  readonly lastCheckedAt: number | null;
}

/**
 * Hears of every change of a target's state, and of the reason for it. What it throws, or rejects with, becomes a warning
 * of the process, once.
 */
export type TargetHealthListener = (health: TargetHealth) => MaybePromise<void>;

/**
 * Asks one target again and again whether it is well: one check at a time, none of which outlasts `timeoutMs`.
 *
 * A target of which nothing is known counts as healthy, so that a start is no outage. The first success makes it
 * `'healthy'`; it takes `unhealthyThreshold` failures in a row to take it out, then as before, and `healthyThreshold`
 * successes in a row to bring it back.
 *
 * @example
 * const checker = new HealthChecker({ url: 'http://users:3001', path: '/health', intervalMs: 5_000 });
 * checker.onChange(({ state, reason }) => console.log(`users is ${state}: ${reason}`));
 * checker.start();
 */
export class HealthChecker {
  readonly url: string;
  readonly #probe: HealthProbe;
  readonly #intervalMs: number;
  readonly #unhealthyIntervalMs: number;
  readonly #timeoutMs: number;
  readonly #healthyThreshold: number;
  readonly #unhealthyThreshold: number;
  readonly #jitter: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #subscriptions = new Set<{ readonly listener: TargetHealthListener }>();
  readonly #runHook = compileHook('A listener of health checks');
  #state: TargetHealth['state'] = 'unknown';
  #reason: string | null = null;
  #lastCheckedAt: number | null = null;
  /** Checks in a row that speak against the state. */
  #streak = 0;
  #timer: Timer | null = null;
  /** Stops the check under way. */
  #run: AbortController | null = null;
  /** True until the probe has come to an end, which one of the user's own may do later than it should. */
  #isProbing = false;

  /** @throws {ConfigError} when an option is wrong. */
  constructor(options: HealthCheckerOptions) {
    validate('HealthChecker', options, healthCheckerSchema);
    const url = new URL(options.url);
    this.url = options.url;
    this.#probe = options.probe ?? (options.type === 'tcp' ? tcpProbe : httpProbe)(url, options);
    this.#intervalMs = options.intervalMs ?? 10_000;
    this.#unhealthyIntervalMs = options.unhealthyIntervalMs ?? 5_000;
    this.#timeoutMs = options.timeoutMs ?? 2_000;
    this.#healthyThreshold = options.healthyThreshold ?? 2;
    this.#unhealthyThreshold = options.unhealthyThreshold ?? 3;
    this.#jitter = options.jitter ?? 0.1;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  get state(): TargetHealth['state'] {
    return this.#state;
  }

  get reason(): string | null {
    return this.#reason;
  }

  get lastCheckedAt(): number | null {
    return this.#lastCheckedAt;
  }

  snapshot(): TargetHealth {
    const { state, reason, lastCheckedAt } = this;
    return { state, healthy: state !== 'unhealthy', reason, lastCheckedAt };
  }

  /** Calls `listener` with every change. @returns what ends that. */
  onChange(listener: TargetHealthListener): () => void {
    const subscription = { listener };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
    };
  }

  /** Begins to check, at once but for the random part of an interval. Does nothing where it has begun. */
  start(): void {
    if (this.#timer === null && this.#run === null) this.#wait(this.#randomPart());
  }

  /** Stops, and with it the check under way, which then says nothing. `start` goes on with what is known. */
  close(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    this.#run?.abort();
    this.#run = null;
  }

  #wait(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => void this.#check(), delayMs);
  }

  async #check(): Promise<void> {
    this.#timer = null;
    const run = (this.#run = new AbortController());
    const failure = this.#isProbing ? 'the last check has not come to an end' : await this.#failureOf(run);
    if (this.#run !== run) return;
    this.#record(failure);
    // A listener may have closed the checker.
    if (this.#run !== run) return;
    this.#run = null;
    this.#wait(this.#interval + this.#randomPart());
  }

  /** Runs the probe. @returns what is wrong with the target, or `null`. */
  async #failureOf(run: AbortController): Promise<string | null> {
    try {
      await withDeadline(this.#runProbe(run.signal), this.#timeoutMs, this.#clock);
      return null;
    } catch (error) {
      run.abort();
      return checkFailure(error);
    }
  }

  async #runProbe(signal: AbortSignal): Promise<void> {
    this.#isProbing = true;
    try {
      await this.#probe(signal);
    } finally {
      this.#isProbing = false;
    }
  }

  #record(failure: string | null): void {
    const [state, reason] = [this.#state, this.#reason];
    this.#lastCheckedAt = this.#clock.wall();
    this.#state = this.#nextState(failure === null);
    if (failure !== null || this.#state !== 'unhealthy') this.#reason = failure;
    if (this.#state !== state || this.#reason !== reason) this.#tell();
  }

  #nextState(passed: boolean): TargetHealth['state'] {
    const isDown = this.#state === 'unhealthy';
    if (passed !== isDown) {
      this.#streak = 0;
      return passed ? 'healthy' : this.#state;
    }
    this.#streak++;
    if (this.#streak < (passed ? this.#healthyThreshold : this.#unhealthyThreshold)) return this.#state;
    this.#streak = 0;
    return passed ? 'healthy' : 'unhealthy';
  }

  #tell(): void {
    const health = this.snapshot();
    for (const { listener } of this.#subscriptions) this.#runHook(() => listener(health));
  }

  get #interval(): number {
    return this.#state === 'unhealthy' ? this.#unhealthyIntervalMs : this.#intervalMs;
  }

  #randomPart(): number {
    return this.#interval * this.#jitter * this.#random();
  }
}
