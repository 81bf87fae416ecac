import { isPlainObject } from '../../core/options.js';
import { invalid, type AuthFailure } from '../strategy.js';
import { isJwtAlgorithm, type JwtAlgorithm } from './algorithms.js';
import { kidField } from './key-material.js';

/** What the header of a token says that counts. Keys that it brings along (`jwk`, `jku`, `x5c`, `x5u`) never do. */
export interface TokenHeader {
  readonly algorithm: JwtAlgorithm;
  /** Name of the key; `null` where it names none. */
  readonly kid: string | null;
}

/** The compact form of RFC 7515 7.1: three parts of base64url without padding, none of them empty. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What the last character of a part can be, by the length of the part modulo 4: the bits that are left over are 0. */
const LAST_CHARACTERS = [null, '', 'AQgw', 'AEIMQUYcgkosw048'];

/** RFC 7519 5.1 and RFC 9068 2.1. */
const TYPE = /^(?:application\/)?(?:at\+)?jwt$/i;

/** Nearly all tokens of an issuer have one and the same header; strangers must not fill the memory with others. */
const MAX_KNOWN = 100;

/** Reads headers of tokens, each text of one once. */
export class TokenHeaders {
  readonly #known = new Map<string, TokenHeader | AuthFailure>();

  /** Of a token in the compact form of RFC 7515 7.1, checked before anything is computed from it. */
  read(token: string): TokenHeader | AuthFailure {
    const [first, second] = [token.indexOf('.'), token.lastIndexOf('.')];
    const isToken =
      TOKEN.test(token) &&
      isCanonical(token, 0, first) &&
      isCanonical(token, first + 1, second) &&
      isCanonical(token, second + 1, token.length);
    if (!isToken) return invalid('the token is not three parts of base64url');
    const part = token.slice(0, first);
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    const header = parseHeader(part);
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    this.#known.set(part, header);
    return header;
  }
}

function parseHeader(part: string): TokenHeader | AuthFailure {
  const parsed = parsePart(part);
  if (parsed === null) return invalid('the token has a header that is no JSON object');
  const { alg, kid, typ, crit, b64, cty, zip, enc } = parsed;
  if (!isJwtAlgorithm(alg)) return invalid('the token has an unknown alg');
  if (typ !== undefined && !(typeof typ === 'string' && TYPE.test(typ)))
    return invalid('the token has a typ of something else');
  if (kid !== undefined && !kidField.accepts(kid))
    return invalid(`the token has a kid that is not ${kidField.expected}`);
  if (crit !== undefined) return invalid('the token has crit, and no extension is understood');
  if (b64 !== undefined && b64 !== true) return invalid('the token has b64 that is not true');
  if ([cty, zip, enc].some((member) => member !== undefined))
    return invalid('the token is nested, compressed or encrypted');
  return { algorithm: alg, kid: (kid as string | undefined) ?? null };
}

/** Otherwise one token could be written in several ways. */
function isCanonical(token: string, start: number, end: number): boolean {
  const last = LAST_CHARACTERS[(end - start) % 4] ?? null;
  return last === null || last.includes(token.charAt(end - 1));
}

/** The JSON object that a part of a token stands for, without a prototype; `null` where it is none. */
export function parsePart(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isPlainObject(json) ? (Object.assign(Object.create(null), json) as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
