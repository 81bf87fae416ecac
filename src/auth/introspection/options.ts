import type { Clock } from '../../core/clock.js';
import { isFieldName, isFieldValue } from '../../core/headers.js';
import {
  boolean,
  clockField,
  either,
  integer,
  isPlainObject,
  list,
  member,
  object,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import { claimNameFields, type ClaimNames } from '../claims-identity.js';
import { credentialSourcesField, type CredentialSource } from '../credentials.js';
import { unshown } from '../../core/unshown.js';
import { fetchLimitFields, isSecureUrl, secureUrlField, type FetchLimits } from '../fetch-json.js';

/** The endpoint, how the gateway proves to it who it is, and what it must say of a token. */
export interface IntrospectionOptions extends FetchLimits, ClaimNames {
  /** The introspection endpoint (RFC 7662 2): an https URL, or http on loopback. */
  url: string;
  /** Takes http beyond loopback too: only for a network that keeps others out by itself. @default false */
  allowHttp?: boolean;
  /** The gateway's own name at the endpoint, sent with `clientSecret` as HTTP Basic (RFC 6749 2.3.1). */
  clientId?: string;
  clientSecret?: string;
  /**
   * In the place of `clientId` and `clientSecret`: header fields that prove who the gateway is, names in lower case;
   * `{}` where your own `fetch` does it with a certificate.
   */
  headers?: Readonly<Record<string, string>>;
  /** Where a request has its token; of a list the first that has something. @default { header: 'authorization' } */
  tokenFrom?: CredentialSource | readonly CredentialSource[];
  /** `iss` must be one of these. @default any, or none */
  issuer?: string | readonly string[];
  /** `aud` must have one of these. @default any, or none */
  audience?: string | readonly string[];
  /**
   * `token_type` must be one of these, in any case. Some servers name none for a refresh token: against those give
   * `['Bearer']`, which takes an answer without a type for a refusal. @default 'Bearer', 'access_token', or none
   */
  tokenTypes?: readonly string[];
  /** Claims that an answer must have, by name or by a way through objects, as in {@link ClaimNames}. @default none */
  requiredClaims?: readonly string[];
  /** How far the clocks of server and gateway may differ where `exp` and `nbf` are checked, in ms. From 0 on. @default 0 */
  clockToleranceMs?: number;
  /**
   * How long an answer counts, in ms: the time for which a token that was revoked may still pass. Never past `exp`; one
   * that refuses the token counts for 5 s at the most. From 0 on; 0 = every request asks. @default 30000
   */
  cacheTtlMs?: number;
  /** Tokens whose answers are kept, the latest used. From 1 to 1000000. @default 10000 */
  cacheSize?: number;
  /**
   * How long the endpoint is left alone after a failure, in ms; until then tokens that are not in the cache are answered
   * as unavailable at once. From 0 on; 0 = every request tries. @default 1000
   */
  cooldownMs?: number;
  /** @default systemClock */
  clock?: Clock;
}

/** What the body is, and what is wanted for it, is for `introspection` to say. */
const OWN_FIELDS: readonly string[] = ['accept', 'content-type', 'content-length'];

const secretHeaders: Schema = {
  expected: 'an object of header fields in lower case to texts',
  accepts: isPlainObject,
  inspect(headers: object, at, faults) {
    for (const [name, value] of Object.entries(headers) as [string, unknown][]) {
      const path = member(at, name);
      if (!isFieldName(name) || name !== name.toLowerCase())
        faults.push({ path, message: 'is no name of a header field in lower case' });
      else if (OWN_FIELDS.includes(name)) faults.push({ path, message: 'is set by introspection itself' });
      if (typeof value !== 'string' || value === '' || !isFieldValue(value))
        faults.push({ path, message: 'expected a text that can stand in a header field' });
    }
  },
};

const endpointUrl = string(secureUrlField.expected, (url) => isSecureUrl(url, true));
const texts = either(string(), list(string()));

const introspectionFields = {
  ...fetchLimitFields,
  ...claimNameFields,
  url: unshown(endpointUrl),
  allowHttp: boolean,
  clientId: string(),
  clientSecret: unshown(string()),
  headers: unshown(secretHeaders),
  tokenFrom: credentialSourcesField,
  issuer: texts,
  audience: texts,
  tokenTypes: list(string()),
  requiredClaims: list(string()),
  clockToleranceMs: integer(),
  cacheTtlMs: integer(),
  cacheSize: integer({ min: 1, max: 1_000_000 }),
  cooldownMs: integer(),
  clock: clockField,
} satisfies Record<keyof IntrospectionOptions, Schema>;

const fields = object(introspectionFields, { required: ['url'] });

/** Adds everything that is wrong with the options. */
export function inspectIntrospectionOptions(options: IntrospectionOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { url, allowHttp, clientId, clientSecret, headers } = options;
  if (endpointUrl.accepts(url) && !isSecureUrl(url, allowHttp === true))
    faults.push({ path: member(at, 'url'), message: 'is http beyond loopback; use https, or set allowHttp' });
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    const missing = clientId === undefined ? 'clientId' : 'clientSecret';
    faults.push({ path: member(at, missing), message: 'missing: clientId and clientSecret go together' });
  }
  const hasClient = clientId !== undefined || clientSecret !== undefined;
  if (hasClient === (headers !== undefined))
    faults.push({
      path: at || 'options',
      message: 'needs clientId and clientSecret, or headers, and only one of the two',
    });
}

export const introspectionSchema = unshown({ ...fields, inspect: inspectIntrospectionOptions });
