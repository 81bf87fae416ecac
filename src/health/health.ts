import { systemClock, type Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { ConfigError, member, object, validate } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';
import { isOut, type UpstreamReport } from '../core/upstream-report.js';
import { CheckRunner } from './check-runner.js';
import { healthCheckField, healthEngineFields, type HealthCheck, type HealthEngineOptions } from './options.js';
import type { HealthDetails, HealthReport, HealthStatus } from './report.js';

const NOTHING: HealthDetails = { circuits: {}, stores: {}, load: null };

/**
 * Whether this process wants traffic, from its start until it drains, and how well it does.
 *
 * Checks run when they are asked for, at most once in their `cacheMs`, and never twice at once; between two requests
 * nothing runs.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const engine = new Health({ checks: { database: { check: () => database.ping(), critical: true } } });
 * const { status, checks } = await engine.check();
 */
export class Health {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #details: () => Partial<HealthDetails>;
  readonly #checks = new Map<string, CheckRunner>();
  #draining = false;
  /** Every upstream has been looked for, once; it is asked for with every probe until then. */
  #started = false;

  constructor(options: HealthEngineOptions = {}) {
    validate('Health', options, object(healthEngineFields));
    const { clock = systemClock, details = () => NOTHING, checks = {} } = options;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#details = details;
    for (const [name, check] of Object.entries(checks)) this.addCheck(name, check);
  }

  /**
   * Adds a check, which runs for the first time when somebody asks.
   *
   * @throws {ConfigError} when it is none, or when the name is taken.
   */
  addCheck(name: string, check: HealthCheck): void {
    const path = member('checks', name);
    validate('Health', check, healthCheckField, path);
    if (this.#checks.has(name))
      throw new ConfigError('Health', [{ path, message: 'is a check already; give one of the two another name' }]);
    this.#checks.set(name, new CheckRunner(check, this.#clock));
  }

  /** From now on the process wants no more traffic, whatever its checks say; none is started any more. */
  drain(): void {
    this.#draining = true;
  }

  /** True from {@link drain} on. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** True while the process wants traffic, as far as is known: it does not drain, no critical check is
   * down, and every upstream has been looked for. */
  get isReady(): boolean {
    if (this.#draining) return false;
    this.#started ||= !isStarting(this.#details());
    if (!this.#started) return false;
    for (const { isCritical, report } of this.#checks.values())
      if (isCritical && report.status === 'down') return false;
    return true;
  }

  /** As {@link isReady}, once the critical checks that are due have run. Others are not waited for. */
  checkReady(): MaybePromise<boolean> {
    const pending = this.#refresh(true);
    return pending === null ? this.isReady : pending.then(() => this.isReady);
  }

  /** What is known now; nothing runs for it. */
  report(): HealthReport {
    const details = { ...NOTHING, ...this.#details() };
    const checks = Object.fromEntries([...this.#checks].map(([name, { report }]) => [name, report]));
    const isDegraded = Object.values(checks).some(({ status }) => status === 'down') || isImpaired(details);
    const status: HealthStatus = this.isReady ? (isDegraded ? 'degraded' : 'healthy') : 'unhealthy';
    return {
      status,
      draining: this.#draining,
      uptime: Math.floor((this.#clock.now() - this.#startedAt) / 1000),
      timestamp: isoTime(this.#clock.wall()),
      ...details,
      checks,
    };
  }

  /** As {@link report}, once the checks that are due have run, which takes no longer than the longest time limit. */
  check(): MaybePromise<HealthReport> {
    const pending = this.#refresh(false);
    return pending === null ? this.report() : pending.then(() => this.report());
  }

  /** Drains, and ends the checks under way; what they would have found is not known then. */
  close(): void {
    this.drain();
    for (const runner of this.#checks.values()) runner.close();
  }

  /** Starts what is due; `null` where there is nothing to wait for. */
  #refresh(criticalOnly: boolean): Promise<unknown> | null {
    if (this.#draining) return null;
    let pending: Promise<void>[] | null = null;
    for (const runner of this.#checks.values()) {
      const waiting = criticalOnly && !runner.isCritical ? null : runner.refresh();
      if (waiting !== null) (pending ??= []).push(waiting);
    }
    return pending === null ? null : Promise.all(pending);
  }
}

/** Something works less well than it should, and yet requests are better here than nowhere. */
function isImpaired({ circuits, stores, load, upstreams = {} }: HealthDetails): boolean {
  if (load !== null && load >= 1) return true;
  if (Object.values(upstreams).some(isShort)) return true;
  return Object.values(circuits).some((state) => state !== 'closed') || Object.values(stores).includes('down');
}

/** It is not known yet where an upstream is: elsewhere requests fare better. */
function isStarting({ upstreams = {} }: Partial<HealthDetails>): boolean {
  return Object.values(upstreams).some(({ discovery }) => discovery !== null && discovery.state === 'starting');
}

/** Nowhere to send to, or not everywhere, or nobody knows where. */
function isShort({ targets, discovery }: UpstreamReport): boolean {
  if (targets.length === 0 || (discovery !== null && discovery.error !== null)) return true;
  return targets.some(({ state }) => isOut(state));
}
