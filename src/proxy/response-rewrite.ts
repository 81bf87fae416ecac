/**
 * What an upstream says of itself in an answer, in the words of the outside: `Location`, and the domain and path of
 * cookies.
 */
import type { Context } from '../core/context.js';
import type { HeaderMap } from '../core/types.js';
import type { Upstream } from './upstream.js';

/**
 * `''` removes the attribute, a text replaces it, a map replaces by the old value, with `'*'` for all others; `false`
 * leaves it.
 */
export type CookieRewrite = false | string | Readonly<Record<string, string>>;

/**
 * Maps a redirect to the upstream's own origin, or to a path, back to where the client finds it. Other redirects stay.
 *
 * @param internalPrefix See `UpstreamPath.internalPrefix`.
 */
export function rewriteLocation(
  headers: HeaderMap,
  ctx: Context,
  upstream: Upstream,
  internalPrefix: string | null,
): void {
  const { location } = headers;
  if (typeof location !== 'string') return;
  const { request } = ctx;
  const origin = ownOrigin(location, upstream);
  if (origin === null) return;
  const path = publicPath(location.slice(origin.length), ctx, internalPrefix);
  const prefix = origin === '' || request.host === '' ? '' : `${request.protocol}://${request.host}`;
  // Two slashes at the start of a path would be read as the name of another server.
  headers.location = prefix === '' ? path.replace(/^[\\/]{2,}/, '/') : prefix + path;
}

/** The part of a `Location` that names the upstream itself: `''` for a mere path, `null` for another server. */
function ownOrigin(location: string, { origin }: Upstream): string | null {
  if (location.startsWith('/') && !location.startsWith('//')) return '';
  const head = location.slice(0, origin.length);
  const isOwn = head.toLowerCase() === origin && /^(?:[/?#]|$)/.test(location.slice(origin.length));
  return isOwn ? head : null;
}

function publicPath(location: string, { route, request }: Context, internalPrefix: string | null): string {
  if (internalPrefix === null || route === null) return location;
  const boundary = location.slice(internalPrefix.length, internalPrefix.length + 1);
  if (!location.startsWith(internalPrefix) || !/^[/?#]?$/.test(boundary)) return location;
  const matched = request.rawPath.slice(0, request.rawPath.length - route.rest.length);
  return matched + location.slice(internalPrefix.length);
}

/** Rewrites one attribute of every cookie; the cookies stay separate and in order. */
export function rewriteCookies(headers: HeaderMap, attribute: 'domain' | 'path', rewrite: CookieRewrite): void {
  const cookies = headers['set-cookie'];
  if (cookies === undefined || rewrite === false) return;
  headers['set-cookie'] = [cookies].flat().map((cookie) => rewriteCookie(cookie, attribute, rewrite));
}

function rewriteCookie(cookie: string, attribute: string, rewrite: string | Readonly<Record<string, string>>): string {
  const [pair, ...attributes] = cookie.split(';');
  const kept = attributes.flatMap((text) => {
    const equals = text.indexOf('=');
    if (equals === -1 || text.slice(0, equals).trim().toLowerCase() !== attribute) return [text];
    const value = replacement(text.slice(equals + 1).trim(), rewrite);
    if (value === null) return [text];
    return value === '' ? [] : [`${text.slice(0, equals)}=${value}`];
  });
  return [pair, ...kept].join(';');
}

function replacement(value: string, rewrite: string | Readonly<Record<string, string>>): string | null {
  if (typeof rewrite === 'string') return rewrite;
  for (const key of [value, '*']) if (Object.hasOwn(rewrite, key)) return rewrite[key] as string;
  return null;
}
