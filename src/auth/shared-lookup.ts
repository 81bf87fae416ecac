import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { MaybePromise } from '../core/types.js';

/** What a lookup has found, and for how long it holds. */
export interface Found<Value> {
  readonly value: Value;
  /** In ms; 0 = it is not kept. */
  readonly ttlMs: number;
}

/** Keeps what lookups have found, the latest `max` of them, and asks once for all who want the same at a time. */
export class SharedLookup<Value extends object> {
  readonly #clock: Clock;
  readonly #kept: LRUCache<string, Value> | null;
  readonly #running = new Map<string, Promise<Value>>();

  /** @param max 0 = nothing is kept. */
  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#kept = max === 0 ? null : new LRUCache({ max, perf: clock, ttlResolution: 0 });
  }

  /** @param key Must not be a secret itself: its hash. */
  find(key: string, ask: () => Promise<Found<Value>>): MaybePromise<Value> {
    return this.#kept?.get(key) ?? this.#running.get(key) ?? this.#ask(key, ask);
  }

  #ask(key: string, ask: () => Promise<Found<Value>>): Promise<Value> {
    const asked = ask()
      .then(({ value, ttlMs }) => {
        if (ttlMs > 0) this.#kept?.set(key, value, { ttl: ttlMs, start: this.#clock.now() });
        return value;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, asked);
    return asked;
  }
}
