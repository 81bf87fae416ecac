import { validate } from '../../core/options.js';
import type { AuthStrategy } from '../strategy.js';
import { lookupSession } from './lookup-session.js';
import { sessionSchema, type SessionOptions, type SignedSessionOptions } from './options.js';
import { signedSession, type SessionStrategy } from './signed-session.js';

/**
 * Knows a browser by its cookie: one that `create` has made and signed (HMAC-SHA256), or one that your own store of
 * sessions knows (`lookup`). A signed cookie is not encrypted: its owner can read the claims.
 *
 * A browser sends cookies along with what the pages of other sites make it ask for, so a request that may change
 * something counts only from a page of the same origin, or of one in `trustedOrigins`.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const sessions = session({ secrets: [process.env.SESSION_SECRET ?? ''] });
 * app.post('/login', (req, res) => {
 *   res.setHeader('set-cookie', sessions.create({ sub: 'u-1', roles: ['editor'] })).end();
 * });
 */
export function session(options: SignedSessionOptions): SessionStrategy;
export function session(options: SessionOptions): AuthStrategy;
export function session(options: SessionOptions): AuthStrategy {
  validate('session', options, sessionSchema);
  return options.lookup === undefined ? signedSession(options) : lookupSession(options);
}
