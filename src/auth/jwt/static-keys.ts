import type { JwtAlgorithm } from './algorithms.js';
import type { KeySource, VerificationKey } from './key-source.js';

/** The keys of the configuration: they never change. */
export class StaticKeys implements KeySource {
  readonly version = 0;
  /** Some verify what others sign. */
  readonly hasPublic: boolean;
  readonly #all: readonly VerificationKey[];
  readonly #unnamed: readonly VerificationKey[];
  readonly #named = new Map<string, VerificationKey[]>();

  constructor(keys: readonly VerificationKey[]) {
    this.hasPublic = keys.some(({ key }) => key.type === 'public');
    this.#all = keys;
    this.#unnamed = keys.filter(({ kid }) => kid === null);
    for (const key of keys) {
      if (key.kid === null) continue;
      const namesakes = this.#named.get(key.kid);
      if (namesakes === undefined) this.#named.set(key.kid, [key, ...this.#unnamed]);
      else namesakes.unshift(key);
    }
  }

  find(kid: string | null, algorithm: JwtAlgorithm): readonly VerificationKey[] {
    const keys = kid === null ? this.#all : (this.#named.get(kid) ?? this.#unnamed);
    return keys.filter(({ algorithms }) => algorithms.includes(algorithm));
  }

  /** There is nothing to end. */
  close(): void {
    // The interface has it for keys that come from elsewhere.
  }
}
