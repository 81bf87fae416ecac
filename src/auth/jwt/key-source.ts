import type { KeyObject } from 'node:crypto';
import type { MaybePromise } from '../../core/types.js';
import type { AuthFailure } from '../strategy.js';
import type { JwtAlgorithm } from './algorithms.js';

/** A key that may have signed a token. */
export interface VerificationKey {
  /** `null` where it has no name. */
  readonly kid: string | null;
  /** What it may be used with, and nothing else. */
  readonly algorithms: readonly JwtAlgorithm[];
  readonly key: KeyObject;
  /** Who holds it, where keys belong to consumers. */
  readonly consumer?: string;
}

/** Where the keys for tokens come from: the configuration, or a JWKS. */
export interface KeySource {
  /** Grows with every change of the keys: what was verified with the old ones counts no more. */
  readonly version: number;
  /**
   * The keys that fit: those of that name where the token names one (a key without a name fits too), and of that
   * algorithm. None is an empty list; `unavailable` where nobody can tell.
   */
  find(kid: string | null, algorithm: JwtAlgorithm): MaybePromise<readonly VerificationKey[] | AuthFailure>;
  close(): void;
}
