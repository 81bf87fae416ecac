import { headerMap } from '../core/headers.js';
import { inspect, isPlainObject, member, object, string, type Fault, type Schema } from '../core/options.js';
import type { Identity } from '../core/types.js';
import { UpstreamFields } from '../core/upstream-fields.js';
import { claim } from './claims-identity.js';
import {
  compileInternalToken,
  inspectInternalToken,
  internalTokenHeader,
  type InternalTokenOptions,
} from './internal-token.js';
import { ownHeaderField } from './own-header.js';
import { unshown } from '../core/unshown.js';

/**
 * What the upstream is told of a proven identity, beside `X-User-Id`, `X-Consumer-Id` where it has a consumer, and
 * `X-User-Role` (the first role) and `X-User-Roles` (JSON list) where it has roles.
 *
 * Values are visible ASCII: everything else in a text is percent-encoded as UTF-8, `%` too, and JSON is escaped.
 */
export interface IdentityHeadersOptions {
  /**
   * Fields with claims, by header field name: `{ 'x-user-email': 'email' }`. Objects and lists are written as JSON; a
   * claim that is missing, or longer than 4096 characters, has no field; nor has a longer list of roles.
   */
  claims?: Readonly<Record<string, string>>;
  /** A short-lived token of the gateway's own, so that the upstream can check who has called it. */
  internalToken?: InternalTokenOptions;
}

const claimsMap: Schema = {
  expected: "an object of header field names to names of claims, such as { 'x-user-email': 'email' }",
  accepts: isPlainObject,
  inspect(map: Readonly<Record<string, unknown>>, at, faults) {
    for (const [name, value] of Object.entries(map)) {
      inspect(ownHeaderField, name, member(at, name), faults);
      inspect(string('the name of a claim'), value, member(at, name), faults);
    }
  },
};

const internalToken: Schema = {
  expected: 'an object of options of an internal token',
  accepts: isPlainObject,
  inspect: inspectInternalToken,
};

const identityHeadersFields = {
  claims: claimsMap,
  internalToken: unshown(internalToken),
} satisfies Record<keyof IdentityHeadersOptions, Schema>;

const fields = object(identityHeadersFields);

/** Adds everything that is wrong with the options. */
export function inspectIdentityHeaders(options: IdentityHeadersOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { claims, internalToken: token } = options;
  if (!isPlainObject(claims) || !isPlainObject(token)) return;
  const name = internalTokenHeader(token);
  if (Object.hasOwn(claims, name))
    faults.push({ path: member(member(at, 'claims'), name), message: 'is the field of the internal token' });
}

/** Fields that these options write: no client may send them, on any route. */
export function identityHeaderNames({ claims = {}, internalToken: token }: IdentityHeadersOptions): string[] {
  return [...Object.keys(claims), ...(token === undefined ? [] : [internalTokenHeader(token)])];
}

/** What an identity was last told as, and with which token. */
interface Told {
  readonly fields: UpstreamFields;
  readonly token: string;
}

/** Compiles the options once. The fields of an identity are laid out once, too, as long as it is the same object. */
export function compileIdentityHeaders(options: IdentityHeadersOptions): (identity: Identity) => UpstreamFields {
  const { claims = {}, internalToken: token } = options;
  const told = new WeakMap<Identity, Told>();
  const tokenOf = token === undefined ? null : compileInternalToken(token);
  const tokenName = token === undefined ? '' : internalTokenHeader(token);

  function tell(identity: Identity, tokenText: string): UpstreamFields {
    const { id, roles, consumer } = identity;
    const made = headerMap();
    made['x-user-id'] = encoded(id);
    made['x-user-role'] = roles[0] === undefined ? undefined : encoded(roles[0]);
    made['x-user-roles'] = roles.length === 0 ? undefined : claimText(roles);
    made['x-consumer-id'] = consumer === undefined ? undefined : encoded(consumer);
    for (const [name, from] of Object.entries(claims)) made[name] = claimText(claim(identity.claims, from));
    if (tokenOf !== null) made[tokenName] = tokenText;
    const fields = new UpstreamFields(made);
    told.set(identity, { fields, token: tokenText });
    return fields;
  }

  return function fieldsOf(identity) {
    const tokenText = tokenOf === null ? '' : tokenOf(identity);
    const known = told.get(identity);
    return known?.token === tokenText ? known.fields : tell(identity, tokenText);
  };
}

const MAX_CLAIM = 4_096;

function claimText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'string' ? encoded(value) : asciiJson(value);
  return text.length > MAX_CLAIM ? undefined : text;
}

/** Two texts are never written alike, so `%` is encoded too; so are spaces that a field would lose at its ends. */
function encoded(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]|^ | $/gu, (char) =>
    bytesOf(char)
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** UTF-8. Half of a surrogate pair has none: it gets the bytes that its number would have, not those of U+FFFD. */
function bytesOf(char: string): number[] {
  const code = char.charCodeAt(0);
  const isHalf = char.length === 1 && code >= 0xd800 && code <= 0xdfff;
  return isHalf ? [0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)] : [...Buffer.from(char)];
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
