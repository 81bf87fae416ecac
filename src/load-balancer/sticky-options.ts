import { COOKIE_NAME } from '../core/cookie.js';
import {
  boolean,
  integer,
  isPlainObject,
  member,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { COOKIE_DOMAIN, COOKIE_PATH } from '../core/set-cookie.js';

export interface StickyOptions {
  /**
   * What the names of targets in cookies are made with, at least 32 bytes of UTF-8, drawn at random. Of a list the first
   * writes and all read: to change it, put the new one in front, and take the old one out after `maxAgeMs`.
   */
  secrets: string | readonly string[];
  /** Name of the cookie. @default 'gateway-target' */
  cookie?: string;
  /** How long a browser stays with its target, in ms, from when it got there. From 1 on. @default until it closes */
  maxAgeMs?: number;
  /** Only sent over https. @default where the client itself came over https */
  secure?: boolean;
  /** Whether it is sent with requests that another site makes; 'none' needs `secure`. @default 'lax' */
  sameSite?: 'strict' | 'lax' | 'none';
  /** Paths that the cookie is sent to. @default '/' */
  path?: string;
  /** Its subdomains get the cookie too. @default the host that sets it, alone */
  domain?: string;
}

const MIN_SECRET_BYTES = 32;

/** Says nothing of the value. */
const secretsField: Schema = {
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

/** Schemas of the options, by name, for those who put them into their own config. */
export const stickyFields = {
  secrets: secretsField,
  cookie: string('the name of a cookie', (name) => COOKIE_NAME.test(name)),
  maxAgeMs: integer({ min: 1 }),
  secure: boolean,
  sameSite: oneOf('strict', 'lax', 'none'),
  path: string('a path that starts with /', (path) => COOKIE_PATH.test(path)),
  domain: string('a host name', (domain) => COOKIE_DOMAIN.test(domain)),
} satisfies Record<keyof StickyOptions, Schema>;

const fields = object(stickyFields, { required: ['secrets'] });

/** Adds everything that is wrong with the options, also what makes browsers throw the cookie away. */
export function inspectStickyOptions(options: StickyOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { secure = false, path = '/', domain, sameSite, cookie } = options;
  if (sameSite === 'none' && !secure)
    faults.push({ path: member(at, 'sameSite'), message: "is 'none', which browsers only take with secure: true" });
  if (typeof cookie !== 'string') return;
  // RFC 6265bis 4.1.3; browsers compare the prefix without its case.
  const prefix = /^__(?:host|secure)-/i.exec(cookie)?.[0].toLowerCase();
  const fits = prefix === undefined || (secure && (prefix === '__secure-' || (path === '/' && domain === undefined)));
  const needs = prefix === '__host-' ? "secure: true, path '/' and no domain" : 'secure: true';
  if (!fits) faults.push({ path: member(at, 'cookie'), message: `has a prefix that browsers only take with ${needs}` });
}

/** A bare text in this place may be the secret itself: no fault shows what is there. */
export const stickySchema: Schema = {
  expected: 'an object with secrets',
  accepts: () => true,
  inspect(options: unknown, at, faults) {
    if (isPlainObject(options)) inspectStickyOptions(options as StickyOptions, at, faults);
    else
      faults.push({ path: at || 'options', message: `expected ${stickySchema.expected} (what is there is not shown)` });
  },
};
