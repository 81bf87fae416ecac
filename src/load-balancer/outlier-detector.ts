import type { AttemptResult } from '../core/attempt-result.js';
import type { Clock } from '../core/clock.js';
import { validate } from '../core/options.js';
import { isOut } from '../core/upstream-report.js';
import type { BalancerTarget } from './balancer-target.js';
import { outlierSchema, type OutlierOptions } from './outlier-options.js';

/** What is watched: a `LoadBalancer` is one. */
export interface OutlierSubject {
  readonly targets: readonly BalancerTarget[];
  readonly clock: Clock;
}

/** Latencies are compared where so many targets have one: of two, neither is the odd one. */
const MIN_COMPARED = 3;

/** A target that goes out stays out for so long, whatever happens to the others. */
const MIN_OUT_MS = 1_000;

/**
 * Passive health: leaves out targets whose calls fail, or take much longer than those of the others, for a time that
 * grows while they do not recover. It learns from the calls that are made anyway, and needs no timer. A call that says
 * nothing of its target (the client left, the gateway itself refused) is not counted, nor one that ends while its target
 * is out.
 *
 * `loadBalance()` makes one; beside a `LoadBalancer` of your own, hand it the results.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const balancer = new LoadBalancer({ targets: ['http://a:3001', 'http://b:3001'] });
 * const detector = new OutlierDetector(balancer, { consecutiveFailures: 3 });
 * balancer.onResult = detector.onResult;
 */
export class OutlierDetector {
  readonly #subject: OutlierSubject;
  readonly #consecutiveFailures: number;
  readonly #failureRatio: number;
  readonly #minRequests: number;
  readonly #intervalMs: number;
  readonly #latencyFactor: number;
  readonly #ejectMs: number;
  readonly #maxEjectMs: number;
  readonly #maxEjectedShare: number;
  /** What is known of a target goes with it. */
  readonly #records = new WeakMap<BalancerTarget, TargetRecord>();
  /** Number of the interval that counts now, from the start of the clock. */
  #interval = -1;

  constructor(subject: OutlierSubject, options: OutlierOptions = {}) {
    validate('OutlierDetector', options, outlierSchema);
    const { consecutiveFailures = 5, failureRatio = 0.5, minRequests = 20, intervalMs = 10_000 } = options;
    const {
      latencyFactor = 0,
      ejectMs = 30_000,
      maxEjectMs = Math.max(300_000, ejectMs),
      maxEjectedShare = 0.5,
    } = options;
    this.#subject = subject;
    this.#consecutiveFailures = consecutiveFailures || Infinity;
    this.#failureRatio = failureRatio || Infinity;
    this.#minRequests = minRequests;
    this.#intervalMs = intervalMs;
    this.#latencyFactor = latencyFactor || Infinity;
    this.#ejectMs = ejectMs;
    this.#maxEjectMs = maxEjectMs;
    this.#maxEjectedShare = maxEjectedShare;
  }

