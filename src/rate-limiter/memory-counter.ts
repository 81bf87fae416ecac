import type { Clock } from '../core/clock.js';
import { algorithms } from './algorithms/algorithms.js';
import type { WindowCount } from './algorithms/window-count.js';
import { KeyEntry, KeyTable } from './key-table.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy } from './types.js';

/** The counts of one limiter in the memory of this process. */
export class MemoryCounter implements RateLimitCounter<RateLimitDecision> {
  readonly #policy: RateLimitPolicy;
  readonly #clock: Clock;
  readonly #table: KeyTable;
  readonly #onClose: () => void;

  constructor(policy: RateLimitPolicy, clock: Clock, maxKeys: number, onClose: () => void = ignore) {
    this.#policy = policy;
    this.#clock = clock;
    this.#table = new KeyTable(maxKeys);
    this.#onClose = onClose;
  }

  consume(key: string, cost: number): RateLimitDecision {
    const entry = this.#table.get(key) ?? this.#table.add(key, this.#emptyCounts());
    const decision = this.#decide(entry, cost, this.#now(), true);
    this.#table.touch(entry, !decision.allowed || decision.remaining * 2 < decision.limit);
    return decision;
  }

  peek(key: string, cost: number): RateLimitDecision {
    const entry = this.#table.get(key) ?? new KeyEntry(key, this.#emptyCounts());
    const decision = this.#decide(entry, cost, this.#now(), false);
    if (decision.allowed) for (const count of entry.counts) count.refund(cost);
    return decision;
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

  /** Counts the call in every window, where all of them have room; else blocks the key, where the policy says so. */
  #decide(entry: KeyEntry, cost: number, now: number, mayBlock: boolean): RateLimitDecision {
    const { windows, blockMs } = this.#policy;
    const { counts } = entry;
    let waitMs = 0;
    let slowest = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] as WindowCount;
      count.advance(now);
      const ms = cost <= (windows[i] as { burst: number }).burst ? count.waitMs(cost, now) : Infinity;
      if (ms > waitMs) {
        waitMs = ms;
        slowest = i;
      }
    }

    // A clock that has gone back must not make a block longer.
    if (entry.blockedUntil > now + blockMs) entry.blockedUntil = now + blockMs;
    let blockedMs = Math.max(0, entry.blockedUntil - now);
    if (blockedMs === 0 && waitMs > 0) {
      blockedMs = blockMs;
      if (mayBlock) entry.blockedUntil = now + blockMs;
    }
    // A block stands over all windows: the first speaks for it.
    if (blockedMs > 0) return this.#decision(counts, 0, now, 0, Math.max(waitMs, blockedMs));
    if (waitMs > 0) return this.#decision(counts, slowest, now, remainingOf(counts, slowest, now), waitMs);

    let fullest = 0;
    let least = Infinity;
    for (let i = 0; i < counts.length; i++) {
      (counts[i] as WindowCount).add(cost, now);
      const remaining = remainingOf(counts, i, now);
      if (remaining < least) {
        least = remaining;
        fullest = i;
      }
    }
    return this.#decision(counts, fullest, now, least, 0);
  }

  #decision(
    counts: readonly WindowCount[],
    window: number,
    now: number,
    remaining: number,
    retryAfterMs: number,
  ): RateLimitDecision {
    return {
      allowed: retryAfterMs === 0,
      window,
      limit: (this.#policy.windows[window] as { burst: number }).burst,
      remaining,
      resetMs: (counts[window] as WindowCount).resetMs(now),
      retryAfterMs,
      failure: null,
    };
  }
}

function remainingOf(counts: readonly WindowCount[], window: number, now: number): number {
  return (counts[window] as WindowCount).remaining(now);
}

function ignore(): void {}
