import type { MaybePromise } from '../../core/types.js';

/** The library, as far as its types go. */
export type JsonWebToken = typeof import('jsonwebtoken');

let loaded: JsonWebToken | null = null;
let loading: Promise<JsonWebToken> | null = null;

/**
 * jsonwebtoken costs tens of milliseconds to load: paid by the first strategy or signer that is made, not by an import
 * of the package. Once it is there, there is nothing to wait for.
 */
export function loadJsonWebToken(): MaybePromise<JsonWebToken> {
  return loaded ?? (loading ??= load());
}

function load(): Promise<JsonWebToken> {
  const library = import('jsonwebtoken').then((module) => (loaded = module.default));
  // Whoever waits for it sees the failure; one that nobody waits for must not end the process.
  library.catch(() => undefined);
  return library;
}
