/** Facts on header fields that several pieces share. */
import type { HeaderMap } from './types.js';

/**
 * The class of header maps: without `Object.prototype`, so a field called `constructor` is only ever a field, and yet
 * of the fast kind that `Object.create(null)` is not.
 */
const EmptyHeaders = function EmptyHeaders() {
  // Fields come from outside.
} as unknown as new () => HeaderMap;
EmptyHeaders.prototype = Object.create(null) as object;

/** A new map without fields. */
export function headerMap(): HeaderMap {
  return new EmptyHeaders();
}

/** Fields of one connection, never relayed (RFC 9110 7.6.1). */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
]);

/** Of a request upstream, the fields that the gateway writes from what it knows, or not at all. */
export const GATEWAY_FIELDS: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-gateway-timestamp',
  'x-real-ip',
  'x-request-id',
]);

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** True for a field name (RFC 9110 5.1). */
export function isFieldName(name: string): boolean {
  return TOKEN.test(name);
}

/** True for a value that can stand on the wire: no control character, nothing above one byte (RFC 9110 5.5). */
export function isFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}

/** Lower-case tokens of a list field such as `Connection`; empty ones are left out. */
export function listTokens(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return String(value)
    .toLowerCase()
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
}

/** The elements of two list fields, each once, whatever its case. */
export function mergedList(first: string | string[], second: string | string[]): string {
  const elements = [first, second].flat().flatMap((value) => value.split(','));
  const byName = new Map<string, string>();
  for (const element of elements) {
    const text = element.trim();
    const name = text.toLowerCase();
    if (text !== '' && !byName.has(name)) byName.set(name, text);
  }
  return [...byName.values()].join(', ');
}

/** The first value of a field. */
export function headerValue(headers: Readonly<HeaderMap>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const HOST = /^(?:\[[\da-f:.]+\]|[\w.~%!$&'()*+;=-]+)(?::\d{0,5})?$/i;

/** True for an authority without user information (RFC 9110 7.2), 255 bytes at most. A list of hosts is none. */
export function isHost(value: string): boolean {
  return value.length <= 255 && HOST.test(value);
}

/**
 * What the gateway vouches for to an upstream: a proven identity, and that a request is a copy for a shadow. It alone
 * writes these fields, whatever a client sends.
 */
export const VOUCHED_FIELDS: ReadonlySet<string> = new Set([
  'x-consumer-id',
  'x-gateway-shadow',
  'x-user-id',
  'x-user-role',
  'x-user-roles',
]);

/** True for a field that the gateway vouches for, in any spelling. */
export function isVouchedField(name: string): boolean {
  return hasField(VOUCHED_FIELDS, name);
}

/** True where one of `names` is meant: some servers read `x_user_id` as `x-user-id`. */
export function hasField(names: ReadonlySet<string>, name: string): boolean {
  return names.has(name) || (name.includes('_') && names.has(name.replaceAll('_', '-')));
}

/** End-to-end fields that nobody can have removed by naming them in `Connection`. */
const NOT_NOMINABLE: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'set-cookie',
  'traceparent',
  'tracestate',
]);

/** The fields that a `Connection` value says belong to the connection (RFC 9110 7.6.1); `null` where there are none. */
export function nominatedFields(connection: string | string[] | undefined): ReadonlySet<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null;
  const names = listTokens(connection).filter((name) => !NOT_NOMINABLE.has(name));
  return names.length === 0 ? null : new Set(names);
}
