import type { JwtAlgorithm } from './algorithms.js';
import type { VerificationKey } from './key-source.js';

/** The keys for one algorithm. */
interface Shelf {
  readonly all: VerificationKey[];
  /** Those without a name, which fit whatever name a token gives. */
  readonly unnamed: VerificationKey[];
  /** By name, with the unnamed ones behind. */
  readonly named: Map<string, VerificationKey[]>;
}

export const NO_KEYS: readonly VerificationKey[] = Object.freeze([]);

/** Keys, laid out so that finding some makes nothing new. */
export class KeySet {
  readonly #shelves = new Map<JwtAlgorithm, Shelf>();

  constructor(keys: readonly VerificationKey[]) {
    // Those without a name come last, so that they join every list of a name.
    for (const key of [...keys].sort((a, b) => Number(a.kid === null) - Number(b.kid === null))) {
      for (const algorithm of key.algorithms) this.#put(key, algorithm);
    }
  }

  /** The keys of that name, and of that algorithm; all of the algorithm where the name is `null`. */
  find(kid: string | null, algorithm: JwtAlgorithm): readonly VerificationKey[] {
    const shelf = this.#shelves.get(algorithm);
    if (shelf === undefined) return NO_KEYS;
    return kid === null ? shelf.all : (shelf.named.get(kid) ?? shelf.unnamed);
  }

  #put(key: VerificationKey, algorithm: JwtAlgorithm): void {
    const { all, unnamed, named } = this.#shelfOf(algorithm);
    all.push(key);
    if (key.kid === null) {
      for (const keys of named.values()) keys.push(key);
      unnamed.push(key);
      return;
    }
    const namesakes = named.get(key.kid);
    if (namesakes === undefined) named.set(key.kid, [key]);
    else namesakes.push(key);
  }

  #shelfOf(algorithm: JwtAlgorithm): Shelf {
    let shelf = this.#shelves.get(algorithm);
    if (shelf === undefined) {
      shelf = { all: [], unnamed: [], named: new Map() };
      this.#shelves.set(algorithm, shelf);
    }
    return shelf;
  }
}
