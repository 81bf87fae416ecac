import type { MaybePromise } from '../../core/types.js';

/**
 * What became of a token that was to be changed for the next one.
 *
 * - `rotated`: it was the latest of its family; now the next one is. `data` is what the family was created with.
 * - `reused`: it was not the latest. Two parties hold tokens of the family, so the family is gone.
 * - `unknown`: there is no such family: never made, revoked, or expired.
 */
export type RefreshRotation =
  | { readonly outcome: 'rotated'; readonly data: string }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' };

/**
 * Where families of refresh tokens live: all tokens that descend from one login are a family, and only its latest token
 * is good. A store never sees a token, only its SHA-256. A throw or a rejection means that it cannot answer: 503.
 */
export interface RefreshTokenStore {
  /**
   * Keeps a new family.
   *
   * @param family 22 characters of base64url.
   * @param tokenHash Of its first token: 43 characters of base64url.
   * @param data What {@link rotate} gives back, as it is.
   * @param ttlMs How long the token is good, in ms. From 1 on.
   */
  create(family: string, tokenHash: string, data: string, ttlMs: number): MaybePromise<void>;
  /**
   * Puts `newHash` in the place of `oldHash` for another `ttlMs`, in one step: of calls with the same `oldHash` only one
   * gets `rotated`. Where the family has another hash it is revoked in the same step.
   */
  rotate(family: string, oldHash: string, newHash: string, ttlMs: number): MaybePromise<RefreshRotation>;
  /** Forgets a family, be there one or not. */
  revoke(family: string): MaybePromise<void>;
}
