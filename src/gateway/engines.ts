import { isDeepStrictEqual } from 'node:util';
import type { CircuitBreaker } from '../circuit-breaker/index.js';
import type { Clock } from '../core/clock.js';
import { redactText } from '../core/redact.js';
import type { MaybePromise } from '../core/types.js';
import type { UpstreamReport } from '../core/upstream-report.js';
import type { HealthDetails } from '../health/index.js';
import type { Logger } from '../logger/index.js';
import type { LoadMonitor } from '../load-shedding/index.js';
import type { RateLimitMiddleware } from '../rate-limiter/index.js';
import type { Upstreams } from '../proxy/upstreams.js';
import type { ManagedUpstream } from './managed-upstream.js';

/** A limit, or those that come with identities. */
export interface WatchedLimit {
  readonly name: string;
  readonly limits: () => Iterable<RateLimitMiddleware>;
  readonly refused: () => number;
}

/** The engines of one gateway: shared by routes, told apart by name, shown in health, ended with the gateway. */
export class Engines {
  readonly clock: Clock;
  /** `null` where the gateway keeps no log: engines then report in their own way. */
  readonly log: Logger | null;
  /** Connections to upstreams. */
  readonly pools: Upstreams;
  monitor: LoadMonitor | null = null;
  /** Header fields and query parameters that carry credentials. */
  credentialNames: readonly string[] = [];
  readonly #breakers = new Set<CircuitBreaker>();
  readonly #limits: WatchedLimit[] = [];
  readonly #upstreams: ManagedUpstream[] = [];
  readonly #shared = new Map<string, { options: unknown; engine: unknown }[]>();
  readonly #names = new Set<string>();
  readonly #closers: (() => MaybePromise<void>)[] = [];

  constructor(clock: Clock, log: Logger | null, pools: Upstreams) {
    this.clock = clock;
    this.log = log;
    this.pools = pools;
  }

  /** What everybody of this scope with equal options shares; made on first use. */
  share<Engine>(scope: string, options: unknown, make: () => Engine): Engine {
    const entries = this.#shared.get(scope) ?? [];
    const found = entries.find((entry) => isDeepStrictEqual(entry.options, options));
    if (found !== undefined) return found.engine as Engine;
    const engine = make();
    this.#shared.set(scope, [...entries, { options, engine }]);
    return engine;
  }

  /** A name that no other engine of this kind has: routes may share an id. */
  nameFor(kind: 'circuit' | 'limiter' | 'upstream', wanted: string): string {
    const base = wanted.replace(/[^\w.:/*-]/g, '_').slice(0, 56) || '_';
    let name = base;
    for (let count = 2; this.#names.has(`${kind} ${name}`); count++) name = `${base}-${count}`;
    this.#names.add(`${kind} ${name}`);
    return name;
  }

  /** Shows a breaker in health and tells of its steps in the log, once, however many services it guards. */
  watch(breaker: CircuitBreaker): void {
    const { log } = this;
    if (this.#breakers.has(breaker)) return;
    this.#breakers.add(breaker);
    if (log === null) return;
    const dispose = breaker.onStateChange(({ name: circuit, from, to, reason }) => {
      log[to === 'closed' ? 'info' : 'warn']({ circuit, from, to, reason }, `circuit ${circuit} is ${to}`);
    });
    this.onClose(dispose);
  }

  /** Shows an upstream in health and in figures. */
  watchUpstream(upstream: ManagedUpstream): void {
    this.#upstreams.push(upstream);
  }

  /** Where each upstream is now, by its name. */
  upstreams(): Readonly<Record<string, UpstreamReport>> {
    return Object.fromEntries(this.#upstreams.map((upstream) => [upstream.name, upstream.report()]));
  }

  /** Shows a limit in health and in figures. */
  watchLimit(limit: WatchedLimit): void {
    this.#limits.push(limit);
  }

  /** How often each limit has refused, by its name. */
  refused(): Readonly<Record<string, number>> {
    const byName: Record<string, number> = {};
    for (const { name, refused } of this.#limits) byName[name] = (byName[name] ?? 0) + refused();
    return byName;
  }

  /** Tells in the log that something which is asked over the network has stopped answering, or answers again. */
  logOutage(what: string, { state, error }: { state: 'down' | 'up'; error: unknown }, fields: object): void {
    const reason = error instanceof Error ? redactText(error.message) : undefined;
    this.log?.[state === 'up' ? 'info' : 'warn']({ ...fields, reason }, `${what} ${state}`);
  }

  /** Calls `close` when the gateway ends. */
  onClose(close: () => MaybePromise<void>): void {
    this.#closers.push(close);
  }

  /** What health shows. */
  details(): HealthDetails {
    const limiters = this.#limits.flatMap(({ limits }) => [...limits()].map(({ limiter }) => limiter));
    const remote = limiters.filter(({ storeState }) => storeState !== null);
    return {
      circuits: Object.fromEntries([...this.#breakers].map((breaker) => [breaker.name, breaker.state])),
      stores: Object.fromEntries(remote.map(({ policy, storeState }) => [policy.name, storeState as 'up' | 'down'])),
      load: this.monitor?.load ?? null,
      upstreams: this.upstreams(),
      pools: this.pools.figures(),
    };
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}
