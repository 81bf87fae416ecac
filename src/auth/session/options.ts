import type { Clock } from '../../core/clock.js';
import { cookieFields, cookieNameField, inspectCookie, secretsField } from '../../core/cookie-options.js';
import {
  clockField,
  func,
  inspectBeside,
  integer,
  list,
  member,
  object,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { claimNameFields, type ClaimNames, type Claims } from '../claims-identity.js';
import { unshown } from '../../core/unshown.js';

interface CommonSessionOptions extends ClaimNames {
  /**
   * Origins whose pages may change something with the cookie, as a browser writes them: `https://app.example.com`. The
   * request's own is one always. @default none
   */
  trustedOrigins?: readonly string[];
  /** @default systemClock */
  clock?: Clock;
}

/** Sessions that are all in the cookie: every gateway with the secret knows them, and nothing is stored. */
export interface SignedSessionOptions extends CommonSessionOptions {
  /**
   * What cookies are signed with, at least 32 bytes of UTF-8, drawn at random. Of a list the first signs and all verify:
   * to change it, put the new one in front, and take the old one out after `maxAgeMs`.
   */
  secrets: string | readonly string[];
  /** Of the cookie. @default '__Host-session', or 'session' where the other options do not fit that prefix */
  cookie?: string;
  /** How long a session lasts from `create` on, however much it is used, in ms. From 1 on. @default 86400000 */
  maxAgeMs?: number;
  /** Only sent over https. @default true */
  secure?: boolean;
  /** Whether it is sent with requests that another site makes; 'none' needs `secure`. @default 'lax' */
  sameSite?: 'strict' | 'lax' | 'none';
  /** Paths that the cookie is sent to. @default '/' */
  path?: string;
  /** Its subdomains get the cookie too. @default the host that sets it, alone */
  domain?: string;
  lookup?: never;
}

/** Sessions of a store of your own, of which the cookie has no more than the name. */
export interface LookupSessionOptions extends CommonSessionOptions {
  /**
   * The claims of a session, or anything of that kind, such as `{ id, roles }`; `null` where there is no such session, or
   * none any more. It gets the cookie's value as it came, be it signed or encoded by whoever made it. Requests with the
   * same value share one call. When it fails or takes more than 5 seconds, nobody passes (503).
   */
  lookup: (sessionId: string) => MaybePromise<Claims | null | undefined>;
  /** Of the cookie that has the session's id. */
  cookie: string;
  /**
   * How long an answer counts, in ms: the time for which a session that is over may still pass. From 0 on; 0 = every
   * request asks. @default 0
   */
  cacheTtlMs?: number;
  /** Sessions that are kept, the latest used. From 1 to 1000000. @default 10000 */
  cacheSize?: number;
  /** Of the id, see {@link ClaimNames}. @default ['sub', 'userId', 'client_id', 'id'] */
  idClaim?: string | readonly string[];
  secrets?: never;
}

/** `secrets` for signed cookies, or `lookup`. */
export type SessionOptions = SignedSessionOptions | LookupSessionOptions;

const originField = string(
  "an origin such as 'https://app.example.com'",
  (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text,
);

const commonFields = {
  ...claimNameFields,
  cookie: cookieNameField,
  trustedOrigins: list(originField),
  clock: clockField,
};

const signedFields = { secrets: secretsField, ...cookieFields };

const lookupFields = {
  lookup: func,
  cacheTtlMs: integer(),
  cacheSize: integer({ min: 1, max: 1_000_000 }),
};

const sessionFields = {
  ...commonFields,
  ...signedFields,
  ...lookupFields,
} satisfies Record<keyof SignedSessionOptions | keyof LookupSessionOptions, Schema>;

const signed = object(sessionFields, { required: ['secrets'] });
const lookedUp = object(sessionFields, { required: ['cookie'] });

/** Adds everything that is wrong with the options. */
export function inspectSessionOptions(options: SessionOptions, at: string, faults: Fault[]): void {
  if (options.lookup !== undefined) {
    lookedUp.inspect?.(options as never, at, faults);
    inspectBeside('lookup', Object.keys(signedFields), options, at, faults);
    return;
  }
  signed.inspect?.(options as never, at, faults);
  const unused: Partial<Record<string, unknown>> = { ...options };
  for (const name of ['cacheTtlMs', 'cacheSize'])
    if (unused[name] !== undefined) faults.push({ path: member(at, name), message: 'has no effect without lookup' });
  // What a browser would throw away is a login that never works.
  inspectCookie({ secure: true, ...options }, at, faults);
}

export const sessionSchema = unshown({ ...signed, inspect: inspectSessionOptions });

/** The name of the cookie, with the default. */
export function cookieName({ cookie, secure = true, path = '/', domain }: SignedSessionOptions): string {
  return cookie ?? (secure && path === '/' && domain === undefined ? '__Host-session' : 'session');
}
