import { hash } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import type { Identity, MaybePromise } from '../../core/types.js';
import { askUser } from '../ask-caller.js';
import { compileIdentity } from '../claims-identity.js';
import { SharedLookup, type Found } from '../shared-lookup.js';
import { invalid, isAuthFailure, type AuthFailure, type AuthResult, type AuthStrategy } from '../strategy.js';
import type { LookupSessionOptions } from './options.js';
import { compileSessionCookie } from './session-cookie.js';

/** Sessions of a store of the user's own. The options have been checked. */
export function lookupSession(options: LookupSessionOptions): AuthStrategy {
  const { lookup, cookie, trustedOrigins, clock = systemClock, cacheTtlMs = 0, cacheSize = 10_000 } = options;
  const { idClaim = ['sub', 'userId', 'client_id', 'id'] } = options;
  const identityOf = compileIdentity('session', { ...options, idClaim });
  const sessionCookie = compileSessionCookie(cookie, trustedOrigins);
  const sessions = new SharedLookup<Identity | AuthFailure>(clock, cacheTtlMs === 0 ? 0 : cacheSize);

  function authenticate(ctx: Context): MaybePromise<AuthResult> {
    const value = sessionCookie(ctx);
    if (typeof value !== 'string') return value;
    return sessions.find(hash('sha256', value, 'base64url'), () => ask(value));
  }

  async function ask(sessionId: string): Promise<Found<Identity | AuthFailure>> {
    const claims = await askUser('lookup', () => lookup(sessionId), clock);
    if (isAuthFailure(claims)) return { value: claims, ttlMs: 0 };
    // A session that is not there may be there in a moment, and whoever guesses ids must not fill the cache.
    if (claims === null) return { value: invalid('there is no such session'), ttlMs: 0 };
    const identity = identityOf(claims);
    if (identity === null) return { value: invalid('the session has no claim that can be an id'), ttlMs: 0 };
    return { value: identity, ttlMs: cacheTtlMs };
  }

  return { name: 'session', scheme: 'Cookie', sources: [{ cookie }], authenticate };
}
