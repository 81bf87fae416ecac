import { verify, type KeyObject } from 'node:crypto';
import type { VerifyOptions } from 'jsonwebtoken';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './algorithms.js';
import type { JsonWebToken } from './jsonwebtoken.js';

/** Times and all other claims have rules of their own, one and the same for every algorithm. */
const OPTIONS = Object.fromEntries(
  JWT_ALGORITHMS.map((name) => [name, { algorithms: [name], ignoreExpiration: true, ignoreNotBefore: true }]),
) as Readonly<Record<JwtAlgorithm, VerifyOptions>>;

/**
 * The payload of a token that this key has signed with this algorithm; `undefined` where it has not, or where the
 * payload is no JSON.
 */
export function signedPayload(library: JsonWebToken, token: string, algorithm: JwtAlgorithm, key: KeyObject): unknown {
  try {
    // jsonwebtoken has no EdDSA.
    if (algorithm === 'EdDSA') return edDsaPayload(token, key);
    return library.verify(token, key, OPTIONS[algorithm]);
  } catch {
    // It throws for a signature that does not match as for one that cannot be read: neither proves anything.
    return undefined;
  }
}

/** RFC 8037 3.1. */
function edDsaPayload(token: string, key: KeyObject): unknown {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  if (!verify(null, Buffer.from(token.slice(0, end)), key, signature)) return undefined;
  const payload = token.slice(token.indexOf('.') + 1, end);
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}
