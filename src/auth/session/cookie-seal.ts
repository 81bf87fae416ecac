import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { isPlainObject } from '../../core/options.js';
import type { Claims } from '../claims-identity.js';

/** What a signed cookie carries. Times are in ms since 1970. */
export interface SealedSession {
  readonly claims: Claims;
  readonly iat: number;
  readonly exp: number;
}

/** Payload and HMAC-SHA256 in base64url, which has one spelling only: the text is compared, never its bytes. */
const SEALED = /^([\w-]+)\.([\w-]{43})$/;

/**
 * Signs sessions for one cookie, and knows them again. The name of the cookie is signed along: with the same secret the
 * session of one is none of another.
 */
export class CookieSeal {
  readonly #keys: readonly KeyObject[];
  readonly #context: string;

  /** @param secrets The first signs, all verify. */
  constructor(secrets: readonly string[], cookie: string) {
    this.#keys = secrets.map((secret) => createSecretKey(Buffer.from(secret)));
    this.#context = `innergate session 1\n${cookie}\n`;
  }

  /** @throws {TypeError} for claims that JSON does not know. */
  seal(session: SealedSession): string {
    const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
    return `${payload}.${this.#sign(payload, this.#keys[0] as KeyObject)}`;
  }

  /** The session of a cookie, at whatever time; `null` for what nobody here has signed. */
  open(value: string): SealedSession | null {
    const [, payload, signature] = SEALED.exec(value) ?? [];
    if (payload === undefined || signature === undefined) return null;
    const given = Buffer.from(signature);
    const isOurs = this.#keys.some((key) => timingSafeEqual(given, Buffer.from(this.#sign(payload, key))));
    return isOurs ? sessionOf(payload) : null;
  }

  #sign(payload: string, key: KeyObject): string {
    return createHmac('sha256', key).update(this.#context).update(payload).digest('base64url');
  }
}

/** What was signed is well formed, unless somebody else has the secret in use too. */
function sessionOf(payload: string): SealedSession | null {
  const session = parsed(Buffer.from(payload, 'base64url').toString());
  if (!isPlainObject(session)) return null;
  const { claims, iat, exp } = session as Partial<Record<keyof SealedSession, unknown>>;
  if (!isPlainObject(claims) || !Number.isFinite(iat) || !Number.isFinite(exp)) return null;
  return { claims: claims as Claims, iat: iat as number, exp: exp as number };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
