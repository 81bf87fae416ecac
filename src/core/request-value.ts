import { acceptRanges } from './accept-ranges.js';
import type { Context } from './context.js';
import { cookieValue, COOKIE_NAME } from './cookie.js';
import { headerValue, mergedList } from './headers.js';
import { compileHook } from './hook.js';
import { either, func, object, oneOf, string, type Fault, type Schema } from './options.js';

/**
 * What a request is told apart by. All but the first, `'identity'`, `'tenant'` and `{ claim }` are the client's word.
 *
 * - `'ip'`: the client's address.
 * - `'host'`: the host that was asked for, in lower case, without a port and without a dot at its end.
 * - `'identity'`: the id that authentication has proven.
 * - `'tenant'`: the tenant of that identity.
 * - `{ header }`: the field of this name; two of them are one list, `a, b`.
 * - `{ cookie }`, `{ query }`: the first one of this name.
 * - `{ accept }`: the parameter of this name in `Accept`, such as `2` of `application/json;version=2`; of several
 *   the one that is liked most (`q`).
 * - `{ param }`: a parameter of the route's path.
 * - `{ claim }`: a claim of the identity, a text or a number.
 * - a function: its own text; `null` or `undefined` = none.
 */
export type RequestValue =
  | 'ip'
  | 'host'
  | 'identity'
  | 'tenant'
  | { readonly header: string }
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly accept: string }
  | { readonly param: string }
  | { readonly claim: string }
  | ((ctx: Context) => string | null | undefined);

const SIMPLE = ['ip', 'host', 'identity', 'tenant'] as const;

const fieldName = string("a name of a header field such as 'x-user'", (text) => /^[\w!#$%&'*+.^`|~-]+$/.test(text));

const NAMED = {
  header: fieldName,
  cookie: string('a name of a cookie', (text) => COOKIE_NAME.test(text)),
  query: string(),
  accept: string("a name of a parameter such as 'version'", (text) => /^[\w-]+$/.test(text)),
  param: string("a name of a parameter such as 'id'", (text) => /^[A-Za-z_]\w*$/.test(text)),
  claim: string(),
} satisfies Record<string, Schema>;

type Kind = keyof typeof NAMED;

const named = object(NAMED);

const oneName: Schema = {
  ...named,
  expected: 'an object with one of header, cookie, query, accept, param, claim',
  inspect(value: object, at, faults: Fault[]) {
    named.inspect?.(value as never, at, faults);
    const count = Object.values(value).filter((name) => name !== undefined).length;
    if (count !== 1) faults.push({ path: at, message: `has ${count} names; write exactly one` });
  },
};

/** Schema of a {@link RequestValue}. */
export const requestValueField: Schema = either(oneOf(...SIMPLE), func, oneName);

/** In words, for explanations. */
export function describeRequestValue(value: RequestValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'function') return value.name || 'a function';
  return Object.entries(value)
    .map(([kind, name]) => `${kind} ${name}`)
    .join();
}

type Reader = (ctx: Context) => string | null;

const READERS: Readonly<Record<(typeof SIMPLE)[number], Reader>> = {
  ip: ({ request }) => request.clientIp || null,
  host: ({ request }) => request.host.replace(/\.?(?::\d*)?$/, '').toLowerCase() || null,
  identity: ({ identity }) => identity?.id ?? null,
  tenant: ({ identity }) => identity?.tenant || null,
};

const MAKERS: Readonly<Record<Kind, (name: string) => Reader>> = {
  header(name) {
    const lower = name.toLowerCase();
    return ({ request }) => headerValue(request.headers, lower) || null;
  },
  cookie: (name) => (ctx) => cookieValue(ctx.request.headers.cookie, name) || null,
  query: (name) => (ctx) =>
    (ctx.request.query === '' ? null : new URLSearchParams(ctx.request.query).get(name)) || null,
  accept(name) {
    const lower = name.toLowerCase();
    return ({ request }) => acceptParameter(request.headers.accept, lower);
  },
  param: (name) => (ctx) => (Object.hasOwn(ctx.params, name) ? ctx.params[name] : null) || null,
  claim: (name) => (ctx) => {
    const claims = ctx.identity?.claims;
    const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : null;
    return typeof value === 'number' ? String(value) : typeof value === 'string' ? value || null : null;
  },
};

/** Compiles the value once; `null` where a request has none, or its function fails. */
export function compileRequestValue(value: RequestValue): Reader {
  if (typeof value === 'string') return READERS[value];
  if (typeof value === 'function') return guarded(value);
  const [[kind, name]] = Object.entries(value) as [[Kind, string]];
  return MAKERS[kind](name);
}

function guarded(own: (ctx: Context) => string | null | undefined): Reader {
  const run = compileHook('A function that tells requests apart');
  return function ownValue(ctx) {
    let value: unknown;
    run(() => (value = own(ctx)));
    return typeof value === 'string' && value !== '' ? value : null;
  };
}

/** The value of a parameter in the most liked media range that has it (RFC 9110 12.5.1). */
function acceptParameter(accept: string | string[] | undefined, name: string): string | null {
  for (const { parameters } of acceptRanges(accept)) {
    const value = parameters.get(name);
    if (value) return value;
  }
  return null;
}

/** Fields of the request that have a say in the values (RFC 9110 12.5.5), for `Vary`; `''` = none that can be told. */
export function varyOf(values: readonly RequestValue[]): string {
  return mergedList(values.flatMap(fieldOf), '');
}

function fieldOf(value: RequestValue): string[] {
  if (typeof value !== 'object') return [];
  if ('header' in value) return [value.header];
  if ('cookie' in value) return ['Cookie'];
  return 'accept' in value ? ['Accept'] : [];
}
