import { isFieldName } from '../core/headers.js';
import { boolean, either, integer, list, member, object, string, type Fault, type Schema } from '../core/options.js';
import { originField, type CorsOrigin } from './origin.js';

/** Names in a list, or in one text with commas in between. */
export type CorsNames = string | readonly string[];

/** The names are those of the `cors` package. */
export interface CorsOptions {
  /** Whose pages may read the answers. There is no default: say `'*'` where everybody may. */
  origin: CorsOrigin;
  /**
   * Methods that a preflight allows, upper case; pages may send GET, HEAD and POST without being told. `'*'` = all.
   * @default 'GET,HEAD,PUT,PATCH,POST,DELETE'
   */
  methods?: CorsNames;
  /**
   * Header fields that a preflight allows; an empty list = only those that need no leave. `'*'` = all but
   * `Authorization`, which is to be named. @default those that the preflight asks for
   */
  allowedHeaders?: CorsNames;
  /** Header fields of the answer that pages may read, beside those that they always may. `'*'` = all. @default none */
  exposedHeaders?: CorsNames;
  /** True where pages may send cookies and other credentials. Not for everybody: see `origin`. @default false */
  credentials?: boolean;
  /**
   * How long a browser may go by a preflight's answer, in seconds. From 0 on; 0 = it asks each time. Browsers have
   * ceilings of their own, of 2 to 24 hours. @default 86400
   */
  maxAge?: number;
  /** Status of a preflight's answer, where it is answered here; some old clients need 200. @default 204 */
  optionsSuccessStatus?: 200 | 204;
  /** True where preflights go on to the next handler, be it an upstream, with the fields set. @default false */
  preflightContinue?: boolean;
}

function names(name: string, isName: (text: string) => boolean): Schema {
  const several = string(`${name}, or several with commas in between`, (text) => {
    return text.split(',').every((part) => isName(part.trim()));
  });
  return either(list(string(name, isName), { min: 0 }), several);
}

const fieldNames = names('a header field name', isFieldName);
const methods = names('a method in upper case', (name) => isFieldName(name) && name === name.toUpperCase());

/** Schemas of the options, by name, for those who put them into their own config. */
export const corsFields = {
  origin: originField,
  methods,
  allowedHeaders: fieldNames,
  exposedHeaders: fieldNames,
  credentials: boolean,
  maxAge: integer(),
  optionsSuccessStatus: { expected: '200 or 204', accepts: (value) => value === 200 || value === 204 },
  preflightContinue: boolean,
} satisfies Record<keyof CorsOptions, Schema>;

const fields = object(corsFields, { required: ['origin'] });

/** Adds everything that is wrong with the options. */
export function inspectCorsOptions(options: CorsOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (options.credentials === true) inspectCredentials(options, at, faults);
}

/** What is for all pages cannot have credentials, nor does `'*'` then mean all (Fetch, "CORS protocol"). */
function inspectCredentials(options: CorsOptions, at: string, faults: Fault[]): void {
  const origins: readonly unknown[] = [options.origin].flat();
  const path = member(at, 'origin');
  if (origins.includes('*') || origins.includes(true))
    faults.push({ path, message: 'is every origin, which cannot have credentials; list those that you trust' });
  if (origins.includes('null'))
    faults.push({ path, message: "has 'null', which every page can be and so cannot have credentials; leave it out" });
  for (const name of ['methods', 'allowedHeaders', 'exposedHeaders'] as const) {
    const message = "has '*', which does not mean all beside credentials; name them";
    if (namesAll(options[name])) faults.push({ path: member(at, name), message });
  }
}

function namesAll(option: unknown): boolean {
  const texts = [option].flat().filter((text) => typeof text === 'string');
  return texts.some((text) => text.split(',').some((name) => name.trim() === '*'));
}

export const corsSchema: Schema = { ...fields, inspect: inspectCorsOptions };
