import { boolean, list, member, object, string, type Fault, type Schema } from '../../core/options.js';
import { isJwtAlgorithm, JWT_ALGORITHMS, type JwtAlgorithm } from './algorithms.js';
import {
  keyMaterialField,
  kidField,
  readPublicKey,
  readSecret,
  type KeyMaterial,
  type ReadKey,
  type SecretMaterial,
} from './key-material.js';
import type { VerificationKey } from './key-source.js';

/** One key, as options give it: `secret` or `publicKey`. */
export interface GivenKey {
  /** For HS256, HS384 and HS512: at least as many bytes as the hash has, so from 32 on (RFC 7518 3.2). */
  secret?: SecretMaterial;
  /** `secret` is a text in base64 or base64url, and what it stands for is the secret. @default false */
  secretIsBase64?: boolean;
  /** For RS, PS, ES and EdDSA: PEM, JWK or a `KeyObject`. RSA from 2048 bits on. */
  publicKey?: KeyMaterial;
}

/** One of several keys. */
export interface JwtKey extends GivenKey {
  /** Its name, 1 to 256 characters. One without a name fits whatever name a token gives. @default that of the JWK */
  kid?: string;
  /** What it may be used with. @default all that a key of its kind and length can do */
  algorithms?: readonly JwtAlgorithm[];
  /** Whose key it is: the `consumer` of every identity that it proves, whatever the claims say. */
  consumer?: string;
}

export const givenKeyFields = {
  secret: keyMaterialField,
  secretIsBase64: boolean,
  publicKey: keyMaterialField,
} satisfies Record<keyof GivenKey, Schema>;

export const algorithmField: Schema = {
  expected: `one of ${JWT_ALGORITHMS.join(', ')} ('none' signs nothing)`,
  accepts: isJwtAlgorithm,
};

export const algorithmsField = list(algorithmField);

const jwtKeyFields = {
  ...givenKeyFields,
  kid: kidField,
  algorithms: algorithmsField,
  consumer: string(),
} satisfies Record<keyof JwtKey, Schema>;

const fields = object(jwtKeyFields);

export const jwtKeySchema: Schema = { ...fields, inspect: inspectJwtKey };

/** Adds everything that is wrong with one of several keys. */
function inspectJwtKey(options: JwtKey, at: string, faults: Fault[]): void {
  const own: Fault[] = [];
  fields.inspect?.(options as never, at, own);
  const { secret, publicKey } = options;
  if ((secret === undefined) === (publicKey === undefined))
    own.push({ path: at || 'options', message: 'needs secret or publicKey, and only one of them' });
  else inspectGivenKey(options, at, own);
  if (own.length === 0) inspectAlgorithms(options, at, own);
  faults.push(...own);
}

/** Adds what is wrong with the one key that is given, be it a weak one. */
export function inspectGivenKey(options: GivenKey, at: string, faults: Fault[]): void {
  const read = readGivenKey(options);
  const name = options.secret === undefined ? 'publicKey' : 'secret';
  if (typeof read === 'string') faults.push({ path: member(at, name), message: read });
  if (name === 'publicKey' && options.secretIsBase64 !== undefined)
    faults.push({ path: member(at, 'secretIsBase64'), message: 'has no effect without secret' });
}

function inspectAlgorithms({ algorithms = [], ...given }: JwtKey, at: string, faults: Fault[]): void {
  const read = readGivenKey(given);
  if (typeof read === 'string') return;
  for (const [index, name] of algorithms.entries()) {
    if (!read.algorithms.includes(name))
      faults.push({ path: `${member(at, 'algorithms')}[${index}]`, message: misfit(name, read.algorithms) });
  }
}

/** What is said of an algorithm that a key cannot be used with. */
export function misfit(name: JwtAlgorithm, able: readonly JwtAlgorithm[]): string {
  return `${name} does not fit the key, which can do ${able.join(', ')}`;
}

function readGivenKey({ secret, secretIsBase64, publicKey }: GivenKey): ReadKey {
  return secret === undefined ? readPublicKey(publicKey) : readSecret(secret, secretIsBase64 === true);
}

/**
 * The key to verify with.
 *
 * @throws {TypeError} where the options have faults, which are found before it is called.
 */
export function verificationKey({ kid, algorithms, consumer, ...given }: JwtKey): VerificationKey {
  const read = readGivenKey(given);
  if (typeof read === 'string') throw new TypeError(`a key ${read}`);
  return {
    kid: kid ?? read.kid,
    algorithms: read.algorithms.filter((name) => algorithms?.includes(name) ?? true),
    key: read.key,
    ...(consumer === undefined ? undefined : { consumer }),
  };
}
