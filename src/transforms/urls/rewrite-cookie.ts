import type { UrlPair } from './url-map.js';

/** A host and a path below which everything belongs to one side. */
interface Scope {
  readonly host: string;
  /** `''` or from `/` on, without a slash at its end. */
  readonly path: string;
}

/**
 * Gives a cookie (RFC 6265 4.1) the domain and the path under which the outside finds the service that sets it. What is
 * the outside's already stays, and so does a `__Host-` cookie, which has a fixed path and no domain.
 *
 * @param pairs Those of the service, longest internal URL first.
 */
export function rewriteCookie(cookie: string, pairs: readonly UrlPair[]): string {
  const [pair = '', ...attributes] = cookie.split(';');
  if (pair.trimStart().startsWith('__Host-')) return cookie;
  const path = attributes.map((text) => valueOf(text, 'path')).find((value) => value !== null) ?? '/';
  const own = pairs.find(({ internal }) => isBelow(path, scopeOf(internal).path)) ?? pairs[0];
  if (own === undefined) return cookie;
  const [internal, external] = [scopeOf(own.internal), scopeOf(own.external)];
  const rewritten = attributes.map((text) => rewriteAttribute(text, internal, external));
  return [pair, ...rewritten].join(';');
}

function rewriteAttribute(text: string, internal: Scope, external: Scope): string {
  const name = text.slice(0, text.indexOf('=') + 1);
  const domain = valueOf(text, 'domain')?.replace(/^\./, '').toLowerCase();
  if (domain) {
    const isInternal = isWithin(internal.host, domain) && !isWithin(external.host, domain);
    return isInternal ? name + external.host : text;
  }
  const path = valueOf(text, 'path');
  if (!path?.startsWith('/') || !isBelow(path, internal.path)) return text;
  if (external.path !== '' && isBelow(path, external.path)) return text;
  return name + pathBelow(external.path, path.slice(internal.path.length));
}

/** `/api` itself is not below `/api/` (RFC 6265 5.1.4). */
function pathBelow(prefix: string, rest: string): string {
  return (rest === '/' ? prefix : prefix + rest) || '/';
}

/** The value of an attribute; `null` where it is another one. */
function valueOf(attribute: string, name: string): string | null {
  const equals = attribute.indexOf('=');
  if (equals === -1 || attribute.slice(0, equals).trim().toLowerCase() !== name) return null;
  return attribute.slice(equals + 1).trim();
}

function scopeOf(url: string): Scope {
  const { hostname, pathname } = new URL(url);
  return { host: hostname, path: pathname === '/' ? '' : pathname };
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** True for a host that gets the cookies of a domain (RFC 6265 5.1.3). */
function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
