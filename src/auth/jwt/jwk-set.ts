import { hash } from 'node:crypto';
import type { JwtAlgorithm } from './algorithms.js';
import { verificationKeyOf } from './jwk.js';
import { KeySet } from './key-set.js';
import type { VerificationKey } from './key-source.js';

/** A set of public keys (RFC 7517 5). */
export interface JwkSet {
  readonly keys: KeySet;
  /** Equal for sets of equal keys, in whatever order. */
  readonly fingerprint: string;
}

function textOf({ kid, algorithms, key }: VerificationKey): string {
  return JSON.stringify([kid, algorithms, key.export({ type: 'spki', format: 'der' }).toString('base64')]);
}

/**
 * Reads a JWK Set. Keys that cannot be used are left out, as RFC 7517 5 asks.
 *
 * @throws {Error} where it is none, has more than `maxKeys`, or no key that can be used.
 */
export function parseJwkSet(json: unknown, maxKeys: number, allowed: ReadonlySet<JwtAlgorithm>): JwkSet {
  const { keys } = Object(json) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('no JWK Set');
  if (keys.length > maxKeys) throw new Error(`a set of ${keys.length} keys, more than ${maxKeys}`);
  const usable = (keys as unknown[]).flatMap((jwk) => verificationKeyOf(jwk, allowed) ?? []);
  if (usable.length === 0) throw new Error(`a set of ${keys.length} keys, none of which can be used`);
  const fingerprint = hash('sha256', JSON.stringify(usable.map(textOf).sort()), 'base64');
  return { keys: new KeySet(usable), fingerprint };
}
