import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { compileIdentity, type Claims } from '../claims-identity.js';
import { invalid, type AuthResult, type AuthStrategy } from '../strategy.js';
import { CookieSeal } from './cookie-seal.js';
import { cookieName, type SignedSessionOptions } from './options.js';
import { compileSessionCookie } from './session-cookie.js';
import { setCookie, type CookieAttributes } from '../../core/set-cookie.js';

/** A strategy that makes the cookies that it takes. */
export interface SessionStrategy extends AuthStrategy {
  /**
   * Begins a session: a value for `Set-Cookie`. The claims are signed and not encrypted, so their owner can read them.
   *
   * @throws {TypeError} where no claim can be an id, or for what JSON does not know.
   * @throws {RangeError} where the cookie would have more than 4096 bytes, which browsers throw away.
   */
  create(claims: Claims): string;
  /**
   * Ends the session in this browser: a value for `Set-Cookie`. A copy of the cookie counts until it expires; where it
   * must not, keep sessions in a store and give `lookup`.
   */
  clear(): string;
}

/** What browsers take, attributes included (RFC 6265 6.1). */
const MAX_COOKIE_BYTES = 4_096;

/** How far the clock of another gateway with the same secret may be ahead. */
const MAX_CLOCK_LEAD_MS = 60_000;

/** Sessions that are all in the cookie. The options have been checked. */
export function signedSession(options: SignedSessionOptions): SessionStrategy {
  const { secrets, maxAgeMs = 86_400_000, secure = true, sameSite = 'lax', path = '/', domain } = options;
  const { clock = systemClock, trustedOrigins } = options;
  const cookie = cookieName(options);
  const attributes: CookieAttributes = { maxAgeMs, path, ...(domain !== undefined && { domain }), secure, sameSite };
  const seal = new CookieSeal([secrets].flat(), cookie);
  const identityOf = compileIdentity('session', options);
  const sessionCookie = compileSessionCookie(cookie, trustedOrigins);

  function authenticate(ctx: Context): AuthResult {
    const value = sessionCookie(ctx);
    if (typeof value !== 'string') return value;
    if (value.length > MAX_COOKIE_BYTES) return invalid(`the session is longer than ${MAX_COOKIE_BYTES} bytes`);
    const session = seal.open(value);
    if (session === null) return invalid('the session is not signed with one of the secrets');
    const { claims, iat, exp } = session;
    const now = clock.wall();
    // A shorter maxAgeMs counts for sessions too that began before it was set.
    if (now >= Math.min(exp, iat + maxAgeMs)) return invalid('the session has expired');
    if (iat > now + MAX_CLOCK_LEAD_MS) return invalid('the session begins in the future');
    return identityOf(claims) ?? invalid('the session has no claim that can be an id');
  }

  function create(claims: Claims): string {
    if (identityOf(claims) === null) throw new TypeError('a session needs a claim that can be an id, such as sub');
    const iat = clock.wall();
    const field = setCookie(cookie, seal.seal({ claims, iat, exp: iat + maxAgeMs }), attributes);
    if (field.length > MAX_COOKIE_BYTES) {
      const message = `the claims make a cookie of ${field.length} bytes, and browsers take ${MAX_COOKIE_BYTES}`;
      throw new RangeError(`${message}: leave some out, or keep sessions in a store and give lookup`);
    }
    return field;
  }

  function clear(): string {
    return setCookie(cookie, '', { ...attributes, maxAgeMs: 0 });
  }

  return { name: 'session', scheme: 'Cookie', sources: [{ cookie }], authenticate, create, clear };
}
