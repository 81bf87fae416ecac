import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isPlainObject } from '../../core/options.js';
import { algorithmsOf, type JwtAlgorithm } from './algorithms.js';
import type { VerificationKey } from './key-source.js';

/** Characters of the name of a key; nobody needs a longer one. */
export const MAX_KID_LENGTH = 256;

/** Members that only a secret has (RFC 7518 6): a set that shows one to the world has given that key away. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * The key of a JWK (RFC 7517 4), for signatures that it may verify; `null` where it is for something else, is not
 * understood, too weak, or no public key.
 */
export function verificationKeyOf(jwk: unknown, allowed: ReadonlySet<JwtAlgorithm>): VerificationKey | null {
  if (!isPlainObject(jwk) || PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return null;
  const { kid, alg, use, key_ops: operations } = jwk as Readonly<Record<string, unknown>>;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return null;
  if (use !== undefined && use !== 'sig') return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null;
  const key = publicKeyOf(jwk as JsonWebKey);
  if (key === null) return null;
  const algorithms = algorithmsOf(key).filter((name) => allowed.has(name) && (alg === undefined || alg === name));
  return algorithms.length === 0 ? null : { kid: kid ?? null, algorithms, key };
}

function publicKeyOf(jwk: JsonWebKey): KeyObject | null {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return null;
  }
}
