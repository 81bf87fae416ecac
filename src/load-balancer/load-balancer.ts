import { compileFailureStatuses, type AttemptResult } from '../core/attempt-result.js';
import { systemClock, type Clock } from '../core/clock.js';
import type { Destination } from '../core/destination.js';
import { GatewayError } from '../core/errors.js';
import { compileHook } from '../core/hook.js';
import { validate } from '../core/options.js';
import type { RequestValue } from '../core/request-value.js';
import type { TargetReport } from '../core/upstream-report.js';
import { isTargetUrl, resolveTarget, type ResolvedTarget, type TargetEntry } from '../core/target-options.js';
import type { MaybePromise } from '../core/types.js';
import { loadBalancerSchema, resolveBalance, targetsField, type LoadBalancerOptions } from './balancer-options.js';
import { BalancerTarget, type TargetOwner } from './balancer-target.js';
import { failureWords } from './failure-words.js';
import { ServingPlan } from './serving-plan.js';
import { compileStrategy } from './strategies/compile-strategy.js';
import type { Strategy } from './strategies/strategy.js';
import { TargetChanges, type TargetChangeListener } from './target-changes.js';
import { groupTargets, type TargetLevel } from './target-group.js';
import { reportTarget } from './target-report.js';

/** What the choice of a target may depend on. */
export interface PickRequest {
  /** For `'consistent-hash'` and `'ip-hash'`: equal keys, one target. `null` or `''` = none. @default null */
  readonly key?: string | null;
  /** Where the request comes from. @default the option `zone` of the balancer */
  readonly zone?: string;
  /** Targets to avoid while there is another one: those that were tried already. @default null */
  readonly exclude?: readonly Destination[] | null;
}

/** Hears how each call of a target ended. What it throws becomes a warning. */
export type ResultListener = (
  target: BalancerTarget,
  result: AttemptResult,
  durationMs: number,
  failure: string | null,
) => void;

const runListener = compileHook('The listener onResult');

/** A request of which nothing is known. */
const ANY: PickRequest = {};

/**
 * Chooses one of several targets for each call, by weight, state, priority and zone.
 *
 * A target is available unless it is unhealthy ({@link setHealth}) or ejected ({@link BalancerTarget.eject}). Targets of
 * one priority are a level. The first level of whose weight at least `panicThreshold` is available serves, with what is
 * available of it: so backups come in when those before them are down. Where no level has so much, the balancer panics:
 * the level that has most serves, the first one among equals, with all its targets, whatever their state and zone. A
 * target of weight 0 gets nothing.
 *
 * Nothing runs between calls: that an ejection or a slow start is over is found out, and told, by the next
 * {@link pick} or {@link report}.
 *
 * @example
 * const balancer = new LoadBalancer({ targets: ['http://users-1:3001', 'http://users-2:3001'], balance: 'p2c-ewma' });
 * const answer = await balancer.execute((target) => fetch(`${target.url}/users/42`));
 */
export class LoadBalancer {
  /** What the key of a request is; `null` where the strategy needs none. */
  readonly keyBy: RequestValue | null;
  readonly clock: Clock;
  /** Hears how each call ended; for what ejects targets. */
  onResult: ResultListener | null = null;
  readonly #random: () => number;
  readonly #zone: string;
  readonly #panicThreshold: number;
  readonly #strategy: Strategy;
  readonly #owner: TargetOwner;
  readonly #changes = new TargetChanges();
  #byUrl: ReadonlyMap<string, BalancerTarget> = new Map();
  #targets: readonly BalancerTarget[] = [];
  #levels: readonly TargetLevel[] = [];
  /** Made anew by the first call after a change. */
  #plan: ServingPlan | null = null;
  /** When time makes it old. */
  #nextChangeAt = Infinity;

