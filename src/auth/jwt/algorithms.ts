import type { KeyObject } from 'node:crypto';

/** The algorithms of RFC 7518 and RFC 8037 that tokens may be signed with. `none` is none of them. */
export const JWT_ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

export function isJwtAlgorithm(value: unknown): value is JwtAlgorithm {
  return (JWT_ALGORITHMS as readonly unknown[]).includes(value);
}

const CURVES: Readonly<Record<string, JwtAlgorithm>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/**
 * The algorithms that a key can be used with: its kind decides, never the token. A secret fits every hash that is not
 * longer than the secret itself (RFC 7518 3.2); none where the key is too weak (RSA below 2048 bits) or of another kind.
 */
export function algorithmsOf(key: KeyObject): JwtAlgorithm[] {
  if (key.type === 'secret') {
    const bits = (key.symmetricKeySize ?? 0) * 8;
    return ([256, 384, 512] as const).filter((hash) => bits >= hash).map((hash) => `HS${hash}` as const);
  }
  const { modulusLength = 0, namedCurve = '', hashAlgorithm } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return modulusLength < 2048 ? [] : ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
    case 'rsa-pss':
      return modulusLength < 2048 ? [] : pssAlgorithms(hashAlgorithm);
    case 'ec':
      return [CURVES[namedCurve] ?? []].flat();
    case 'ed25519':
    case 'ed448':
      return ['EdDSA'];
    default:
      return [];
  }
}

/** A key for RSA-PSS can be for one hash alone (RFC 8017 A.2.3). */
function pssAlgorithms(hash: string | undefined): JwtAlgorithm[] {
  return (['PS256', 'PS384', 'PS512'] as const).filter((name) => hash === undefined || name === `PS${hash.slice(-3)}`);
}
