import type { Context } from '../core/context.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse } from '../core/types.js';
import type { AuthenticateOptions } from './authenticate-options.js';
import { challenges, DEFAULT_REALM } from './challenge.js';
import type { AuthFailure } from './strategy.js';

export interface AuthRefusals {
  readonly refuseMissing: (ctx: Context) => GatewayResponse;
  readonly refuseFailure: (ctx: Context, failure: AuthFailure) => GatewayResponse;
}

/**
 * Compiles the answers to who proves nothing. They tell a client what to do, and nobody which of the checks his forgery
 * has passed: that is in the log.
 */
export function compileRefusals({
  strategies,
  realm = DEFAULT_REALM,
  invalidTokenStatus = 401,
}: Pick<AuthenticateOptions, 'strategies' | 'realm' | 'invalidTokenStatus'>): AuthRefusals {
  const missing = challenges(strategies, realm);
  const invalid = challenges(strategies, realm, 'invalid_token');

  return {
    refuseMissing: (ctx) =>
      refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_MISSING', {
        detail: 'Credentials are needed here; WWW-Authenticate names what is accepted.',
        headers: { 'www-authenticate': [...missing] },
      }),

    refuseFailure: (ctx, { failure, reason }) =>
      failure === 'unavailable'
        ? refuse(ctx, 'ERR_GATEWAY_AUTH_UNAVAILABLE', { detail: 'Credentials cannot be checked now.', reason })
        : refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_INVALID', {
            detail: 'The credentials are expired, revoked or not valid; get new ones.',
            reason,
            status: invalidTokenStatus,
            headers: invalidTokenStatus === 401 ? { 'www-authenticate': [...invalid] } : {},
          }),
  };
}
