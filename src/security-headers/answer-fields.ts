import { headerMap } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';
import type { SecurityHeadersOptions } from './options.js';

const FIELD_NAMES = {
  contentTypeOptions: 'x-content-type-options',
  frameOptions: 'x-frame-options',
  referrerPolicy: 'referrer-policy',
  contentSecurityPolicy: 'content-security-policy',
  crossOriginResourcePolicy: 'cross-origin-resource-policy',
  crossOriginOpenerPolicy: 'cross-origin-opener-policy',
  permissionsPolicy: 'permissions-policy',
  strictTransportSecurity: 'strict-transport-security',
} as const satisfies Record<keyof SecurityHeadersOptions, string>;

const DEFAULTS: SecurityHeadersOptions = {
  contentTypeOptions: 'nosniff',
  frameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  crossOriginResourcePolicy: 'same-site',
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
};

/** The fields of answers, made once. */
export interface AnswerFields {
  readonly http: Readonly<HeaderMap>;
  readonly https: Readonly<HeaderMap>;
}

export function compileAnswerFields(options: SecurityHeadersOptions): AnswerFields {
  const https = headerMap();
  for (const [option, name] of Object.entries(FIELD_NAMES) as [keyof SecurityHeadersOptions, string][]) {
    const value = options[option] ?? DEFAULTS[option] ?? false;
    if (value !== false) https[name] = value;
  }
  const http = Object.assign(headerMap(), https);
  // Over http anybody on the way could have written it, so browsers must ignore it there (RFC 6797 8.1).
  delete http[FIELD_NAMES.strictTransportSecurity];
  return { http, https };
}
