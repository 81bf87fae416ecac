import type { Attempt } from '../core/attempt.js';
import { errorResult, type AttemptResult } from '../core/attempt-result.js';
import type { Clock } from '../core/clock.js';
import type { Context } from '../core/context.js';
import type { Destination } from '../core/destination.js';
import { compileHook } from '../core/hook.js';
import type { ResolvedTarget } from '../core/target-options.js';
import { isOut, type TargetState } from '../core/upstream-report.js';
import { failureWords } from './failure-words.js';
import { PeakEwma } from './strategies/peak-ewma.js';
import type { TargetGroup } from './target-group.js';

/** How a call of a target ended. */
export interface CallEnd {
  readonly result: AttemptResult;
  /** From its start until the head of the answer, or until it failed. */
  readonly durationMs: number;
  /** Why it failed, in a word or two for the operator. */
  readonly failure?: string;
}

/** The balancer, as its targets know it. */
export interface TargetOwner {
  readonly clock: Clock;
  readonly slowStartMs: number;
  readonly decayMs: number;
  isFailureStatus(status: number): boolean;
  /** The target may be in another state now. */
  onStateChange(target: BalancerTarget): void;
  onCallEnd(target: BalancerTarget, result: AttemptResult, durationMs: number, failure: string | null): void;
}

const runListener = compileHook('A listener of onDeparture');

/** Steps of a slow start. */
const STEPS = 10;
/** Part of its weight that a target starts with. */
const FIRST_PART = 0.1;

/** One of the places that a `LoadBalancer` sends calls to: what is going on there, and whether it is used. */
export class BalancerTarget implements Destination {
  readonly url: string;
  /** Calls that have begun and not ended. */
  inFlight = 0;
  /** Calls that have ended, since the target was added. */
  requests = 0;
  /** Those of {@link requests} that failed. */
  failures = 0;
  /** Of its calls, until the head of the answer. */
  readonly latency: PeakEwma;
  readonly #owner: TargetOwner;
  #settings: ResolvedTarget;
  #groups: TargetGroup[] = [];
  /** Why it is unhealthy; `null` where it is not. */
  #unhealthyReason: string | null = null;
  #ejectionReason: string | null = null;
  /** End of its ejection, or when it was added or became healthy: the slow start counts from here. */
  #availableFrom: number;
  #departureListeners: (() => void)[] | null = [];

  /** @param availableFrom Start of its slow start, see `Clock.now`; `-Infinity` = it has none. */
  constructor(settings: ResolvedTarget, owner: TargetOwner, availableFrom: number) {
    this.url = settings.url;
    this.latency = new PeakEwma(owner.decayMs);
    this.#settings = settings;
    this.#owner = owner;
    this.#availableFrom = availableFrom;
  }

  /** As configured, whatever its state. */
  get weight(): number {
    return this.#settings.weight;
  }

  /** `''` = nowhere. */
  get zone(): string {
    return this.#settings.zone;
  }

  get priority(): number {
    return this.#settings.priority;
  }

  get state(): TargetState {
    return this.stateAt(this.#owner.clock.now());
  }

  /** True where it is neither ejected nor unhealthy. */
  get isAvailable(): boolean {
    return !isOut(this.state);
  }

  /** Why it is out; `null` where it is not. */
  get reason(): string | null {
    const { state } = this;
    if (state === 'unhealthy') return this.#unhealthyReason;
    return state === 'ejected' ? this.#ejectionReason : null;
  }

  /** A call begins. Each is ended by one {@link end}. */
  begin(): void {
    this.inFlight++;
    for (const group of this.#groups) group.inFlight++;
  }

  end({ result, durationMs, failure }: CallEnd): void {
    this.#end(result, durationMs, failure ?? null);
  }

  onAttemptStart(): void {
    this.begin();
  }

  onAttemptEnd(ctx: Context, attempt: Attempt): void {
    const { startedAt, answeredAt, endedAt, error, status } = attempt;
    const result = this.#resultOf(attempt, ctx);
    const failure = result === 'failure' ? failureWords(error, status) : null;
    this.#end(result, (Number.isNaN(answeredAt) ? endedAt : answeredAt) - startedAt, failure);
  }

  /** Leaves it out for so many ms from now on; a shorter time than what is left of an ejection changes its reason only. */
  eject(forMs: number, reason: string): void {
    this.#availableFrom = Math.max(this.#availableFrom, this.#owner.clock.now() + forMs);
    this.#ejectionReason = reason;
    this.#owner.onStateChange(this);
  }

  /** Ends its ejection. */
  readmit(): void {
    this.#availableFrom = Math.min(this.#availableFrom, this.#owner.clock.now());
    this.#owner.onStateChange(this);
  }

  /** Tells what a check of its health has found. One that was down and is well again is no longer ejected either. */
  setHealth(healthy: boolean, reason = 'its health check fails'): void {
    const wasHealthy = this.#unhealthyReason === null;
    this.#unhealthyReason = healthy ? null : reason;
    if (healthy === wasHealthy) return;
    if (healthy) this.#availableFrom = this.#owner.clock.now();
    this.#owner.onStateChange(this);
  }

  onDeparture(listener: () => void): void {
    if (this.#departureListeners === null) listener();
    else this.#departureListeners.push(listener);
  }

  /** Takes new settings, and leaves its groups; for its balancer. */
  configure(settings: ResolvedTarget): void {
    this.#settings = settings;
    this.#groups = [];
  }

  /** From now on the group counts its calls too; for its balancer. */
  countIn(group: TargetGroup): void {
    this.#groups.push(group);
  }

  /** Nothing new is sent here any more; for its balancer. */
  depart(): void {
    const listeners = this.#departureListeners ?? [];
    this.#departureListeners = null;
    this.#groups = [];
    for (const listener of listeners) runListener(listener);
  }

  stateAt(now: number): TargetState {
    if (this.#unhealthyReason !== null) return 'unhealthy';
    if (now < this.#availableFrom) return 'ejected';
    return now < this.#availableFrom + this.#owner.slowStartMs ? 'warming' : 'healthy';
  }

  /** The part of its weight that it takes: 0 where it is out, 1 where it is healthy. */
  partAt(now: number): number {
    const state = this.stateAt(now);
    if (state === 'healthy') return 1;
    return state === 'warming' ? FIRST_PART + ((1 - FIRST_PART) * this.#stepAt(now)) / STEPS : 0;
  }

  /** When {@link partAt} changes by itself; `Infinity` = never. */
  nextChangeAfter(now: number): number {
    const state = this.stateAt(now);
    if (state === 'ejected') return this.#availableFrom;
    if (state !== 'warming') return Infinity;
    return this.#availableFrom + ((this.#stepAt(now) + 1) * this.#owner.slowStartMs) / STEPS;
  }

  #stepAt(now: number): number {
    return Math.floor(((now - this.#availableFrom) * STEPS) / this.#owner.slowStartMs);
  }

  #resultOf({ error, status }: Attempt, ctx: Context): AttemptResult {
    if (error !== null) return errorResult(error, ctx);
    return this.#owner.isFailureStatus(status) ? 'failure' : 'success';
  }

  #end(result: AttemptResult, durationMs: number, failure: string | null): void {
    this.inFlight--;
    for (const group of this.#groups) group.inFlight--;
    this.requests++;
    const now = this.#owner.clock.now();
    if (result === 'success') this.latency.add(durationMs, now);
    else if (result === 'neither') this.latency.addAtLeast(durationMs, now);
    else {
      this.failures++;
      this.latency.addFailure(durationMs, now);
    }
    this.#owner.onCallEnd(this, result, durationMs, failure);
  }
}
