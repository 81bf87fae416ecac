import { COOKIE_NAME } from './cookie.js';
import { boolean, integer, member, oneOf, string, type Fault, type Schema } from './options.js';
import { COOKIE_DOMAIN, COOKIE_PATH } from './set-cookie.js';

/** What a browser is told about a cookie of the gateway's own. */
export interface CookieOptions {
  /** Only sent over https. @default where the client itself came over https */
  secure?: boolean;
  /** Whether it is sent with requests that another site makes; 'none' needs `secure: true`. @default 'lax' */
  sameSite?: 'strict' | 'lax' | 'none';
  /** Paths that the cookie is sent to. @default '/' */
  path?: string;
  /** Its subdomains get the cookie too. @default the host that sets it, alone */
  domain?: string;
}

export const cookieNameField = string('the name of a cookie', (name) => COOKIE_NAME.test(name));

/** Schemas of a cookie's options, by name. */
export const cookieFields = {
  maxAgeMs: integer({ min: 1 }),
  secure: boolean,
  sameSite: oneOf('strict', 'lax', 'none'),
  path: string('a path that starts with /', (path) => COOKIE_PATH.test(path)),
  domain: string('a host name', (domain) => COOKIE_DOMAIN.test(domain)),
} satisfies Record<keyof CookieOptions | 'maxAgeMs', Schema>;

/** Adds what makes browsers throw the cookie away. */
export function inspectCookie(
  { cookie, secure = false, sameSite, path = '/', domain }: CookieOptions & { cookie?: string },
  at: string,
  faults: Fault[],
): void {
  if (sameSite === 'none' && !secure)
    faults.push({ path: member(at, 'sameSite'), message: "is 'none', which browsers only take with secure: true" });
  if (typeof cookie !== 'string') return;
  // RFC 6265bis 4.1.3; browsers compare the prefix without its case.
  const prefix = /^__(?:host|secure)-/i.exec(cookie)?.[0].toLowerCase();
  const fits = prefix === undefined || (secure && (prefix === '__secure-' || (path === '/' && domain === undefined)));
  const needs = prefix === '__host-' ? "secure: true, path '/' and no domain" : 'secure: true';
  if (!fits) faults.push({ path: member(at, 'cookie'), message: `has a prefix that browsers only take with ${needs}` });
}

const MIN_SECRET_BYTES = 32;

/** One secret to sign with, or several of which the first signs. Faults say nothing of the value. */
export const secretsField: Schema = {
  expected: `a secret of at least ${MIN_SECRET_BYTES} bytes, or a list of them`,
  accepts: () => true,
  inspect(given: unknown, path, faults) {
    const secrets: unknown[] = Array.isArray(given) ? given : [given];
    if (secrets.length === 0) faults.push({ path, message: `got an empty list, expected ${secretsField.expected}` });
    for (const [index, secret] of secrets.entries()) {
      if (typeof secret === 'string' && Buffer.byteLength(secret) >= MIN_SECRET_BYTES) continue;
      const message = `expected a text of at least ${MIN_SECRET_BYTES} bytes`;
      faults.push({ path: Array.isArray(given) ? `${path}[${index}]` : path, message });
    }
  },
};
