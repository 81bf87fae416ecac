import { after } from '../core/after.js';
import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Middleware } from '../core/types.js';
import { compileAnswerFields } from './answer-fields.js';
import { securityHeadersSchema, type SecurityHeadersOptions } from './options.js';

/**
 * Gives answers the header fields by which browsers protect their users. What an answer says itself stays: a service
 * knows its pages better. It belongs outside of all that answers, the error boundary included.
 *
 * The defaults suit data, and leave the scripts and styles of pages alone. What they forbid is that another site shows
 * an answer in a frame or embeds it, as with `<img>`; a service that wants to be embedded says so itself.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([securityHeaders({ frameOptions: 'SAMEORIGIN' })], proxy({ target: 'http://pages:3001' }));
 */
export function securityHeaders(options: SecurityHeadersOptions = {}): Middleware {
  validate('securityHeaders', options, securityHeadersSchema);
  const { http, https } = compileAnswerFields(options);

  function addMissing(response: GatewayResponse, ctx: Context): GatewayResponse {
    const { headers } = response;
    const fields = ctx.request.protocol === 'https' ? https : http;
    for (const name in fields) headers[name] ??= fields[name];
    return response;
  }

  return function securityHeadersMiddleware(ctx, next) {
    return after(next, ctx, addMissing);
  };
}
