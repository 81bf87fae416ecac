import { headerMap } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';
import type { CorsNames, CorsOptions } from './options.js';

/** Every field that could let a page in: what an upstream says in one of them is never passed on. */
export const CORS_FIELDS: readonly string[] = [
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
];

/** What the answer to a preflight depends on, for caches. */
export const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

/** The fields of answers, made once. */
export interface AnswerFields {
  /** Of every answer. Pages get in where all may, and nowhere else. */
  readonly usual: Readonly<HeaderMap>;
  /** More of them for an origin that may read the answer; where not all may, its name is still to be added. */
  readonly allowed: Readonly<HeaderMap>;
  /** And more for its preflights. */
  readonly preflight: Readonly<HeaderMap>;
}

export function compileAnswerFields(options: CorsOptions): AnswerFields {
  const { methods = 'GET,HEAD,PUT,PATCH,POST,DELETE', allowedHeaders, exposedHeaders, maxAge = 86_400 } = options;
  const usual = headerMap();
  usual.vary = 'Origin';

  const allowed = headerMap();
  if (options.credentials === true) allowed['access-control-allow-credentials'] = 'true';
  setList(allowed, 'access-control-expose-headers', exposedHeaders);
  if (options.origin === '*') Object.assign(usual, allowed, { 'access-control-allow-origin': '*' });

  const preflight = headerMap();
  setList(preflight, 'access-control-allow-methods', methods);
  setList(preflight, 'access-control-allow-headers', allowedHeaders);
  preflight['access-control-max-age'] = String(maxAge);
  return { usual, allowed, preflight };
}

function setList(headers: HeaderMap, name: string, values: CorsNames = []): void {
  const list = [values].flat().join(',');
  if (list !== '') headers[name] = list;
}
