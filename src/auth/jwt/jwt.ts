import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { validate } from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { warnOnce } from '../../core/warn.js';
import { withDeadline } from '../../core/with-deadline.js';
import { ASK_TIMEOUT_MS, failureName } from '../ask-caller.js';
import { compileCredentials } from '../credentials.js';
import {
  invalid,
  isAuthFailure,
  unavailable,
  type AuthFailure,
  type AuthResult,
  type AuthStrategy,
} from '../strategy.js';
import { JwksKeys } from './jwks.js';
import { jwksOptionsOf, jwtSchema, staticKeysOf, type JwtOptions } from './options.js';
import type { KeySource } from './key-source.js';
import { StaticKeys } from './static-keys.js';
import { TokenCache } from './token-cache.js';
import { TokenVerifier, type VerifiedToken } from './token-verifier.js';

/**
 * Proves who is calling by a JSON Web Token (RFC 7519, RFC 8725). The keys decide which algorithms there are, never the
 * token; what a token says counts only after its signature did.
 *
 * @throws {ConfigError} when an option is wrong, be it a key that is too weak.
 *
 * @example
 * const strategy = jwt({ secret: process.env.JWT_SECRET, issuer: 'https://login.example.com', audience: 'shop' });
 */
export function jwt(options: JwtOptions): AuthStrategy {
  validate('jwt', options, jwtSchema);
  const { tokenFrom = { header: 'authorization' }, isRevoked, cacheSize = 10_000, clock = systemClock } = options;
  const sources = [tokenFrom].flat();
  // The form of a token is checked by whoever does not know it yet.
  const credentialOf = compileCredentials(sources, 'Bearer', null);
  const keys = createKeySource(options);
  const { oidc, issuer = oidc } = options;
  const verifier = new TokenVerifier(keys, clock, issuer === undefined ? options : { ...options, issuer });
  const tokens = cacheSize === 0 ? verifier : new TokenCache(verifier, keys, clock, cacheSize);
  warnOfAnyAudience(options, keys);

  function authenticate(ctx: Context): MaybePromise<AuthResult> {
    const token = credentialOf(ctx);
    if (typeof token !== 'string') return token;
    const verified = tokens.verify(token);
    return verified instanceof Promise ? verified.then((late) => resultOf(late, ctx)) : resultOf(verified, ctx);
  }

  function resultOf(verified: VerifiedToken | AuthFailure, ctx: Context): MaybePromise<AuthResult> {
    if (isAuthFailure(verified)) return verified;
    return isRevoked === undefined ? verified.identity : unlessRevoked(verified, isRevoked, ctx);
  }

  return { name: 'jwt', scheme: 'Bearer', sources, authenticate, close: () => keys.close() };
}

function createKeySource(options: JwtOptions): KeySource {
  const fetched = jwksOptionsOf(options);
  return fetched === null ? (options.keySource ?? new StaticKeys(staticKeysOf(options))) : new JwksKeys(fetched);
}

/** Where others make the tokens, they make some for other services too. */
function warnOfAnyAudience({ audience }: JwtOptions, keys: KeySource): void {
  if (audience !== undefined || (keys instanceof StaticKeys && !keys.hasPublic)) return;
  warnOnce(
    'ERR_GATEWAY_JWT_AUDIENCE',
    'jwt has no audience: a token that its issuer made for another service passes here too. ' +
      'Set audience to the name of this one, or to false where that is meant.',
  );
}

type IsRevoked = NonNullable<JwtOptions['isRevoked']>;

function unlessRevoked(verified: VerifiedToken, isRevoked: IsRevoked, ctx: Context): MaybePromise<AuthResult> {
  const { identity } = verified;
  let answer: MaybePromise<unknown>;
  try {
    answer = isRevoked(identity.claims, ctx);
  } catch (error) {
    return unknown(error);
  }
  if (!(answer instanceof Promise)) return revocation(answer) ?? identity;
  return withDeadline(answer, ASK_TIMEOUT_MS, ctx.clock).then((late) => revocation(late) ?? identity, unknown);
}

const REVOKED = invalid('the token is revoked');

function unknown(error: unknown): AuthFailure {
  return unavailable(`isRevoked failed: ${failureName(error)}`);
}

/** @throws {TypeError} for an answer that is neither yes nor no: a mistake must not let anybody in. */
function revocation(answer: unknown): AuthFailure | null {
  if (typeof answer !== 'boolean') throw new TypeError('isRevoked must answer with true or false');
  return answer ? REVOKED : null;
}
