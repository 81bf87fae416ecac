import { integer, isPlainObject, list, object, string, type Schema } from '../core/options.js';
import type { Identity, IdentityRateLimit } from '../core/types.js';
import { scopeField } from './challenge.js';

/** What somebody may do, as a configuration or a database of yours tells it. */
export interface CallerGrants {
  /** Without spaces (RFC 6749 3.3). @default none */
  readonly scopes?: readonly string[];
  /** @default none */
  readonly roles?: readonly string[];
  /** The customer on whose behalf the caller acts. @default none */
  readonly tenant?: string;
  /** Whatever else there is to know. @default {} */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What this caller may ask for, beside the limits of routes. @default no limit of its own */
  readonly rateLimit?: IdentityRateLimit;
}

/** Who somebody is, and what it may do. */
export interface Caller extends CallerGrants {
  /** Never empty. */
  readonly id: string;
}

const count = integer({ min: 1 });

/** Schemas of the members, by name. */
export const callerGrantFields = {
  scopes: list(scopeField, { min: 0 }),
  roles: list(string(), { min: 0 }),
  tenant: string(),
  claims: { expected: 'an object', accepts: isPlainObject },
  rateLimit: object({ limit: count, windowMs: count }, { required: ['limit', 'windowMs'] }),
} satisfies Record<keyof CallerGrants, Schema>;

export const callerFields = { id: string(), ...callerGrantFields } satisfies Record<keyof Caller, Schema>;

/** The identity of a caller, a copy of its own that is frozen. */
export function identityOf(caller: Caller, scheme: string, consumer?: string): Identity {
  const { id, scopes = [], roles = [], tenant, claims = {}, rateLimit } = caller;
  return Object.freeze({
    id,
    scheme,
    claims: Object.freeze({ ...claims }),
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    ...(tenant === undefined ? undefined : { tenant }),
    ...(consumer === undefined ? undefined : { consumer }),
    ...(rateLimit === undefined ? undefined : { rateLimit: Object.freeze({ ...rateLimit }) }),
  });
}
