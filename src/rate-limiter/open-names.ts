import { ConfigError } from '../core/options.js';

/** The names of the limiters that are open on one store. */
export class OpenNames {
  readonly #names = new Set<string>();

  /**
   * Takes a name, and returns the function that frees it; calling that again does nothing.
   *
   * @throws {ConfigError} where the name is taken.
   */
  claim(name: string): () => void {
    if (this.#names.has(name)) {
      const message = `'${name}' is taken: two limiters with one name on one store would count each other's calls; give each its own name`;
      throw new ConfigError('RateLimiter', [{ path: 'name', message }]);
    }
    this.#names.add(name);
    let isOpen = true;
    return () => {
      if (isOpen) this.#names.delete(name);
      isOpen = false;
    };
  }
}
