/** Cookies of requests (RFC 6265). */

/** A name that a cookie can have: a token of RFC 9110. */
export const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** The value of the cookie of this name; the first where there are several, `null` where there is none. */
export function cookieValue(header: string | string[] | undefined, name: string): string | null {
  if (header === undefined) return null;
  for (const pair of cookiePairs(header)) {
    if (nameOf(pair) === name) return unquoted(pair.slice(pair.indexOf('=') + 1).trim());
  }
  return null;
}

/** The same `Cookie` field without the cookies of this name; `undefined` where nothing is left. */
export function withoutCookie(header: string | string[], name: string): string | undefined {
  const kept = cookiePairs(header).filter((pair) => nameOf(pair) !== name);
  return kept.length === 0 ? undefined : kept.map((pair) => pair.trim()).join('; ');
}

function cookiePairs(header: string | string[]): string[] {
  return (Array.isArray(header) ? header.join(';') : header).split(';');
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return equals === -1 ? '' : pair.slice(0, equals).trim();
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
