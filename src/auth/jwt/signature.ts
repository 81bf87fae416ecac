import { constants, createHmac, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import type { JwtAlgorithm } from './algorithms.js';

/** Signs bytes, and tells whether somebody else has signed them. */
interface Signature {
  readonly sign: (input: Buffer, key: KeyObject) => Buffer;
  readonly verify: (input: Buffer, key: KeyObject, signature: Buffer) => boolean;
}

type Hash = 'sha256' | 'sha384' | 'sha512';

/** RFC 7518 3.2. */
function hmac(hash: Hash): Signature {
  function compute(input: Buffer, key: KeyObject): Buffer {
    return createHmac(hash, key).update(input).digest();
  }
  return {
    sign: compute,
    verify(input, key, signature) {
      const expected = compute(input, key);
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    },
  };
}

/** RFC 7518 3.3, 3.4 and 3.5, and RFC 8037 3.1. @param form What the key is to be used with. */
function asymmetric(hash: Hash | null, form: object = {}): Signature {
  return {
    sign: (input, key) => sign(hash, input, { key, ...form }),
    verify: (input, key, signature) => verify(hash, input, { key, ...form }, signature),
  };
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
/** Two numbers one after the other, where OpenSSL by itself would write DER. */
const PAIR = { dsaEncoding: 'ieee-p1363' };

const SIGNATURES: Readonly<Record<JwtAlgorithm, Signature>> = {
  HS256: hmac('sha256'),
  HS384: hmac('sha384'),
  HS512: hmac('sha512'),
  RS256: asymmetric('sha256'),
  RS384: asymmetric('sha384'),
  RS512: asymmetric('sha512'),
  PS256: asymmetric('sha256', PSS),
  PS384: asymmetric('sha384', PSS),
  PS512: asymmetric('sha512', PSS),
  ES256: asymmetric('sha256', PAIR),
  ES384: asymmetric('sha384', PAIR),
  ES512: asymmetric('sha512', PAIR),
  EdDSA: asymmetric(null),
};

/** The token of a payload (RFC 7515 7.1). @param key Of the kind that the algorithm needs. */
export function signToken(header: { readonly alg: JwtAlgorithm }, payload: string, key: KeyObject): string {
  const input = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  return `${input}.${SIGNATURES[header.alg].sign(Buffer.from(input), key).toString('base64url')}`;
}

/**
 * The payload of a token that this key has signed with this algorithm; `undefined` where it has not, or where the
 * payload is no JSON.
 */
export function signedPayload(token: string, algorithm: JwtAlgorithm, key: KeyObject): unknown {
  const end = token.lastIndexOf('.');
  try {
    const signature = Buffer.from(token.slice(end + 1), 'base64url');
    if (!SIGNATURES[algorithm].verify(Buffer.from(token.slice(0, end), 'latin1'), key, signature)) return undefined;
    return JSON.parse(Buffer.from(token.slice(token.indexOf('.') + 1, end), 'base64url').toString('utf8'));
  } catch {
    // OpenSSL throws for some signatures that cannot be one, and JSON for a payload that is none: neither proves anything.
    return undefined;
  }
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
