import { COOKIE_NAME } from './cookie.js';

/** What a browser is told about a cookie (RFC 6265 4.1.2). */
export interface CookieAttributes {
  /**
   * How long the browser keeps it, in ms, told in whole seconds. From 0 on; 0 = it is removed. @default until it closes
   */
  readonly maxAgeMs?: number;
  /** Paths that it is sent to: this one and those below. */
  readonly path: string;
  /** Its subdomains get the cookie too. @default the host that sets it, alone */
  readonly domain?: string;
  /** Only sent over https. */
  readonly secure: boolean;
  /** Whether it is sent with requests that another site makes. */
  readonly sameSite: 'strict' | 'lax' | 'none';
}

/** RFC 6265 4.1.1: visible ASCII but for `"`, comma, semicolon and backslash. */
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
/** A path as `Set-Cookie` takes it: it starts with `/`, and nothing in it ends the attribute. */
export const COOKIE_PATH = /^\/[\x20-\x2b\x2d-\x3a\x3c-\x7e]*$/;
/** A host name. */
export const COOKIE_DOMAIN = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i;

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const;

/**
 * A value for `Set-Cookie`. Scripts never get to read the cookie (`HttpOnly`).
 *
 * @throws {TypeError} for what would change the field instead of standing in it. The text shows no value.
 */
export function setCookie(name: string, value: string, attributes: CookieAttributes): string {
  const { maxAgeMs, path, domain, secure, sameSite } = attributes;
  check('name', COOKIE_NAME.test(name));
  check('value', COOKIE_VALUE.test(value));
  check('path', COOKIE_PATH.test(path));
  check('domain', domain === undefined || COOKIE_DOMAIN.test(domain));
  const parts = [`${name}=${value}`];
  if (maxAgeMs !== undefined) parts.push(`Max-Age=${Math.ceil(maxAgeMs / 1000)}`);
  parts.push(`Path=${path}`);
  if (domain !== undefined) parts.push(`Domain=${domain}`);
  if (secure) parts.push('Secure');
  parts.push('HttpOnly', `SameSite=${SAME_SITE[sameSite]}`);
  return parts.join('; ');
}

function check(what: string, fits: boolean): void {
  if (!fits) throw new TypeError(`the ${what} of a cookie has characters that it cannot have`);
}