  /** @throws {ConfigError} with every fault of the options, when there is any. */
  constructor(options: LoadBalancerOptions = {}) {
    validate('LoadBalancer', options, loadBalancerSchema);
    const { targets = [], zone = '', panicThreshold = 0.25, slowStartMs = 0, failureStatuses } = options;
    const { clock = systemClock, random = Math.random } = options;
    const balance = resolveBalance(options.balance);
    this.keyBy = balance.by;
    this.clock = clock;
    this.#random = random;
    this.#zone = zone;
    this.#panicThreshold = panicThreshold;
    this.#strategy = compileStrategy(balance.strategy, { ...balance, clock, random });
    this.#owner = {
      clock,
      slowStartMs,
      decayMs: balance.decayMs,
      isFailureStatus: compileFailureStatuses(failureStatuses),
      onStateChange: (target) => {
        this.#onStateChange(target);
      },
      onCallEnd: (target, result, durationMs, failure) => {
        if (this.onResult !== null) runListener(() => this.onResult?.(target, result, durationMs, failure));
      },
    };
    this.#replace(targets.map(resolveTarget));
  }

  /** In the order in which they were given. */
  get targets(): readonly BalancerTarget[] {
    return this.#targets;
  }

  /** So little is available that targets are used whatever their state. */
  get isPanicking(): boolean {
    return this.#current().isPanicking;
  }

  /**
   * The target for a call, which is then told of it: `begin()` and `end()`, or as the `destination` of a context.
   *
   * @returns `null` where there is none.
   */
  pick({ key = null, zone = this.#zone, exclude = null }: PickRequest = ANY): BalancerTarget | null {
    return this.#current().choose(key || null, zone, exclude);
  }

  /**
   * Calls `fn` with a target, and counts the call. It failed where `fn` throws or rejects; an `AbortError` says nothing
   * of the target.
   *
   * @throws {GatewayError} ERR_GATEWAY_NO_TARGETS where there is none; and whatever `fn` throws.
   */
  async execute<Result>(
    fn: (target: BalancerTarget) => MaybePromise<Result>,
    request: PickRequest = ANY,
  ): Promise<Result> {
    const target = this.pick(request);
    if (target === null) throw new GatewayError('ERR_GATEWAY_NO_TARGETS', 'no target is available');
    const startedAt = this.clock.now();
    target.begin();
    try {
      const value = await fn(target);
      target.end({ result: 'success', durationMs: this.clock.now() - startedAt });
      return value;
    } catch (error) {
      const result = error instanceof Error && error.name === 'AbortError' ? 'neither' : 'failure';
      target.end({ result, durationMs: this.clock.now() - startedAt, failure: failureWords(error, 0) });
      throw error;
    }
  }

  /**
   * Puts another set of targets in the place of this one. A target whose URL stays keeps its state and its counts;
   * one that leaves gets no new call, and those in flight go on.
   *
   * @param targets None = {@link pick} finds none.
   * @throws {ConfigError} with every fault, when there is any; the old set stays.
   */
  update(targets: readonly TargetEntry[]): void {
    validate('LoadBalancer', targets, targetsField, 'targets');
    this.#replace(targets.map(resolveTarget));
  }

  /** Tells what a check of a target's health has found; a URL of no target means nothing. */
  setHealth(url: string, healthy: boolean, reason?: string): void {
    const target = this.#byUrl.get(url) ?? (isTargetUrl(url) ? this.#byUrl.get(resolveTarget(url).url) : undefined);
    target?.setHealth(healthy, reason);
  }

  /**
   * Calls `listener` when a target changes its state, is added or removed. What it throws becomes a warning.
   *
   * @returns What ends that.
   */
  onChange(listener: TargetChangeListener): () => void {
    return this.#changes.listen(listener);
  }

  /** Every target as it is now, in the order in which they were given. */
  report(): TargetReport[] {
    const shares = this.#current().shares();
    return this.#targets.map((target) => reportTarget(target, shares.get(target) ?? 0));
  }

  /** Lets go of all targets and listeners: there is nothing to pick any more. */
  close(): void {
    this.#replace([]);
    this.#changes.close();
  }

  #replace(settings: readonly ResolvedTarget[]): void {
    // What finds targets tells them again and again.
    if (hasSettings(this.#targets, settings)) return;
    const now = this.clock.now();
    const known = this.#byUrl;
    // There is nobody to protect a first set with.
    const availableFrom = known.size === 0 ? -Infinity : now;
    const targets = settings.map((one) => {
      const target = known.get(one.url) ?? new BalancerTarget(one, this.#owner, availableFrom);
      target.configure(one);
      return target;
    });
    this.#targets = targets;
    this.#byUrl = new Map(targets.map((target) => [target.url, target]));
    this.#levels = groupTargets(targets);
    this.#plan = null;
    for (const target of targets) this.#changes.look(target, now);
    for (const [url, target] of known) {
      if (this.#byUrl.has(url)) continue;
      target.depart();
      this.#changes.remove(target);
    }
  }

  #onStateChange(target: BalancerTarget): void {
    // A target that has left may still be told how its last calls ended.
    if (this.#byUrl.get(target.url) !== target) return;
    this.#plan = null;
    this.#changes.look(target, this.clock.now());
  }

  #current(): ServingPlan {
    const plan = this.#plan;
    if (plan !== null && (this.#nextChangeAt === Infinity || this.clock.now() < this.#nextChangeAt)) return plan;
    return this.#makePlan(this.clock.now());
  }

  #makePlan(now: number): ServingPlan {
    const plan = new ServingPlan({
      levels: this.#levels,
      strategy: this.#strategy,
      panicThreshold: this.#panicThreshold,
      random: this.#random,
      now,
    });
    this.#plan = plan;
    this.#nextChangeAt = this.#targets.reduce((next, target) => Math.min(next, target.nextChangeAfter(now)), Infinity);
    // Last, because a listener may change something at once.
    for (const target of this.#targets) this.#changes.look(target, now);
    return plan;
  }
}

function hasSettings(targets: readonly BalancerTarget[], settings: readonly ResolvedTarget[]): boolean {
  if (targets.length !== settings.length) return false;
  return targets.every((target, index) => {
    const { url, weight, zone, priority } = settings[index] as ResolvedTarget;
    return target.url === url && target.weight === weight && target.zone === zone && target.priority === priority;
  });
}
