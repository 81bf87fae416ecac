import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.js';
import type { MaybePromise } from '../../core/types.js';
import { isAuthFailure, type AuthFailure } from '../strategy.js';
import { isWithin } from './claim-rules.js';
import type { KeySource } from './key-source.js';
import type { TokenVerifier, VerifiedToken } from './token-verifier.js';

/**
 * Verifies a token once, and knows it by its hash for as long as it is good and its key is still there: a repeated one
 * costs no signature. What was refused is not kept.
 */
export class TokenCache {
  readonly #verifier: TokenVerifier;
  readonly #keys: KeySource;
  readonly #clock: Clock;
  readonly #known: LRUCache<string, VerifiedToken>;
  #version: number;

  /** @param max Tokens that are kept, the latest ones. From 1 on. */
  constructor(verifier: TokenVerifier, keys: KeySource, clock: Clock, max: number) {
    this.#verifier = verifier;
    this.#keys = keys;
    this.#clock = clock;
    this.#known = new LRUCache({ max });
    this.#version = keys.version;
  }

  verify(token: string): MaybePromise<VerifiedToken | AuthFailure> {
    const { version } = this.#keys;
    if (version !== this.#version) this.#forget(version);
    const id = hash('sha256', token, 'base64url');
    const known = this.#known.get(id);
    if (known !== undefined && isWithin(known, this.#clock.wall())) return known;
    const verified = this.#verifier.verify(token);
    return verified instanceof Promise
      ? verified.then((late) => this.#keep(id, late, version))
      : this.#keep(id, verified, version);
  }

  #forget(version: number): void {
    this.#known.clear();
    this.#version = version;
  }

  /** While it was verified the keys may have changed, and its own may have been among those that are gone. */
  #keep(id: string, verified: VerifiedToken | AuthFailure, version: number): VerifiedToken | AuthFailure {
    if (!isAuthFailure(verified) && version === this.#keys.version) this.#known.set(id, verified);
    return verified;
  }
}
