import type { Context } from '../core/context.js';
import { isFieldName } from '../core/headers.js';
import { either, isPlainObject, list, object, string, type Schema } from '../core/options.js';
import { absentFields } from '../core/upstream-fields.js';
import { COOKIE_NAME, cookieValue, withoutCookie } from '../core/cookie.js';
import { invalid, isAuthFailure, type AuthFailure } from './strategy.js';

/**
 * Where a request carries a credential: a header field (name in lower case), a cookie, or a parameter of the query.
 * A query ends up in the logs of everybody on the way, so use it only where a client can do nothing else.
 */
export type CredentialSource =
  | { readonly header: string; readonly cookie?: never; readonly query?: never }
  | { readonly cookie: string; readonly header?: never; readonly query?: never }
  | { readonly query: string; readonly header?: never; readonly cookie?: never };

const header = string('a header field name in lower case', (name) => isFieldName(name) && name === name.toLowerCase());
const cookie = string('the name of a cookie', (name) => COOKIE_NAME.test(name));

/** Schema of one source. */
export const credentialSourceField: Schema = {
  expected: '{ header }, { cookie } or { query }',
  accepts: (value) => isPlainObject(value) && Object.values(value).filter((name) => name !== undefined).length === 1,
  inspect: object({ header, cookie, query: string() }).inspect as NonNullable<Schema['inspect']>,
};

/** Schema of an option that takes one source, or a list of them of which the first that has something counts. */
export const credentialSourcesField = either(credentialSourceField, list(credentialSourceField));

/** Bytes of a credential; what is longer is refused before anything is computed from it. */
export const MAX_CREDENTIAL_BYTES = 8_192;

/** A value that can be a token or a key: visible ASCII. A comma is what Node joins a field with that was sent twice. */
const CREDENTIAL = /^[\x21-\x2b\x2d-\x7e]+$/;

/**
 * Compiles sources once: finds the credential of a request, `null` where there is none. One that cannot be a
 * credential at all is a failure at once.
 *
 * @param scheme In `Authorization`, such as `Bearer`; a field of another scheme is none of ours.
 * @param form What a credential looks like; `null` where whoever gets it checks that himself.
 */
export function compileCredentials(
  sources: readonly CredentialSource[],
  scheme: string,
  form: RegExp | null = CREDENTIAL,
): (ctx: Context) => string | AuthFailure | null {
  const finders = sources.map((source) => finderOf(source, scheme));

  return function credentialOf(ctx) {
    for (const find of finders) {
      const found = find(ctx);
      if (found === null) continue;
      if (isAuthFailure(found)) return found;
      if (found.length > MAX_CREDENTIAL_BYTES) return invalid(`longer than ${MAX_CREDENTIAL_BYTES} bytes`);
      if (form === null || form.test(found)) return found;
      return invalid('empty, sent twice, or with characters that no credential has');
    }
    return null;
  };
}

type Finder = (ctx: Context) => string | AuthFailure | null;

function finderOf(source: CredentialSource, scheme: string): Finder {
  if (source.cookie !== undefined) {
    const { cookie: name } = source;
    return ({ request }) => cookieValue(request.headers.cookie, name);
  }
  if (source.query !== undefined) {
    const { query: name } = source;
    return ({ request }) => onlyParameter(request.query, name);
  }
  const { header: name } = source;
  if (name === 'authorization') return compileAuthorization(scheme);
  return ({ request }) => {
    const value = request.headers[name];
    return value === undefined ? null : String(value);
  };
}

/** Compiles what finds the credential after the scheme, which has no case (RFC 9110 11.1). */
function compileAuthorization(scheme: string): Finder {
  const usual = `${scheme} `;
  const lower = scheme.toLowerCase();

  return function afterScheme({ request }) {
    const { authorization } = request.headers;
    if (authorization === undefined) return null;
    const field = String(authorization);
    if (field.startsWith(usual) && field.charAt(usual.length) !== ' ') return field.slice(usual.length);
    if (field.slice(0, scheme.length).toLowerCase() !== lower) return null;
    const rest = field.slice(scheme.length);
    if (rest.startsWith(' ')) return rest.trim();
    // Another scheme goes on with a character of a name. All else is ours, but wrong: it must not pass for nothing at all.
    return isFieldName(rest.charAt(0)) ? null : '';
  };
}

function onlyParameter(query: string, name: string): string | AuthFailure | null {
  if (query.length < 2) return null;
  const values = new URLSearchParams(query).getAll(name);
  if (values.length > 1) return invalid('sent twice in the query');
  return values[0] ?? null;
}

/** Compiles what keeps the credentials of these sources from the upstream. */
export function compileRemoval(sources: readonly CredentialSource[]): (ctx: Context) => void {
  const fields = absentFields(sources.flatMap((source) => source.header ?? []));
  const cookies = sources.flatMap((source) => source.cookie ?? []);
  const parameters = sources.flatMap((source) => source.query ?? []);

  return function removeCredentials(ctx) {
    ctx.setUpstreamFields(fields);
    for (const name of cookies) {
      const { cookie } = (ctx.drafted ?? ctx.request).headers;
      if (cookie !== undefined && cookieValue(cookie, name) !== null)
        ctx.draft().headers.cookie = withoutCookie(cookie, name);
    }
    for (const name of parameters) {
      const { query } = ctx.drafted ?? ctx.request;
      if (new URLSearchParams(query).has(name)) ctx.draft().query = withoutParameter(query, name);
    }
  };
}

/** The other parameters stay byte for byte. */
function withoutParameter(query: string, name: string): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => !new URLSearchParams(`?${pair}`).has(name));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}
