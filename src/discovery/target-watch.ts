import { systemClock, type Clock, type Timer } from '../core/clock.js';
import { failureReason, shortLine } from '../core/failure-reason.js';
import { compileHook } from '../core/hook.js';
import type { ResolvedTarget } from '../core/target-options.js';
import type { DiscoveryEvent, DiscoveryOptions } from './options.js';
import { isSameSet, usableTargets, type CheckedTargets } from './target-check.js';

/** What a watch tells of. Neither may throw. */
export interface TargetWatchListeners {
  /** A set that is another than the one before. */
  readonly onTargets: (targets: readonly ResolvedTarget[]) => void;
  readonly onEvent: (event: DiscoveryEvent) => void;
}

/** `'starting'`: the source has told nothing yet. */
export type WatchState = Exclude<DiscoveryEvent['state'], 'refused'> | 'starting';

const NO_TARGETS: readonly ResolvedTarget[] = Object.freeze([]);

/** One subscription of a source: decides what of its words is believed, and when. */
export class TargetWatch {
  readonly #options: DiscoveryOptions;
  readonly #check: (told: unknown) => CheckedTargets;
  readonly #listeners: TargetWatchListeners;
  readonly #clock: Clock;
  readonly #runHook: (run: () => unknown) => void;
  #state: WatchState = 'starting';
  #targets: readonly ResolvedTarget[] | null = null;
  #refused = 0;
  #reason: string | null = null;
  #confirmedAt = Number.NaN;
  /** What counts when the last good set has become too old. */
  #lastWord: readonly ResolvedTarget[] = NO_TARGETS;
  #staleTimer: Timer | null = null;
  /** What was told since the last change, and waits for more. */
  #waiting: unknown = null;
  #debounceTimer: Timer | null = null;
  #stop: (() => void) | null = null;
  #closed = false;

  constructor(options: DiscoveryOptions, check: (told: unknown) => CheckedTargets, listeners: TargetWatchListeners) {
    this.#options = options;
    this.#check = check;
    this.#listeners = listeners;
    this.#clock = options.clock ?? systemClock;
    this.#runHook = compileHook(`the end of the watch of ${options.source.name}`);
  }

  get state(): WatchState {
    return this.#state;
  }

  /** The set in use; `null` as long as there was none. */
  get targets(): readonly ResolvedTarget[] | null {
    return this.#targets;
  }

  /** How many targets of the set that was told last were left out. */
  get refused(): number {
    return this.#refused;
  }

  /** Why the source is not believed; `null` while it is. */
  get reason(): string | null {
    return this.#reason;
  }

  /** When the source last told a set that was believed, see {@link Clock.now}; `NaN` = never. */
  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** Subscribes. Apart from the constructor, since a source may tell something before it returns. */
  start(): void {
    try {
      this.#stop = this.#options.source.subscribe(
        (told) => {
          if (!this.#closed) this.#hear(told);
        },
        (error) => {
          this.#fail(error);
        },
      );
    } catch (error) {
      this.#fail(error);
    }
    if (this.#closed) this.#end();
  }

  /** Ends the subscription. Whatever the source tells after it is not heard. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#clearDebounce();
    this.#clearStale();
    this.#end();
  }

  #end(): void {
    const stop = this.#stop;
    this.#stop = null;
    if (stop !== null) this.#runHook(stop);
  }

  #hear(told: unknown): void {
    const { debounceMs = 200 } = this.#options;
    if (debounceMs === 0 || this.#inUse() === 0) {
      this.#clearDebounce();
      this.#take(told);
      return;
    }
    this.#waiting = told;
    this.#debounceTimer ??= this.#clock.setTimer(() => {
      this.#flush();
    }, debounceMs);
  }

  #flush(): void {
    const told = this.#waiting;
    this.#clearDebounce();
    this.#take(told);
  }

  #take(told: unknown): void {
    let checked: CheckedTargets;
    try {
      checked = this.#check(told);
    } catch (error) {
      this.#doubt(NO_TARGETS, failureReason(error));
      return;
    }
    const { minTargets = 1 } = this.#options;
    const usable = usableTargets(checked.targets);
    if (usable < minTargets && usable < this.#inUse())
      this.#doubt(checked.targets, `of what it told, ${usable} get requests, fewer than minTargets, ${minTargets}`);
    else {
      this.#confirmedAt = this.#clock.now();
      this.#use(checked.targets, null);
    }
    this.#tellRefused(checked);
  }

  #fail(error: unknown): void {
    if (this.#debounceTimer !== null) this.#flush();
    this.#doubt(NO_TARGETS, failureReason(error));
  }

  #doubt(lastWord: readonly ResolvedTarget[], reason: string): void {
    if (this.#closed) return;
    const { maxStaleMs = 300_000 } = this.#options;
    this.#lastWord = lastWord;
    if (this.#inUse() === 0) this.#enter('lost', reason);
    else {
      if (maxStaleMs !== Infinity)
        this.#staleTimer ??= this.#clock.setTimer(() => {
          this.#use(this.#lastWord, `for ${maxStaleMs} ms there was nothing better: ${this.#reason ?? ''}`);
        }, maxStaleMs);
      this.#enter('stale', reason);
    }
  }

  #use(targets: readonly ResolvedTarget[], reason: string | null): void {
    this.#clearStale();
    const { minTargets = 1 } = this.#options;
    const isNew = this.#targets === null || !isSameSet(this.#targets, targets);
    if (isNew) {
      this.#targets = targets;
      this.#listeners.onTargets(targets);
    }
    if (this.#inUse() > 0 || (minTargets === 0 && reason === null)) this.#enter('up', reason);
    else this.#enter('lost', reason ?? 'it told no target that gets requests');
  }

  #enter(state: WatchState & DiscoveryEvent['state'], reason: string | null): void {
    // Whoever was told of what came before may have ended the watch.
    if (this.#closed) return;
    const isNew = state !== this.#state;
    this.#state = state;
    this.#reason = state === 'up' ? null : reason;
    if (isNew) this.#tell(state, reason);
  }

  /** Once, until a set comes that is all right. */
  #tellRefused({ refused, reason }: CheckedTargets): void {
    const isNew = refused > 0 && this.#refused === 0;
    this.#refused = refused;
    if (isNew && !this.#closed) this.#tell('refused', shortLine(`${refused} left out; of the first: ${reason ?? ''}`));
  }

  #tell(state: DiscoveryEvent['state'], reason: string | null): void {
    const targets = this.#targets?.length ?? 0;
    this.#listeners.onEvent({ state, source: this.#options.source.name, targets, reason });
  }

  #inUse(): number {
    return this.#targets === null ? 0 : usableTargets(this.#targets);
  }

  #clearDebounce(): void {
    if (this.#debounceTimer !== null) this.#clock.clearTimer(this.#debounceTimer);
    this.#debounceTimer = null;
    this.#waiting = null;
  }

  #clearStale(): void {
    if (this.#staleTimer !== null) this.#clock.clearTimer(this.#staleTimer);
    this.#staleTimer = null;
  }
}
