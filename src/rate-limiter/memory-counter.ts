import type { Clock } from '../core/clock.js';
import { algorithms } from './algorithms/algorithms.js';
import type { WindowCount } from './algorithms/window-count.js';
import { KeyEntry, KeyTable } from './key-table.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy, RateLimitWindow } from './types.js';

/** The counts of one limiter in the memory of this process. */
export class MemoryCounter implements RateLimitCounter<RateLimitDecision> {
  readonly #policy: RateLimitPolicy;
  readonly #clock: Clock;
  readonly #table: KeyTable;
  readonly #onClose: () => void;
  /** Burst of the only window; 0 where there are several, or blocks. */
  readonly #plainBurst: number;

  constructor(policy: RateLimitPolicy, clock: Clock, maxKeys: number, onClose: () => void) {
    this.#policy = policy;
    this.#clock = clock;
    this.#table = new KeyTable(maxKeys);
    this.#onClose = onClose;
    this.#plainBurst = policy.windows.length === 1 && policy.blockMs === 0 ? burstOf(policy.windows, 0) : 0;
  }

  consume(key: string, cost: number): RateLimitDecision {
    const entry = this.#table.get(key) ?? this.#table.add(key, this.#emptyCounts());
    const now = this.#now();
    const decision =
      cost <= this.#plainBurst ? this.#countPlain(entry, cost, now) : this.#decide(entry, cost, now, true);
    this.#table.touch(entry, !decision.allowed || decision.remaining * 2 < decision.limit);
    return decision;
  }

  peek(key: string, cost: number): RateLimitDecision {
    const entry = this.#table.get(key) ?? new KeyEntry(key, this.#emptyCounts());
    return this.#decide(entry, cost, this.#now(), false);
  }

  refund(key: string, cost: number): void {
    const counts = this.#table.get(key)?.counts ?? [];
    const now = this.#now();
    for (const count of counts) {
      count.advance(now);
      count.refund(cost);
    }
  }

  reset(key: string): void {
    const entry = this.#table.get(key);
    if (entry !== undefined) this.#table.delete(entry);
  }

  close(): void {
    this.#table.clear();
    this.#onClose();
  }

  #now(): number {
    return Math.floor(this.#clock.now());
  }

  #emptyCounts(): WindowCount[] {
    const { algorithm, windows } = this.#policy;
    return windows.map((window) => new algorithms[algorithm](window));
  }

  /** What `#decide` comes to with one window and no block, in three quarters of the time. */
  #countPlain(entry: KeyEntry, cost: number, now: number): RateLimitDecision {
    const count = countOf(entry, 0);
    const retryAfterMs = count.waitMs(cost, now);
    if (retryAfterMs === 0) count.add(cost, now);
    return {
      allowed: retryAfterMs === 0,
      window: 0,
      limit: this.#plainBurst,
      remaining: count.remaining(now),
      resetMs: count.resetMs(now),
      retryAfterMs,
      failure: null,
    };
  }

  /** @param counts True where the call is to be counted, or to start a block. */
  #decide(entry: KeyEntry, cost: number, now: number, counts: boolean): RateLimitDecision {
    const { windows, blockMs } = this.#policy;
    let waitMs = 0;
    let slowest = 0;
    for (let i = 0; i < windows.length; i++) {
      const ms = this.#waitMs(entry, i, cost, now);
      if (ms > waitMs) {
        waitMs = ms;
        slowest = i;
      }
    }
    if (blockMs > 0) {
      const blockedMs = this.#blockedMs(entry, now, counts && waitMs > 0);
      // A block stands over all windows: the first speaks for it.
      if (blockedMs > 0 || waitMs > 0) return this.#decision(entry, 0, now, 0, Math.max(waitMs, blockedMs || blockMs));
    }
    if (waitMs > 0) return this.#decision(entry, slowest, now, countOf(entry, slowest).remaining(now), waitMs);

    let fullest = 0;
    let least = Infinity;
    for (let i = 0; i < windows.length; i++) {
      const count = countOf(entry, i);
      if (counts) count.add(cost, now);
      const remaining = count.remaining(now);
      if (remaining < least) {
        least = remaining;
        fullest = i;
      }
    }
    return this.#decision(entry, fullest, now, least, 0);
  }

  #waitMs(entry: KeyEntry, window: number, cost: number, now: number): number {
    const count = countOf(entry, window);
    if (cost <= burstOf(this.#policy.windows, window)) return count.waitMs(cost, now);
    count.advance(now);
    return Infinity;
  }

  /** What is left of a block; `start` begins one where there is none. */
  #blockedMs(entry: KeyEntry, now: number, start: boolean): number {
    const { blockMs } = this.#policy;
    const isOver = entry.blockedUntil <= now;
    // A clock that has gone back must not make a block longer.
    if ((isOver && start) || entry.blockedUntil > now + blockMs) entry.blockedUntil = now + blockMs;
    return Math.max(0, entry.blockedUntil - now);
  }

  #decision(entry: KeyEntry, window: number, now: number, remaining: number, retryAfterMs: number): RateLimitDecision {
    return {
      allowed: retryAfterMs === 0,
      window,
      limit: burstOf(this.#policy.windows, window),
      remaining,
      resetMs: countOf(entry, window).resetMs(now),
      retryAfterMs,
      failure: null,
    };
  }
}

function countOf({ counts }: KeyEntry, window: number): WindowCount {
  return counts[window] as WindowCount;
}

function burstOf(windows: RateLimitPolicy['windows'], window: number): number {
  return (windows[window] as Required<RateLimitWindow>).burst;
}
