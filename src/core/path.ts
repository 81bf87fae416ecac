/**
 * Path identity, decided once: the router, every guard and the upstream see the same resource.
 * What different servers read differently (dot segments in any spelling, encoded NUL, backslash) is refused, not
 * guessed.
 */

export interface RequestTarget {
  /** To compare: {@link rawPath} without `;parameters`. */
  readonly path: string;
  /** To forward: unreserved characters decoded, hex digits in upper case, repeated slashes merged (RFC 3986 6.2.2). */
  readonly rawPath: string;
  /** `''` or from the `?` on, byte for byte. */
  readonly query: string;
  /** Authority of an absolute-form target (RFC 9112 3.2.2), else `''`. */
  readonly authority: string;
}

/** Anything but visible ASCII, and `#`, which no request target may hold. */
const ILLEGAL = /[^\x21-\x22\x24-\x7e]/;
const NEEDS_CARE = /[%;\\]|\/[/.]/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]*)(.*)$/i;

/** True for a path of visible ASCII from `/` on, without query and fragment. */
export function isPath(text: string): boolean {
  return text.startsWith('/') && !text.includes('?') && !ILLEGAL.test(text);
}

/**
 * Reads a request target in origin or absolute form; `null` where it is malformed or ambiguous. `*` is the path of
 * `OPTIONS *` only.
 */
export function parseTarget(target: string, method = 'GET'): RequestTarget | null {
  if (ILLEGAL.test(target)) return null;
  if (target === '*' && method === 'OPTIONS') return { path: '*', rawPath: '*', query: '', authority: '' };
  if (target.charCodeAt(0) !== 47 /* / */) {
    const absolute = ABSOLUTE_FORM.exec(target);
    if (!absolute?.[1]) return null;
    const rest = absolute[2] ?? '';
    const inner = parseTarget(rest.startsWith('/') ? rest : `/${rest}`);
    return inner && { ...inner, authority: absolute[1] };
  }
  const mark = target.indexOf('?');
  const sent = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  if (!NEEDS_CARE.test(sent)) return { path: sent, rawPath: sent, query, authority: '' };
  const rawPath = canonicalPath(sent);
  return rawPath === null ? null : { path: withoutParameters(rawPath), rawPath, query, authority: '' };
}

const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})|%00|\\/i;
const ESCAPE = /%[0-9a-f]{2}/gi;
const UNRESERVED = /[\w.~-]/;
const ENCODED_SEPARATOR = /%2F|%5C/g;
const ENCODED_SEMICOLON = /%3B/g;
/** A segment that is `.` or `..`, with or without parameters, or that is nothing but parameters. */
const AMBIGUOUS_SEGMENT = /\/(?:\.{1,2}(?:;[^/]*)?(?=\/|$)|;)/;

/** The normal form of a path, or `null` where servers would disagree on the resource that it names. */
export function canonicalPath(path: string): string | null {
  if (MALFORMED_ESCAPE.test(path)) return null;
  const normal = path.replace(ESCAPE, normalEscape).replace(/\/{2,}/g, '/');
  return AMBIGUOUS_SEGMENT.test(normal.replace(ENCODED_SEPARATOR, '/').replace(ENCODED_SEMICOLON, ';')) ? null : normal;
}

function normalEscape(escape: string): string {
  const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return UNRESERVED.test(char) ? char : escape.toUpperCase();
}

/** Some servers drop `;parameters` before they look a path up, so `/admin;x` must meet the policy of `/admin`. */
function withoutParameters(path: string): string {
  return path.includes(';') ? path.replace(/;[^/]*/g, '') : path;
}
