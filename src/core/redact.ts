/**
 * What must not be written down: credentials, wherever they stand in what a log, a trace or an error shows. One list
 * for all of them.
 */
import { hasField } from './headers.js';

/** In the place of what is kept back. */
export const REDACTED = '[redacted]';

/** Header fields whose values are credentials. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
  'x-amz-security-token',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-goog-iap-jwt-assertion',
  'x-internal-token',
  'x-vault-token',
  'x-xsrf-token',
]);

/** True for a header field whose value is a credential, in whatever spelling. */
export function isSecretField(name: string, more: ReadonlySet<string> = NONE): boolean {
  const lower = name.toLowerCase();
  return hasField(SECRET_FIELDS, lower) || hasField(more, lower);
}

const NONE: ReadonlySet<string> = new Set();

/** Parameters of queries whose values are credentials, compared without `-` and `_`: `api_key`, `apiKey`, `api-key`. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  'accesskey',
  'accesstoken',
  'apikey',
  'apitoken',
  'assertion',
  'auth',
  'authorization',
  'authtoken',
  'bearer',
  'clientassertion',
  'clientsecret',
  'code',
  'codeverifier',
  'credential',
  'credentials',
  'idtoken',
  'idtokenhint',
  'jwt',
  'key',
  'otp',
  'passcode',
  'passphrase',
  'passwd',
  'password',
  'pin',
  'privatekey',
  'pwd',
  'refreshtoken',
  'samlresponse',
  'secret',
  'session',
  'sessionid',
  'sid',
  'sig',
  'signature',
  'ticket',
  'token',
  'xamzcredential',
  'xamzsecuritytoken',
  'xamzsignature',
]);

/** True for a parameter whose value is a credential, in whatever spelling. */
export function isSecretParameter(name: string, more: ReadonlySet<string> = NONE): boolean {
  const lower = name.toLowerCase();
  if (more.has(lower)) return true;
  // `token[]` and `user[password]` are written by whoever sends lists and objects.
  if (lower.includes('[')) return lower.split(/[[\]]+/).some((part) => isSecretParameter(part, more));
  return SECRET_PARAMETERS.has(lower.replace(/[-_.]/g, ''));
}

// Every pattern starts at the start of a word, or is bounded: what a client sends must not make a search slow.

/** Three parts of base64url, the first of an object: a token, whatever its parameter is called. */
const TOKEN = /(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g;
/** `//user:password@` of a URL, percent-encoded or not. */
const USER_INFO = /((?::|%3a)(?:\/|%2f){2})[^\s/?#]{0,512}(?:@|%40)/gi;
const SCHEME = /\b(Bearer|Basic|DPoP|Token)\s+[\w.~+/=-]{4,}/gi;
/** A header field, up to the end of its line, or as a member of JSON. */
const FIELD =
  /\b((?:proxy-)?authorization|(?:set-)?cookie)(\\*["']?\s{0,8}[=:]\s{0,8})("[^"]*"|'[^']*'|\[[^\]]*\]|[^\r\n]+)/gi;
/** A parameter of a query, somewhere in a text. */
const PARAMETER = /([?&])([^\s=&#?]{1,64})=([^\s&#"'<>]+)/g;
/** `name=value` and `name: value`; a value in quotation marks may have escaped ones in it, or be cut off. */
const ASSIGNMENT =
  /(?<![\w-])([\w-]{2,64})(\\*["']?\s{0,8}[=:]\s{0,8})(?!\[redacted\])(\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|$)|"(?:[^"\\]|\\[^])*(?:"|$)|'[^']*(?:'|$)|[^\s&,;"')}\]\\]+)/g;
const SECRET_NAME = /(?:api[-_]?key|authorization|credentials?|passw(?:or)?d|passphrase|secret|token)$/i;

/** A query, from its `?` on, with the values of credentials kept back. @param more Further names, in lower case. */
export function redactQuery(query: string, more: ReadonlySet<string> = NONE): string {
  if (query.length <= 1) return query;
  // Some services take `;` for `&`.
  const parts = query.slice(1).split(/([&;])/);
  return `?${parts.map((part) => redactParameter(part, more)).join('')}`;
}

function redactParameter(parameter: string, more: ReadonlySet<string>): string {
  const equals = parameter.indexOf('=');
  if (equals === -1) return redactValue(parameter);
  const name = parameter.slice(0, equals);
  return isSecretParameter(decoded(name), more)
    ? `${name}=${REDACTED}`
    : `${name}=${redactParameters(redactValue(parameter.slice(equals + 1)), more)}`;
}

function decoded(name: string): string {
  if (!/[%+]/.test(name)) return name;
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).trim();
  } catch {
    return name;
  }
}

function redactValue(value: string): string {
  const safe = value.includes('eyJ') ? value.replace(TOKEN, REDACTED) : value;
  return /@|%40/.test(safe) ? safe.replace(USER_INFO, `$1${REDACTED}@`) : safe;
}

/** The parameters of a URL that stands in a text. */
function redactParameters(text: string, more: ReadonlySet<string>): string {
  return text.replace(PARAMETER, (whole, start: string, name: string) =>
    isSecretParameter(decoded(name), more) ? `${start}${name}=${REDACTED}` : whole,
  );
}

/**
 * A text of unknown origin, such as the message of an error, without what looks like a credential.
 *
 * @param more Further names of fields and parameters, in lower case.
 */
export function redactText(text: string, more: ReadonlySet<string> = NONE): string {
  return redactParameters(redactValue(text), more)
    .replace(FIELD, `$1$2${REDACTED}`)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(ASSIGNMENT, (whole, name: string, equals: string, value: string) => {
      if (SECRET_NAME.test(name) || isSecretField(name, more)) return `${name}${equals}${REDACTED}`;
      // A text in quotation marks may be JSON itself. Each level doubles what escapes it, so there are few.
      return value.includes('\\"') ? `${name}${equals}${redactText(value, more)}` : whole;
    });
}
