import { randomUUID, type KeyObject } from 'node:crypto';
import { systemClock, type Clock } from '../../core/clock.js';
import {
  boolean,
  clockField,
  either,
  func,
  integer,
  list,
  member,
  object,
  string,
  validate,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { Claims } from '../claims-identity.js';
import type { JwtAlgorithm } from './algorithms.js';
import { algorithmField, misfit } from './jwt-key.js';
import {
  keyMaterialField,
  kidField,
  readPrivateKey,
  readSecret,
  type KeyMaterial,
  type ReadKey,
  type SecretMaterial,
} from './key-material.js';
import { signToken } from './signature.js';
import { unshown } from '../../core/unshown.js';

/** `secret` or `privateKey`, and how long tokens are good for. */
export interface TokenSignerOptions {
  /** For HS256, HS384 and HS512: at least as many bytes as the hash has, so from 32 on (RFC 7518 3.2). */
  secret?: SecretMaterial;
  /** `secret` is a text in base64 or base64url, and what it stands for is the secret. @default false */
  secretIsBase64?: boolean;
  /** For RS, PS, ES and EdDSA: PEM, JWK or a `KeyObject`. RSA from 2048 bits on. */
  privateKey?: KeyMaterial;
  /** @default HS256, RS256, or the only one that the key can do */
  algorithm?: JwtAlgorithm;
  /** Name of the key, for those who verify: 1 to 256 characters. @default that of the JWK, else none */
  kid?: string;
  /** `iss` of every token. @default none */
  issuer?: string;
  /** `aud` of every token: whom it is for. @default none */
  audience?: string | readonly string[];
  /** Time that a token is good for, in ms; `exp` has whole seconds. From 1000 on. */
  expiresInMs: number;
  /** Makes the `jti` of tokens whose claims have none. @default a UUID of version 4 (RFC 9562) */
  tokenId?: () => string;
  /** @default systemClock */
  clock?: Clock;
}

const expiresIn = integer({ min: 1_000 });

const tokenSignerFields = {
  secret: keyMaterialField,
  secretIsBase64: boolean,
  privateKey: keyMaterialField,
  algorithm: algorithmField,
  kid: kidField,
  issuer: string(),
  audience: either(string(), list(string())),
  expiresInMs: expiresIn,
  tokenId: func,
  clock: clockField,
} satisfies Record<keyof TokenSignerOptions, Schema>;

const fields = object(tokenSignerFields, { required: ['expiresInMs'] });

/** Adds everything that is wrong with the options. */
export function inspectTokenSignerOptions(options: TokenSignerOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { secret, privateKey, secretIsBase64, algorithm } = options;
  if ((secret === undefined) === (privateKey === undefined)) {
    faults.push({ path: at || 'options', message: 'needs secret or privateKey, and only one of them' });
    return;
  }
  const read = readSigningKey(options);
  if (typeof read === 'string')
    faults.push({ path: member(at, secret === undefined ? 'privateKey' : 'secret'), message: read });
  else if (algorithm !== undefined && algorithmField.accepts(algorithm) && !read.algorithms.includes(algorithm))
    faults.push({ path: member(at, 'algorithm'), message: misfit(algorithm, read.algorithms) });
  if (secret === undefined && secretIsBase64 !== undefined)
    faults.push({ path: member(at, 'secretIsBase64'), message: 'has no effect without secret' });
}

const schema = unshown({ ...fields, inspect: inspectTokenSignerOptions });

function readSigningKey({ secret, secretIsBase64, privateKey }: TokenSignerOptions): ReadKey {
  return secret === undefined ? readPrivateKey(privateKey) : readSecret(secret, secretIsBase64 === true);
}

/** Claims that only the signer writes. */
const OWN_CLAIMS = ['iss', 'aud', 'iat', 'nbf', 'exp'];

/**
 * Signs tokens (RFC 7519) with one key.
 *
 * @throws {ConfigError} when an option is wrong, be it a key that is too weak.
 *
 * @example
 * const signer = new TokenSigner({ secret: process.env.JWT_SECRET, issuer: 'shop', expiresInMs: 900_000 });
 * const token = signer.sign({ sub: user.id, scope: 'orders:read' });
 */
export class TokenSigner {
  readonly #key: KeyObject;
  readonly #header: { readonly alg: JwtAlgorithm; readonly typ: 'JWT'; readonly kid?: string };
  readonly #ownClaims: Claims;
  readonly #expiresInMs: number;
  readonly #tokenId: () => string;
  readonly #clock: Clock;

  constructor(options: TokenSignerOptions) {
    validate('TokenSigner', options, schema);
    const { issuer, audience, expiresInMs, tokenId = randomUUID, clock = systemClock } = options;
    const read = readSigningKey(options) as Exclude<ReadKey, string>;
    const kid = options.kid ?? read.kid;
    this.#key = read.key;
    const alg = (options.algorithm ?? read.algorithms[0]) as JwtAlgorithm;
    this.#header = { alg, typ: 'JWT', ...(kid === null ? undefined : { kid }) };
    this.#ownClaims = { iss: issuer, aud: audience };
    this.#expiresInMs = expiresInMs;
    this.#tokenId = tokenId;
    this.#clock = clock;
  }

  /**
   * A token with these claims and the signer's own: `iss`, `aud`, `iat`, `exp`, and `jti` unless they have one.
   *
   * @param options.expiresInMs In the place of the signer's, for this token.
   * @throws {TypeError} where the claims have one of those that only the signer writes: they may come from outside.
   * @throws {ConfigError} when `expiresInMs` is wrong.
   */
  sign(claims: Claims, options: { readonly expiresInMs?: number } = {}): string {
    const { expiresInMs = this.#expiresInMs } = options;
    if (options.expiresInMs !== undefined) validate('TokenSigner.sign', expiresInMs, expiresIn, 'expiresInMs');
    const taken = OWN_CLAIMS.find((name) => Object.hasOwn(claims, name));
    if (taken !== undefined) throw new TypeError(`the claim ${taken} is the signer's to write`);
    const wallMs = this.#clock.wall();
    const payload = JSON.stringify({
      ...claims,
      jti: claims.jti ?? this.#tokenId(),
      ...this.#ownClaims,
      iat: Math.floor(wallMs / 1_000),
      exp: Math.floor((wallMs + expiresInMs) / 1_000),
    });
    return signToken(this.#header, payload, this.#key);
  }
}
