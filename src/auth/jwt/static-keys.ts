import type { JwtAlgorithm } from './algorithms.js';
import { KeySet } from './key-set.js';
import type { KeySource, VerificationKey } from './key-source.js';

/** The keys of the configuration: they never change. */
export class StaticKeys implements KeySource {
  readonly version = 0;
  /** Some verify what others sign. */
  readonly hasPublic: boolean;
  readonly #keys: KeySet;

  constructor(keys: readonly VerificationKey[]) {
    this.hasPublic = keys.some(({ key }) => key.type === 'public');
    this.#keys = new KeySet(keys);
  }

  find(kid: string | null, algorithm: JwtAlgorithm): readonly VerificationKey[] {
    return this.#keys.find(kid, algorithm);
  }

  /** There is nothing to end. */
  close(): void {
    // The interface has it for keys that come from elsewhere.
  }
}