  /**
   * Counts a call that has ended, and ejects its target where that is too much. Needs no `this`.
   *
   * @param durationMs Until the head of its answer.
   * @param failure Why it failed, in a word for the operator.
   */
  readonly onResult = (
    target: BalancerTarget,
    result: AttemptResult,
    durationMs: number,
    failure: string | null = null,
  ): void => {
    const now = this.#subject.clock.now();
    if (result === 'neither' || isOut(target.stateAt(now))) return;
    const interval = Math.floor(now / this.#intervalMs);
    if (interval !== this.#interval) this.#begin(interval, now);
    const record = this.#recordOf(target);
    record.add(result, durationMs, failure, interval);
    const reason = this.#reasonFor(record);
    if (reason !== null) this.#eject(target, record, reason, now);
  };

  #recordOf(target: BalancerTarget): TargetRecord {
    let record = this.#records.get(target);
    if (record === undefined) this.#records.set(target, (record = new TargetRecord()));
    return record;
  }

  #reasonFor({ streak, calls, failures, lastFailure }: TargetRecord): string | null {
    if (streak >= this.#consecutiveFailures)
      return `${streak} ${streak === 1 ? 'failure' : 'failures'} in a row, the last ${lastFailure}`;
    if (calls >= this.#minRequests && failures >= this.#failureRatio * calls)
      return `${failures} of ${calls} calls failed, the last ${lastFailure}`;
    return null;
  }

  /** An interval begins: the latencies of the one before can be compared. What is older says nothing of now. */
  #begin(interval: number, now: number): void {
    const ended = this.#interval;
    this.#interval = interval;
    if (this.#latencyFactor !== Infinity && ended === interval - 1) this.#compareLatencies(ended, now);
  }

  #compareLatencies(interval: number, now: number): void {
    const compared = this.#subject.targets
      .map((target) => ({ target, record: this.#recordOf(target) }))
      .filter(({ target, record }) => record.successesIn(interval) >= this.#minRequests && !isOut(target.stateAt(now)))
      .sort((a, b) => b.record.meanMs - a.record.meanMs);
    if (compared.length < MIN_COMPARED) return;
    const medianMs = compared[compared.length >> 1]?.record.meanMs ?? 0;
    // The slowest first: there may not be room for all.
    for (const { target, record } of compared) {
      const { meanMs } = record;
      if (meanMs <= this.#latencyFactor * medianMs) return;
      const reason = `its answers took ${meanMs.toFixed(1)} ms on average, and ${medianMs.toFixed(1)} ms is the median`;
      this.#eject(target, record, reason, now);
    }
  }

  #eject(target: BalancerTarget, record: TargetRecord, reason: string, now: number): void {
    if (!this.#mayEject(target, now)) return;
    const intervalsIn = Math.max(0, Math.floor((now - record.backAt) / this.#intervalMs));
    const most = Math.ceil(this.#maxEjectMs / this.#ejectMs);
    record.ejections = Math.min(most, Math.max(0, record.ejections - intervalsIn) + 1);
    const forMs = Math.min(this.#maxEjectMs, this.#ejectMs * record.ejections);
    record.backAt = now + forMs;
    record.ejectedAt = now;
    record.clear();
    target.eject(forMs, reason);
  }

  /**
   * False where too many are out already, and for a target that has left. Where every place is taken, the one that has
   * been out for longest comes back to make room: it may be well again, and this one is not.
   */
  #mayEject(target: BalancerTarget, now: number): boolean {
    const { targets } = this.#subject;
    if (targets.length < 2 || this.#maxEjectedShare === 0 || !targets.includes(target)) return false;
    const most = Math.max(1, Math.floor(targets.length * this.#maxEjectedShare));
    const ejected = targets.filter((other) => other.stateAt(now) === 'ejected');
    if (ejected.length < most) return true;
    const outSince = (other: BalancerTarget): number => this.#recordOf(other).ejectedAt;
    const first = ejected.reduce((a, b) => (outSince(b) < outSince(a) ? b : a));
    if (now - outSince(first) < MIN_OUT_MS) return false;
    this.#recordOf(first).backAt = now;
    first.readmit();
    return true;
  }
}

/** What is known of one target: its results in the interval, and its ejections. */
class TargetRecord {
  calls = 0;
  failures = 0;
  /** Failures in a row, whatever the interval. */
  streak = 0;
  lastFailure = 'an error';
  /** Ejections that are not forgotten yet. */
  ejections = 0;
  /** Start and end of the last one. */
  ejectedAt = -Infinity;
  backAt = -Infinity;
  #interval = -1;
  /** Of all successes in the interval. */
  #durationMs = 0;

  add(result: AttemptResult, durationMs: number, failure: string | null, interval: number): void {
    if (interval !== this.#interval) this.#begin(interval);
    this.calls++;
    if (result === 'success') {
      this.streak = 0;
      this.#durationMs += durationMs;
    } else {
      this.streak++;
      this.failures++;
      this.lastFailure = failure ?? 'an error';
    }
  }

  successesIn(interval: number): number {
    return interval === this.#interval ? this.calls - this.failures : 0;
  }

  /** Until the head of an answer, of all successes in the interval. */
  get meanMs(): number {
    return this.#durationMs / (this.calls - this.failures);
  }

  clear(): void {
    this.streak = 0;
    this.#begin(-1);
  }

  #begin(interval: number): void {
    this.#interval = interval;
    this.calls = this.failures = this.#durationMs = 0;
  }
}
