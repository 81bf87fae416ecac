import type { Context } from '../../core/context.js';
import type { HeaderMap } from '../../core/types.js';
import { rewriteCookie } from './rewrite-cookie.js';
import type { UrlMap } from './url-map.js';
import type { UrlReplacer } from './url-replacer.js';

/** Rewrites the URLs in these fields, and domain and path of cookies if they are among them. */
export function rewriteFields(headers: HeaderMap, names: readonly string[], ctx: Context, urls: UrlMap): void {
  const replacer = urls.outward(ctx.request);
  for (const name of names) {
    const value = fieldOf(headers, name);
    if (value === undefined) continue;
    headers[name] = name === 'set-cookie' ? rewriteCookies(value, ctx, urls) : rewriteValue(value, replacer);
  }
}

/** The same in the fields of a request, the other way. Where nothing changes it costs no draft. */
export function rewriteRequestFields(names: readonly string[], ctx: Context, urls: UrlMap): void {
  const { headers } = ctx.drafted ?? ctx.request;
  for (const name of names) {
    const value = fieldOf(headers, name);
    if (value === undefined) continue;
    const rewritten = rewriteValue(value, urls.inward(ctx.request));
    if (String(rewritten) !== String(value)) ctx.draft().headers[name] = rewritten;
  }
}

/** Not every answer has its fields in a `headerMap`, and a name may be `constructor`. */
function fieldOf(headers: Readonly<HeaderMap>, name: string): string | string[] | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}

function rewriteValue(value: string | string[], replacer: UrlReplacer): string | string[] {
  return typeof value === 'string' ? replacer.replaceIn(value) : value.map((text) => replacer.replaceIn(text));
}

/** A service sets cookies for itself, so they belong to the one that has answered. */
function rewriteCookies(cookies: string | string[], { target, request }: Context, urls: UrlMap): string | string[] {
  const pairs = urls.pairsAt(target, request);
  return pairs.length === 0 ? cookies : [cookies].flat().map((cookie) => rewriteCookie(cookie, pairs));
}
