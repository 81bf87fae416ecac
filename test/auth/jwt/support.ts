import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { JwtAlgorithm } from '../../../src/auth/jwt/algorithms.js';
import type { AuthResult } from '../../../src/auth/strategy.js';
import type { Identity } from '../../../src/core/types.js';
import { FakeClock } from '../../support/fake-clock.js';

/** Seconds since 1970 at which every clock here starts. */
export const NOW = Math.floor(new FakeClock().wall() / 1_000);

export const SECRET = 'a secret of more than sixty-four bytes, which is enough for every one of the hashes';

/** Keys for an algorithm: the same one to sign and to verify with where it is a secret. */
export interface TestKeys {
  readonly signing: KeyObject | string;
  readonly verifying: KeyObject | string;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const secret: TestKeys = { signing: SECRET, verifying: SECRET };
const rsaKeys = keysOf(rsa);

export const KEYS: Readonly<Record<JwtAlgorithm, TestKeys>> = {
  HS256: secret,
  HS384: secret,
  HS512: secret,
  RS256: rsaKeys,
  RS384: rsaKeys,
  RS512: rsaKeys,
  PS256: rsaKeys,
  PS384: rsaKeys,
  PS512: rsaKeys,
  ES256: keysOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  ES384: keysOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  ES512: keysOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  EdDSA: keysOf(generateKeyPairSync('ed25519')),
};

function keysOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): TestKeys {
  return { signing: privateKey, verifying: publicKey };
}

/** The same kind of keys, and others. */
export const OTHER_RSA = keysOf(generateKeyPairSync('rsa', { modulusLength: 2048 }));

export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A token made by hand: whatever header, whatever payload (text stays as it is), and a real HMAC. */
export function forge(
  header: unknown,
  payload: unknown = { sub: 'u1', exp: NOW + 60 },
  key: string | Buffer = SECRET,
): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

/** An HS256 token with these claims, and `sub` and `exp` unless they have them. */
export function tokenOf(
  claims: Readonly<Record<string, unknown>> = {},
  key: string | Buffer = SECRET,
  header = {},
): string {
  return forge({ alg: 'HS256', typ: 'JWT', ...header }, { sub: 'u1', exp: NOW + 60, ...claims }, key);
}

/** The raw RSA signature of RS256. */
export function signRs256(input: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(input), key).toString('base64url');
}

export function randomSecret(): string {
  return randomBytes(32).toString('hex');
}

/** @throws {TypeError} where nobody was proven. */
export function identityOf(result: AuthResult): Identity {
  if (result === null || 'failure' in result) throw new TypeError(`no identity: ${JSON.stringify(result)}`);
  return result;
}
