import { systemClock } from '../core/clock.js';
import { compileHook } from '../core/hook.js';
import { validate } from '../core/options.js';
import type { ResolvedTarget } from '../core/target-options.js';
import { discoverySchema, type DiscoveryEvent, type DiscoveryOptions } from './options.js';
import { compileTargetCheck, type CheckedTargets } from './target-check.js';
import { TargetWatch, type WatchState } from './target-watch.js';

/** What a discovery knows at a moment. */
export interface DiscoveryReport {
  /** Name of the source. */
  readonly source: string;
  /** As in {@link DiscoveryEvent}; `'starting'` = nothing was heard yet, `'idle'` = nobody listens. */
  readonly state: WatchState | 'idle';
  /** Those in use. */
  readonly targets: readonly ResolvedTarget[];
  /** How many of the set that was told last were left out. */
  readonly refused: number;
  /** Ms since the source last told a set that was believed; `null` = never. */
  readonly ageMs: number | null;
  /** Why the source is not believed; `null` while it is. */
  readonly error: string | null;
}

/**
 * Follows a source of targets, so that those who listen need not doubt: they are told whole sets that are checked, that
 * differ from the one before, and that survive a source which fails or forgets.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const discovery = new Discovery({
 *   source: dnsSource({ name: '_http._tcp.users.internal' }),
 *   allowedAddresses: ['uniquelocal'],
 *   onEvent: ({ state, source, reason }) => logger.warn({ state, source, reason }, 'discovery'),
 * });
 * const unsubscribe = discovery.subscribe((targets) => balancer.update(targets));
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #check: (told: unknown) => CheckedTargets;
  readonly #listeners = new Set<Listening>();
  readonly #runHook: (run: () => unknown) => void;
  #watch: TargetWatch | null = null;

  constructor(options: DiscoveryOptions) {
    validate('Discovery', options, discoverySchema);
    this.#options = options;
    this.#check = compileTargetCheck(options);
    this.#runHook = compileHook(`a listener of the discovery by ${options.source.name}`);
  }

  /**
   * Tells `listener` every set of targets from now on, and the one in use before it returns, if there is one. The source
   * is watched from the first listener to the last.
   *
   * @returns What ends it. A second call does nothing.
   */
  subscribe(listener: (targets: readonly ResolvedTarget[]) => void): () => void {
    const listening = { listener };
    this.#listeners.add(listening);
    if (this.#watch === null) this.#start();
    else if (this.#watch.targets !== null) this.#tell(listening, this.#watch.targets);
    return () => {
      if (this.#listeners.delete(listening) && this.#listeners.size === 0) this.close();
    };
  }

  report(): DiscoveryReport {
    const { source, clock = systemClock } = this.#options;
    const { state = 'idle', targets = null, refused = 0, reason: error = null, confirmedAt } = this.#watch ?? {};
    const ageMs = confirmedAt === undefined || Number.isNaN(confirmedAt) ? null : Math.round(clock.now() - confirmedAt);
    return { source: source.name, state, targets: targets ?? [], refused, ageMs, error };
  }

  /** Ends all that {@link subscribe} began: no listener hears of anything more, no timer and no connection is left. */
  close(): void {
    this.#listeners.clear();
    this.#watch?.close();
    this.#watch = null;
  }

  #start(): void {
    const watch = new TargetWatch(this.#options, this.#check, {
      onTargets: (targets) => {
        for (const listening of [...this.#listeners]) this.#tell(listening, targets);
      },
      onEvent: (event) => {
        this.#hearEvent(event);
      },
    });
    this.#watch = watch;
    watch.start();
  }

  #tell(listening: Listening, targets: readonly ResolvedTarget[]): void {
    this.#runHook(() => {
      if (this.#listeners.has(listening)) listening.listener(targets);
    });
  }

  #hearEvent(event: DiscoveryEvent): void {
    const { onEvent } = this.#options;
    if (onEvent !== undefined)
      this.#runHook(() => {
        onEvent(event);
      });
  }
}

/** An object of its own for each call of `subscribe`, be it with the same function. */
interface Listening {
  readonly listener: (targets: readonly ResolvedTarget[]) => void;
}
