import { hash } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { validate } from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { compileCredentials } from '../credentials.js';
import { MAX_REFUSAL_TTL_MS, SharedLookup, type Found } from '../shared-lookup.js';
import { invalid, isAuthFailure, type AuthResult, type AuthStrategy } from '../strategy.js';
import { IntrospectionEndpoint } from './introspection-endpoint.js';
import { introspectionSchema, type IntrospectionOptions } from './options.js';
import { compileVerdict, type TokenVerdict } from './token-verdict.js';

/**
 * Asks the server that has issued a token what it is worth (RFC 7662): for tokens that say nothing by themselves, and
 * where one that is revoked must not live on until it expires. Requests with the same token share one question; where
 * there is no answer nobody passes (503).
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const strategy = introspection({
 *   url: 'https://id.example.com/oauth2/introspect',
 *   clientId: 'gateway',
 *   clientSecret: process.env.INTROSPECTION_SECRET ?? '',
 *   audience: 'https://api.example.com',
 * });
 */
export function introspection(options: IntrospectionOptions): AuthStrategy {
  validate('introspection', options, introspectionSchema);
  const { tokenFrom = { header: 'authorization' }, clock = systemClock, clockToleranceMs = 0 } = options;
  const { cacheTtlMs = 30_000, cacheSize = 10_000 } = options;
  const sources = [tokenFrom].flat();
  const credentialOf = compileCredentials(sources, 'Bearer');
  const verdictOf = compileVerdict(options);
  const endpoint = new IntrospectionEndpoint(options, clock);
  const verdicts = new SharedLookup<TokenVerdict>(clock, cacheTtlMs === 0 ? 0 : cacheSize);

  function authenticate(ctx: Context): MaybePromise<AuthResult> {
    const token = credentialOf(ctx);
    if (typeof token !== 'string') return token;
    // Nothing of the request but the token goes into the question, not even its end: others may wait for the answer.
    const verdict = verdicts.find(hash('sha256', token, 'base64url'), () => ask(token));
    return verdict instanceof Promise ? verdict.then(resultOf) : resultOf(verdict);
  }

  async function ask(token: string): Promise<Found<TokenVerdict>> {
    const answer = await endpoint.ask(token);
    if (isAuthFailure(answer)) return { value: answer, ttlMs: 0 };
    const verdict = verdictOf(answer.claims);
    const longest = isAuthFailure(verdict) ? MAX_REFUSAL_TTL_MS : verdict.expiresAt - clock.wall();
    return { value: verdict, ttlMs: Math.min(cacheTtlMs, longest) };
  }

  /** An answer from the cache has grown older since. */
  function resultOf(verdict: TokenVerdict): AuthResult {
    if (isAuthFailure(verdict)) return verdict;
    const now = clock.wall();
    if (now >= verdict.expiresAt + clockToleranceMs) return invalid('the token has expired');
    if (now < verdict.notBefore - clockToleranceMs) return invalid('the token is not valid yet');
    return verdict.identity;
  }

  return { name: 'introspection', scheme: 'Bearer', sources, authenticate };
}
