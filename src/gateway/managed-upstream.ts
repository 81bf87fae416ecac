import { isOut, type UpstreamReport } from '../core/upstream-report.js';
import { Discovery, type DiscoveryEvent, type DiscoveryOptions } from '../discovery/index.js';
import { sourceField } from '../discovery/options.js';
import { watchHealth, type ActiveHealthOptions } from '../health-check/index.js';
import { resolveBalance } from '../load-balancer/balancer-options.js';
import {
  loadBalance,
  type LoadBalanceMiddleware,
  type LoadBalancer,
  type TargetChange,
} from '../load-balancer/index.js';
import type { UpstreamOptions } from '../proxy/index.js';
import type { Engines } from './engines.js';
import { connectionFields, type UpstreamConfig } from './upstream-config.js';

/** One upstream of a gateway: a balancer that is told what is configured, found and checked, and what is told of it. */
export class ManagedUpstream {
  readonly name: string;
  readonly middleware: LoadBalanceMiddleware;
  /** For the connections of proxies that send to it. */
  readonly connection: UpstreamOptions;
  readonly #engines: Engines;
  readonly #balance: string;
  readonly #discovery: Discovery | null;
  readonly #health: ActiveHealthOptions | null;
  readonly #watches = new Map<string, () => void>();

  constructor(name: string, config: UpstreamConfig, engines: Engines) {
    const { targets = [], discovery, health = false, ...rest } = config;
    const { clock } = engines;
    this.name = name;
    this.#engines = engines;
    const balance = Object.fromEntries(Object.entries(rest).filter(([option]) => !(option in connectionFields)));
    this.middleware = loadBalance({ ...balance, targets: [targets].flat(), clock });
    this.#balance = resolveBalance(config.balance).strategy;
    const found = discovery === undefined ? null : discoveryOptions(discovery);
    const given = Object.fromEntries(Object.entries(rest).filter(([option]) => option in connectionFields));
    const allowedAddresses = found === null ? {} : { allowedAddresses: found.allowedAddresses ?? ['public'] };
    this.connection = { ...given, ...allowedAddresses };
    this.#health = health === false ? null : this.#healthOptions(health === true ? {} : health);
    this.#discovery = found === null ? null : new Discovery({ ...found, clock, onEvent: this.#onDiscovery });
    engines.watchUpstream(this);
    for (const { url } of this.balancer.targets) this.#watch(url);
    const stopListening = this.balancer.onChange(this.#onChange);
    const unsubscribe = this.#discovery?.subscribe((set) => {
      this.balancer.update(set);
    });
    engines.onClose(() => {
      unsubscribe?.();
      stopListening();
      for (const unwatch of this.#watches.values()) unwatch();
      this.middleware.close();
    });
  }

  get balancer(): LoadBalancer {
    return this.middleware.balancer;
  }

  report(): UpstreamReport {
    const { balancer } = this;
    const found = this.#discovery?.report() ?? null;
    return {
      balance: this.#balance,
      targets: balancer.report(),
      panicking: balancer.isPanicking,
      discovery: found && { source: found.source, state: found.state, ageMs: found.ageMs, error: found.error },
    };
  }

  /** In words, for explanations: `users: round-robin over 3 targets, 1 out`. */
  describe(): string {
    const { targets } = this.balancer;
    const out = targets.filter(({ isAvailable }) => !isAvailable).length;
    const count = targets.length === 1 ? '1 target' : `${targets.length} targets`;
    return `${this.name}: ${this.#balance} over ${count}${out === 0 ? '' : `, ${out} out`}`;
  }

  /** Checks go where requests go, in the same way. */
  #healthOptions(given: ActiveHealthOptions): ActiveHealthOptions {
    const { tls, socketPath, allowedAddresses } = this.connection;
    const isTcp = given.type === 'tcp';
    return {
      ...(tls === undefined || isTcp ? {} : { tls }),
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(allowedAddresses === undefined || socketPath !== undefined ? {} : { allowedAddresses }),
      ...given,
    };
  }

  #watch(url: string): void {
    if (this.#health === null || this.#watches.has(url)) return;
    const tell = ({ healthy, reason }: { healthy: boolean; reason: string | null }): void => {
      this.balancer.setHealth(url, healthy, reason ?? undefined);
    };
    this.#watches.set(url, watchHealth(url, this.#health, tell, { clock: this.#engines.clock }));
  }

  readonly #onChange = ({ url, from, to, reason }: TargetChange): void => {
    if (to === null) {
      this.#watches.get(url)?.();
      this.#watches.delete(url);
    } else if (from === null) {
      this.#watch(url);
    }
    const fields = { upstream: this.name, target: url, from, to, reason };
    this.#engines.log?.[to !== null && isOut(to) ? 'warn' : 'info'](
      fields,
      `target ${url} of ${this.name} is ${to ?? 'gone'}`,
    );
  };

  readonly #onDiscovery = ({ state, source, targets, reason }: DiscoveryEvent): void => {
    const fields = { upstream: this.name, source, state, targets, reason: reason ?? undefined };
    const message = `discovery of ${this.name} by ${source} is ${state}`;
    this.#engines.log?.[state === 'up' ? 'info' : 'warn'](fields, message);
  };
}

function discoveryOptions(given: NonNullable<UpstreamConfig['discovery']>): DiscoveryOptions {
  return sourceField.accepts(given) ? { source: given as DiscoveryOptions['source'] } : (given as DiscoveryOptions);
}
