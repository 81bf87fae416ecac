import { systemClock, type Clock } from '../../core/clock.js';
import { clockField, integer, object, validate, type Schema } from '../../core/options.js';
import type { RefreshRotation, RefreshTokenStore } from './refresh-token-store.js';

export interface MemoryRefreshTokenStoreOptions {
  /**
   * Families that are kept, from 1 on. When there are more, expired ones go first, then the one that has not been
   * refreshed for longest: its user has to log in again. @default 100000
   */
  maxFamilies?: number;
  /** Time that families expire by: monotonic, so setting the wall clock has no say. @default systemClock */
  clock?: Clock;
}

const memoryRefreshTokenStoreFields = {
  maxFamilies: integer({ min: 1 }),
  clock: clockField,
} satisfies Record<keyof MemoryRefreshTokenStoreOptions, Schema>;

interface Family {
  readonly tokenHash: string;
  readonly data: string;
  readonly expiresAt: number;
}

/**
 * Refresh tokens in the memory of this process. They are lost with it, and no other process knows them.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * login({ verify, sign, refresh: { store: new MemoryRefreshTokenStore({ maxFamilies: 10_000 }) } });
 */
export class MemoryRefreshTokenStore implements RefreshTokenStore {
  readonly #maxFamilies: number;
  readonly #clock: Clock;
  /** The one that has not been written for longest comes first. */
  readonly #families = new Map<string, Family>();
  /** No family expires before this, so until then there is nothing to sweep. */
  #nextExpiry = Infinity;

  constructor(options: MemoryRefreshTokenStoreOptions = {}) {
    validate('MemoryRefreshTokenStore', options, object(memoryRefreshTokenStoreFields));
    this.#maxFamilies = options.maxFamilies ?? 100_000;
    this.#clock = options.clock ?? systemClock;
  }

  create(family: string, tokenHash: string, data: string, ttlMs: number): void {
    if (this.#families.size >= this.#maxFamilies) this.#makeRoom();
    this.#put(family, tokenHash, data, ttlMs);
  }

  rotate(family: string, oldHash: string, newHash: string, ttlMs: number): RefreshRotation {
    const known = this.#families.get(family);
    this.#families.delete(family);
    if (known === undefined || known.expiresAt <= this.#clock.now()) return { outcome: 'unknown' };
    // Hashes of random secrets: how long a comparison takes tells nothing of a secret.
    if (known.tokenHash !== oldHash) return { outcome: 'reused' };
    this.#put(family, newHash, known.data, ttlMs);
    return { outcome: 'rotated', data: known.data };
  }

  revoke(family: string): void {
    this.#families.delete(family);
  }

  #put(family: string, tokenHash: string, data: string, ttlMs: number): void {
    const expiresAt = this.#clock.now() + ttlMs;
    this.#families.set(family, { tokenHash, data, expiresAt });
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
  }

  #makeRoom(): void {
    if (this.#nextExpiry <= this.#clock.now()) this.#sweep();
    if (this.#families.size < this.#maxFamilies) return;
    const [oldest] = this.#families.keys();
    if (oldest !== undefined) this.#families.delete(oldest);
  }

  #sweep(): void {
    const now = this.#clock.now();
    this.#nextExpiry = Infinity;
    for (const [family, { expiresAt }] of this.#families) {
      if (expiresAt <= now) this.#families.delete(family);
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    }
  }
}
