import { isFieldValue } from '../core/headers.js';
import { either, literal, object, oneOf, string, type Schema } from '../core/options.js';

const REFERRER_POLICIES = [
  'no-referrer',
  'no-referrer-when-downgrade',
  'origin',
  'origin-when-cross-origin',
  'same-origin',
  'strict-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url',
] as const;

export type ReferrerPolicy = (typeof REFERRER_POLICIES)[number];

/** Each option is the value of a header field; `false` = the field is not added. */
export interface SecurityHeadersOptions {
  /**
   * `Strict-Transport-Security` (RFC 6797 6.1), for clients that came by https: browsers come by nothing else for that
   * many seconds; `max-age=0` makes them forget. @default 'max-age=31536000; includeSubDomains'
   */
  strictTransportSecurity?: string | false;
  /** `X-Content-Type-Options` (Fetch): browsers take `Content-Type` at its word. @default 'nosniff' */
  contentTypeOptions?: 'nosniff' | false;
  /** `X-Frame-Options` (HTML; RFC 7034): who may show an answer in a frame. @default 'DENY' */
  frameOptions?: 'DENY' | 'SAMEORIGIN' | false;
  /** `Referrer-Policy`: what the links and requests of a page tell of its URL. @default 'no-referrer' */
  referrerPolicy?: ReferrerPolicy | false;
  /**
   * `Content-Security-Policy` (CSP 3): what a page may load and run. Only who wrote a page knows, so it is off; where
   * nothing but data goes through, `"default-src 'none'; frame-ancestors 'none'"` is right. @default false
   */
  contentSecurityPolicy?: string | false;
  /**
   * `Cross-Origin-Resource-Policy` (Fetch): whose pages may embed an answer without CORS, as with `<img>`.
   * @default 'same-site'
   */
  crossOriginResourcePolicy?: 'same-origin' | 'same-site' | 'cross-origin' | false;
  /**
   * `Cross-Origin-Opener-Policy` (HTML): which windows a page shares its process with. It breaks pages that sign in by
   * a pop-up, so it is off. @default false
   */
  crossOriginOpenerPolicy?:
    'same-origin' | 'same-origin-allow-popups' | 'noopener-allow-popups' | 'unsafe-none' | false;
  /**
   * `Permissions-Policy`: which features of the browser a page may use, such as `'camera=(), geolocation=()'`.
   * @default false
   */
  permissionsPolicy?: string | false;
}

const off = literal(false);
const policy = either(
  off,
  string('the value of a header field', (value) => value.trim() === value && value !== '' && isFieldValue(value)),
);

/** Browsers ignore what they do not understand, so a slip of the pen would switch the field off. */
const STRICT_TRANSPORT = /^max-age=\d+(?:; ?includeSubDomains)?(?:; ?preload)?$/i;

/** Schemas of the options, by name, for those who put them into their own config. */
export const securityHeadersFields = {
  strictTransportSecurity: either(
    off,
    string("a value such as 'max-age=31536000; includeSubDomains'", (value) => STRICT_TRANSPORT.test(value)),
  ),
  contentTypeOptions: either(off, oneOf('nosniff')),
  frameOptions: either(off, oneOf('DENY', 'SAMEORIGIN')),
  referrerPolicy: either(off, oneOf(...REFERRER_POLICIES)),
  contentSecurityPolicy: policy,
  crossOriginResourcePolicy: either(off, oneOf('same-origin', 'same-site', 'cross-origin')),
  crossOriginOpenerPolicy: either(
    off,
    oneOf('same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'),
  ),
  permissionsPolicy: policy,
} satisfies Record<keyof SecurityHeadersOptions, Schema>;

export const securityHeadersSchema: Schema = object(securityHeadersFields);
