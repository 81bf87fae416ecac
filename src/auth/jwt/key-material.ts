import { createPrivateKey, createPublicKey, createSecretKey, KeyObject, type JsonWebKey } from 'node:crypto';
import { isPlainObject, string, type Schema } from '../../core/options.js';
import { algorithmsOf, JWT_ALGORITHMS } from './algorithms.js';
import { MAX_KID_LENGTH, verificationKeyOf } from './jwk.js';
import type { VerificationKey } from './key-source.js';

/** A secret shared with whoever signs: text (its UTF-8 bytes count), bytes or a `KeyObject`. */
export type SecretMaterial = string | Uint8Array | KeyObject;

/** A public or a private key: PEM, JWK (RFC 7517) or a `KeyObject`. A certificate in PEM has a public key too. */
export type KeyMaterial = string | JsonWebKey | KeyObject;

/** A key from the configuration, or in words what is wrong with it. The words show no part of it. */
export type ReadKey = Omit<VerificationKey, 'consumer'> | string;

/** Takes everything: what the type does not say is said by the reading, which never shows a value. */
export const keyMaterialField: Schema = { expected: 'a key', accepts: () => true };

export const kidField = string(
  `a text of 1 to ${MAX_KID_LENGTH} characters`,
  ({ length }) => length > 0 && length <= MAX_KID_LENGTH,
);

const PRIVATE_PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const ALL_ALGORITHMS = new Set(JWT_ALGORITHMS);

/** Reads a secret for HMAC. A PEM is none: who has the public key could then sign. */
export function readSecret(material: unknown, isBase64: boolean): ReadKey {
  if (material instanceof KeyObject) {
    if (isBase64) return 'secretIsBase64 is for a text, and this is a KeyObject';
    return material.type === 'secret' ? usable(material) : `is a ${material.type} key, which is no secret`;
  }
  if (material instanceof Uint8Array) {
    if (isBase64) return 'secretIsBase64 is for a text, and these are bytes';
    return Buffer.from(material).toString('latin1').includes('-----BEGIN ')
      ? PEM_FAULT
      : usable(createSecretKey(material));
  }
  if (typeof material !== 'string') return 'expected a text, bytes or a KeyObject';
  if (material.includes('-----BEGIN ')) return PEM_FAULT;
  const bytes = isBase64 ? base64Bytes(material) : Buffer.from(material);
  return bytes === null ? 'is not base64, as secretIsBase64 says' : usable(createSecretKey(bytes));
}

const PEM_FAULT = 'is a PEM, which is no secret; a public key goes into publicKey';

/** Reads a public key. A private one is refused: it has no business where tokens are only verified. */
export function readPublicKey(material: unknown): ReadKey {
  if (material instanceof KeyObject)
    return material.type === 'public' ? usable(material) : `is a ${material.type} key, expected a public one`;
  if (isPlainObject(material)) return verificationKeyOf(material, ALL_ALGORITHMS) ?? JWK_FAULT;
  if (typeof material !== 'string') return 'expected a PEM text, a JWK or a KeyObject';
  if (PRIVATE_PEM.test(material)) return 'is a private key, expected a public one';
  try {
    return usable(createPublicKey(material));
  } catch {
    return 'is no PEM of a public key';
  }
}

const JWK_FAULT =
  'is no public JWK for signatures: look at its use, key_ops and alg, at private members, and at its strength';

/** Reads a private key. */
export function readPrivateKey(material: unknown): ReadKey {
  if (material instanceof KeyObject)
    return material.type === 'private' ? usable(material) : `is a ${material.type} key, expected a private one`;
  if (isPlainObject(material)) return privateKeyOf(material as JsonWebKey);
  if (typeof material !== 'string') return 'expected a PEM text, a JWK or a KeyObject';
  try {
    return usable(createPrivateKey(material));
  } catch {
    return 'is no PEM of a private key; give an encrypted one as a KeyObject';
  }
}

function privateKeyOf(jwk: JsonWebKey): ReadKey {
  const { kid = null, alg } = jwk;
  if (kid !== null && !kidField.accepts(kid)) return `has a kid that is not ${kidField.expected}`;
  try {
    const read = usable(createPrivateKey({ key: jwk, format: 'jwk' }));
    if (typeof read === 'string') return read;
    const algorithms = read.algorithms.filter((name) => alg === undefined || alg === name);
    return algorithms.length === 0
      ? 'has an alg that it cannot sign with'
      : { ...read, algorithms, kid: kid as string };
  } catch {
    return 'is no JWK of a private key';
  }
}

function usable(key: KeyObject): ReadKey {
  const algorithms = algorithmsOf(key);
  return algorithms.length === 0 ? weakness(key) : { kid: null, algorithms, key };
}

function weakness({ type, symmetricKeySize = 0, asymmetricKeyType }: KeyObject): string {
  if (type === 'secret')
    return `has ${symmetricKeySize * 8} bits and needs 256; make one with: openssl rand -base64 32`;
  return asymmetricKeyType?.startsWith('rsa') === true
    ? 'is an RSA key that is too weak; it needs 2048 bits'
    : `is a key of a kind or on a curve that signs no tokens`;
}

/** Strict, where `Buffer` alone would skip what it does not know: base64 or base64url, padded or not. */
function base64Bytes(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  const padded = bytes.toString('base64');
  const bare = bytes.toString('base64url');
  const forms = [padded, padded.replace(/=+$/, ''), bare, bare.padEnd(padded.length, '=')];
  return forms.includes(text) ? bytes : null;
}
