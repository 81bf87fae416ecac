import type { Clock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import {
  clockField,
  either,
  func,
  integer,
  isPlainObject,
  list,
  member,
  object,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { claimNameFields, type Claims } from '../claims-identity.js';
import { credentialSourcesField, type CredentialSource } from '../credentials.js';
import { secureUrlField } from '../fetch-json.js';
import { claimRuleFields } from './claim-rules.js';
import { inspectJwksOptions, type JwksOptions } from './jwks-options.js';
import {
  algorithmsField,
  givenKeyFields,
  inspectGivenKey,
  jwtKeySchema,
  misfit,
  verificationKey,
  type GivenKey,
  type JwtKey,
} from './jwt-key.js';
import type { KeySource, VerificationKey } from './key-source.js';
import type { TokenVerifierOptions } from './token-verifier.js';
import { notShown, unshown } from '../../core/unshown.js';

/** The keys (`secret`, `publicKey` or `keys`, one of them), what tokens must say, and what their claims mean. */
export interface JwtOptions extends GivenKey, TokenVerifierOptions {
  /** Several keys: the old and the new one while they rotate, or one for each consumer. */
  keys?: readonly JwtKey[];
  /** Keys that are fetched as a JWK Set (RFC 7517 5): the URL that they are at, or all options. */
  jwks?: string | JwksOptions;
  /**
   * Issuer whose keys are found by OpenID Connect Discovery, exactly as its tokens spell it. It is `issuer` too, unless
   * that says otherwise; for more options write `jwks: { discoverFrom }`.
   */
  oidc?: string;
  /** Keys that come from elsewhere. The strategy closes it. */
  keySource?: KeySource;
  /**
   * Where tokens are looked for, first things first. In `authorization` it is what follows `Bearer`, in every other
   * field the whole value. @default { header: 'authorization' }
   */
  tokenFrom?: CredentialSource | readonly CredentialSource[];
  /**
   * Asked about every good token with every request, a known one too: `true` = it is refused. It must answer with a
   * boolean; where it throws, rejects or takes more than 5 seconds, the answer is 503.
   */
  isRevoked?: (claims: Claims, ctx: Context) => MaybePromise<boolean>;
  /** Good tokens that are known by their hash, so that a repeated one costs no signature; 0 = none. @default 10000 */
  cacheSize?: number;
  /** @default systemClock */
  clock?: Clock;
}

const keySource: Schema = {
  expected: 'a KeySource: { version, find, close }',
  accepts(value) {
    const { find, close, version } = Object(value) as Partial<Record<keyof KeySource, unknown>>;
    return typeof find === 'function' && typeof close === 'function' && typeof version === 'number';
  },
};

const jwksObject: Schema = {
  expected: 'an object of options of a JWKS',
  accepts: isPlainObject,
  inspect: inspectJwksOptions,
};

const jwtFields = {
  ...givenKeyFields,
  ...claimRuleFields,
  ...claimNameFields,
  keys: unshown(list(unshown(jwtKeySchema))),
  jwks: unshown(either(string(), jwksObject)),
  oidc: unshown(string()),
  keySource,
  algorithms: algorithmsField,
  keyClaim: string(),
  tokenFrom: credentialSourcesField,
  isRevoked: func,
  cacheSize: integer(),
  clock: clockField,
} satisfies Record<keyof JwtOptions, Schema>;

const fields = object(jwtFields);

/** Ways to say which keys there are. */
const KEY_NAMES = [
  'secret',
  'publicKey',
  'keys',
  'jwks',
  'oidc',
  'keySource',
] as const satisfies readonly (keyof JwtOptions)[];

/** Adds everything that is wrong with the options. */
export function inspectJwtOptions(options: JwtOptions, at: string, faults: Fault[]): void {
  const own: Fault[] = [];
  fields.inspect?.(options as never, at, own);
  const given = KEY_NAMES.filter((name) => options[name] !== undefined);
  if (given.length !== 1)
    own.push({
      path: at || 'options',
      message: `needs one of ${KEY_NAMES.join(', ')}; got ${given.join(', ') || 'none'}`,
    });
  else if (given[0] === 'secret' || given[0] === 'publicKey') inspectGivenKey(options, at, own);
  else if (options.secretIsBase64 !== undefined)
    own.push({
      path: member(at, 'secretIsBase64'),
      message: 'has no effect without secret; a key of keys has its own',
    });
  if (own.length === 0) inspectKeys(options, at, own);
  faults.push(...own);
}

export const jwtSchema = unshown({ ...fields, inspect: inspectJwtOptions });

/** Adds what does not fit together, once each option is in order by itself. */
function inspectKeys(options: JwtOptions, at: string, faults: Fault[]): void {
  const { keyClaim, keys, algorithms } = options;
  if (keyClaim !== undefined && keys === undefined)
    faults.push({ path: member(at, 'keyClaim'), message: 'has no effect without keys' });
  const fetched = jwksOptionsOf(options);
  if (fetched !== null) inspectFetched(options, fetched, at, faults);
  if (fetched !== null || options.keySource !== undefined) return;
  const usable = staticKeysOf(options);
  for (const [index, { kid }] of usable.entries()) {
    if (keyClaim !== undefined && kid === null)
      faults.push({
        path: `${member(at, 'keys')}[${index}].kid`,
        message: `missing, so ${keyClaim} can never name it`,
      });
  }
  inspectAlgorithms(usable, algorithms, at, faults);
}

function inspectAlgorithms(
  keys: readonly VerificationKey[],
  allowed: JwtOptions['algorithms'],
  at: string,
  faults: Fault[],
): void {
  if (allowed === undefined) return;
  const able = new Set(keys.flatMap(({ algorithms }) => algorithms));
  for (const [index, name] of allowed.entries()) {
    if (!able.has(name))
      faults.push({ path: `${member(at, 'algorithms')}[${index}]`, message: misfit(name, [...able]) });
  }
  for (const [index, key] of keys.entries()) {
    if (keys.length > 1 && !key.algorithms.some((name) => allowed.includes(name)))
      faults.push({
        path: `${member(at, 'keys')}[${index}]`,
        message: `can do none of algorithms, ${allowed.join(', ')}`,
      });
  }
}

/** The long form of what is fetched; `null` where keys are not. */
export function jwksOptionsOf({ jwks, oidc, clock }: JwtOptions): JwksOptions | null {
  if (jwks === undefined && oidc === undefined) return null;
  const given = oidc !== undefined ? { discoverFrom: oidc } : typeof jwks === 'string' ? { uri: jwks } : jwks;
  return { ...(clock === undefined ? undefined : { clock }), ...given };
}

/** A text may be a secret that stands in the wrong place. */
function inspectFetched({ jwks, oidc }: JwtOptions, fetched: JwksOptions, at: string, faults: Fault[]): void {
  if (typeof jwks === 'object') return;
  const own: Fault[] = [];
  inspectJwksOptions(fetched, '', own);
  const path = member(at, oidc === undefined ? 'jwks' : 'oidc');
  const hidden = notShown(secureUrlField);
  for (const { message } of own) faults.push({ path, message: message.startsWith('got ') ? hidden : message });
}

/** The keys of options that have no `keySource`. */
export function staticKeysOf({ keys, algorithms, ...one }: JwtOptions): VerificationKey[] {
  return (keys ?? [one]).map((key) => verificationKey(key));
}
