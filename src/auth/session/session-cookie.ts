import type { Context } from '../../core/context.js';
import { compileCredentials } from '../credentials.js';
import { invalid, type AuthFailure } from '../strategy.js';
import { compileCrossSite } from './cross-site.js';

/**
 * Compiles what every session starts with: the value of its cookie, `null` where there is none, a failure where it does
 * not count.
 */
export function compileSessionCookie(
  name: string,
  trustedOrigins: readonly string[] = [],
): (ctx: Context) => string | AuthFailure | null {
  const valueOf = compileCredentials([{ cookie: name }], 'Cookie');
  const isCrossSite = compileCrossSite(trustedOrigins);

  return function sessionCookie(ctx) {
    const value = valueOf(ctx);
    if (typeof value !== 'string' || !isCrossSite(ctx.request)) return value;
    return invalid('cross-site request, from an origin that is not among trustedOrigins');
  };
}
