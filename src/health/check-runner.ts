import type { Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { withDeadline } from '../core/with-deadline.js';
import { findingOf, findingOfError, type CheckFinding } from './check-finding.js';
import type { HealthCheck, HealthCheckFunction } from './options.js';
import type { HealthCheckReport } from './report.js';

/**
 * One check: runs when it is asked for and due, never twice at once, and keeps what came of it. A run beyond its time
 * limit has failed, and still is the one run until it comes to an end.
 */
export class CheckRunner {
  readonly isCritical: boolean;
  readonly #check: HealthCheckFunction;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  readonly #clock: Clock;
  #report: HealthCheckReport;
  #dueAt = -Infinity;
  /** Stops the run under way. */
  #running: AbortController | null = null;
  /** For those who wait for the run under way; `null` once its time is up. */
  #waiting: Promise<void> | null = null;

  constructor(given: HealthCheck, clock: Clock) {
    const { check, timeoutMs = 2_000, cacheMs = 5_000, critical = false } = optionsOf(given);
    this.isCritical = critical;
    this.#check = check;
    this.#timeoutMs = timeoutMs;
    this.#cacheMs = cacheMs;
    this.#clock = clock;
    this.#report = { status: 'unknown', critical, message: null, checkedAt: null, durationMs: null };
  }

  /** What is known now. */
  get report(): HealthCheckReport {
    return this.#report;
  }

  /** Starts a run where one is due. The promise, which never rejects, is over when {@link report} is up to date. */
  refresh(): Promise<void> | null {
    if (this.#running === null && this.#clock.now() >= this.#dueAt) this.#start();
    return this.#waiting;
  }

  /** Stops the run under way, and lets go of those who wait for it. */
  close(): void {
    this.#running?.abort(new Error('health was closed'));
  }

  #start(): void {
    const startedAt = this.#clock.now();
    const run = new AbortController();
    // Before the call: a check that asks for health itself must not start itself again.
    this.#running = run;
    try {
      const outcome: unknown = this.#check(run.signal);
      if (isThenable(outcome)) this.#waiting = this.#follow(Promise.resolve(outcome), run, startedAt);
      else this.#keep(findingOf(outcome), startedAt);
    } catch (error) {
      this.#keep(findingOfError(error), startedAt);
    }
    if (this.#waiting === null) this.#running = null;
  }

  async #follow(outcome: Promise<unknown>, run: AbortController, startedAt: number): Promise<void> {
    const end = (): void => {
      this.#running = null;
    };
    outcome.then(end, end);
    try {
      const value = await withDeadline(untilAborted(outcome, run.signal), this.#timeoutMs, this.#clock);
      this.#keep(findingOf(value), startedAt);
    } catch (error) {
      // What was stopped has found nothing.
      if (!run.signal.aborted) this.#keep(findingOfError(error), startedAt);
      run.abort(error);
    } finally {
      this.#waiting = null;
    }
  }

  #keep({ healthy, message }: CheckFinding, startedAt: number): void {
    const now = this.#clock.now();
    this.#dueAt = now + this.#cacheMs;
    this.#report = {
      status: healthy ? 'up' : 'down',
      critical: this.isCritical,
      message,
      checkedAt: isoTime(this.#clock.wall()),
      durationMs: Math.round(now - startedAt),
    };
  }
}

function optionsOf(given: HealthCheck): Exclude<HealthCheck, HealthCheckFunction> {
  return typeof given === 'function' ? { check: given } : given;
}

/** Query builders are no promises, and can be awaited. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function untilAborted<Value>(reply: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    reply.then(resolve, reject);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
