import type { Clock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import {
  boolean,
  clockField,
  either,
  func,
  integer,
  isPlainObject,
  list,
  literal,
  member,
  milliseconds,
  object,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { realmField } from '../challenge.js';
import type { Claims } from '../claims-identity.js';
import { fetchLimitFields, type FetchLimits } from '../fetch-json.js';
import { inspectTokenSignerOptions, type TokenSignerOptions } from '../jwt/token-signer.js';
import type { RefreshTokensOptions } from './refresh-tokens.js';
import { unshown } from '../../core/unshown.js';

/** What a client has sent to log in: two texts, neither empty nor longer than 1 KiB. */
export interface LoginCredentials {
  /** Such as an e-mail address, as it was sent: neither trimmed nor in lower case. */
  readonly user: string;
  readonly password: string;
}

/** Names of the members of the body. */
export interface CredentialNames {
  /** @default 'email' */
  user?: string;
  /** @default 'password' */
  password?: string;
}

/** Makes the access token for claims. It must be good for `expiresInMs`. */
export type SignFunction = (claims: Claims, ctx: Context) => MaybePromise<string>;

/** What a login does with a session cookie; a session strategy is one. */
export interface LoginSession {
  /** A `Set-Cookie` value that begins a session. */
  create(claims: Claims): string;
  /** A `Set-Cookie` value that ends it. */
  clear(): string;
}

export interface RefreshOptions extends Omit<RefreshTokensOptions, 'clock' | 'randomBytes'> {
  /**
   * Looks again at the user of a token, given the claims of the login: what the next access token says, or `null` where
   * he may not come in any more, which revokes the family. A failure is 500 and costs the client no token.
   * @default the claims of the login
   */
  reload?: (claims: Claims, ctx: Context) => MaybePromise<Claims | null | undefined>;
}

export interface LoginOptions<User extends object = Record<string, unknown>> extends FetchLimits {
  /**
   * Finds the user whom the credentials prove, or `null`. Let an unknown user take as long as a wrong password: compare
   * with some hash in any case. A throw is 500; throw a `GatewayError` of `ERR_GATEWAY_AUTH_UNAVAILABLE` for 503.
   */
  verify?: (credentials: LoginCredentials, ctx: Context) => MaybePromise<User | null | undefined>;
  /**
   * In the place of `verify`: URL of a service that checks credentials, such as `http://users:3001/users/validate`. It
   * gets them as JSON by POST, under the names of `fields`. Its 200 has the user, be it under `user`; 401, 403 and 404
   * are bad credentials, and everything else is 503. `timeoutMs`, `maxResponseBytes` and `fetch` are for it.
   */
  upstream?: string;
  /**
   * Names of the members in which a client sends its credentials: letters, digits, `-` and `_`.
   * @default { user: 'email', password: 'password' }
   */
  fields?: CredentialNames;
  /** Bytes of a body. From 1 on. @default 8192 */
  maxBodyBytes?: number;
  /** Options of a `TokenSigner`, which makes the access tokens, or a function that does. */
  sign: Omit<TokenSignerOptions, 'expiresInMs' | 'clock'> | SignFunction;
  /**
   * How long an access token is good, in ms. From 1000 to ten years. @default 86400000, 24 hours; with `refresh` 900000,
   * 15 minutes
   */
  expiresInMs?: number;
  /**
   * What the tokens say of a user. @default `sub` from his `id`, `userId` or `sub`, and `email`, `role`, `roles`,
   * `scope`, `scopes`, `tenant` where he has them
   */
  claimsOf?: (user: User) => Claims;
  /** What the answer shows of a user. @default everything but members with a name like a secret's, at any depth */
  userView?: (user: User) => object;
  /**
   * Begins a session in a cookie as well: at login and at each refresh; a logout ends it. Pages of other sites must send
   * JSON then: a form, or a logout without a body, is refused with 403 (`Sec-Fetch-Site`). @default none
   */
  session?: LoginSession;
  /** Hands out refresh tokens too; `true` = with the defaults. @default false */
  refresh?: RefreshOptions | boolean;
  /**
   * Limits that a gateway puts in front of the login, unless its route has its own; `false` = none.
   * @default 20 in 15 minutes by address, and 5 that fail in 15 minutes by user
   */
  rateLimits?: readonly object[] | false;
  /** Realm of the challenge in a 401. @default 'api' */
  realm?: string;
  /** @default systemClock */
  clock?: Clock;
  /** Where refresh tokens come from; cryptographically strong. @default that of `node:crypto` */
  randomBytes?: (size: number) => Buffer;
}

const TEN_YEARS_MS = 315_360_000_000;

const expiresInMs = integer({ min: 1_000, max: TEN_YEARS_MS });

/** A limiter takes a dot for a way through objects, and would look elsewhere. */
const memberName = string('a name of letters, digits, - and _', (name) => /^[\w-]+$/.test(name));

const upstreamUrl = string("an http:// or https:// URL without user, such as 'http://users:3001/validate'", (text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + hash === '';
});

function withMethods(expected: string, ...names: readonly string[]): Schema {
  return {
    expected,
    accepts: (value) =>
      typeof value === 'object' &&
      names.every((name) => typeof (value as Readonly<Record<string, unknown>> | null)?.[name] === 'function'),
  };
}

const refreshFields = {
  store: withMethods('a store such as new MemoryRefreshTokenStore()', 'create', 'rotate', 'revoke'),
  expiresInMs,
  maxLifetimeMs: integer({ min: 1_000, max: Infinity }),
  storeTimeoutMs: milliseconds(),
  reload: func,
} satisfies Record<keyof RefreshOptions, Schema>;

const loginFields = {
  ...fetchLimitFields,
  verify: func,
  upstream: unshown(upstreamUrl),
  fields: object({ user: memberName, password: memberName } satisfies Record<keyof CredentialNames, Schema>),
  maxBodyBytes: integer({ min: 1 }),
  sign: unshown(either(func, { expected: 'the options of a TokenSigner', accepts: isPlainObject })),
  expiresInMs,
  claimsOf: func,
  userView: func,
  session: withMethods('a session with create and clear', 'create', 'clear'),
  refresh: either(boolean, object(refreshFields)),
  rateLimits: either(literal(false), list({ expected: 'the options of a limiter', accepts: isPlainObject })),
  realm: realmField,
  clock: clockField,
  randomBytes: func,
} satisfies Record<keyof LoginOptions, Schema>;

const fields = object(loginFields, { required: ['sign'] });

/** Adds everything that is wrong with the options. */
function inspectLoginOptions(options: LoginOptions, at: string, faults: Fault[]): void {
  const { sign, refresh } = options;
  fields.inspect?.(options as never, at, faults);
  inspectCheck(options, at, faults);
  if (isPlainObject(sign)) inspectSign(sign, member(at, 'sign'), faults);
  if (isPlainObject(refresh)) inspectLifetimes(refresh, member(at, 'refresh'), faults);
  const { user, password } = credentialNames(options);
  if (user === password)
    faults.push({ path: member(at, 'fields'), message: 'user and password must have different names' });
}

export const loginSchema = unshown({ ...fields, inspect: inspectLoginOptions });

function inspectCheck(options: LoginOptions, at: string, faults: Fault[]): void {
  const { verify, upstream } = options;
  if ((verify === undefined) === (upstream === undefined))
    faults.push({ path: at || 'options', message: 'needs verify or upstream, and only one of them' });
  if (upstream !== undefined) return;
  for (const name of Object.keys(fetchLimitFields) as (keyof FetchLimits)[]) {
    if (options[name] !== undefined) faults.push({ path: member(at, name), message: 'has no effect without upstream' });
  }
}

function inspectSign(sign: object, at: string, faults: Fault[]): void {
  const { expiresInMs: own, clock, ...signer } = sign as Partial<TokenSignerOptions>;
  for (const [name, value] of Object.entries({ expiresInMs: own, clock })) {
    if (value !== undefined)
      faults.push({ path: member(at, name), message: `belongs beside sign, as login's ${name}` });
  }
  inspectTokenSignerOptions({ ...signer, expiresInMs: 1_000 }, at, faults);
}

function inspectLifetimes(
  { expiresInMs: each, maxLifetimeMs: all }: RefreshOptions,
  at: string,
  faults: Fault[],
): void {
  if (each !== undefined && all !== undefined && all < each)
    faults.push({ path: member(at, 'maxLifetimeMs'), message: `is ${all}, below expiresInMs, ${each}` });
}

/** The names of the members, with the defaults of those that are left out. */
export function credentialNames({ fields: names }: Pick<LoginOptions, 'fields'>): Required<CredentialNames> {
  return { user: names?.user ?? 'email', password: names?.password ?? 'password' };
}
