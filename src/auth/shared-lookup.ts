import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { MaybePromise } from '../core/types.js';

/** What a lookup has found, and for how long it holds. */
export interface Found<Value> {
  readonly value: Value;
  /** In ms; 0 = it is not kept. */
  readonly ttlMs: number;
}

/** How long a refusal is kept at the most: a credential that has just been made may have been tried too early. */
export const MAX_REFUSAL_TTL_MS = 5_000;

interface Kept<Value> {
  readonly value: Value;
  readonly until: number;
}

/** Keeps what lookups have found, the latest `max` of them, and asks once for all who want the same at a time. */
export class SharedLookup<Value extends object> {
  readonly #clock: Clock;
  readonly #kept: LRUCache<string, Kept<Value>> | null;
  readonly #running = new Map<string, Promise<Value>>();

  /** @param max 0 = nothing is kept. */
  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    // Its own `ttl` counts the last moment in, in which a token is expired already (RFC 7519 4.1.4).
    this.#kept = max === 0 ? null : new LRUCache({ max });
  }

  /** @param key Must not be a secret itself: its hash. */
  find(key: string, ask: () => Promise<Found<Value>>): MaybePromise<Value> {
    const kept = this.#kept?.get(key);
    if (kept !== undefined && this.#clock.now() < kept.until) return kept.value;
    return this.#running.get(key) ?? this.#ask(key, ask);
  }

  #ask(key: string, ask: () => Promise<Found<Value>>): Promise<Value> {
    const asked = ask()
      .then(({ value, ttlMs }) => {
        if (ttlMs > 0) this.#kept?.set(key, { value, until: this.#clock.now() + ttlMs });
        return value;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, asked);
    return asked;
  }
}
