import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { compileAnswerFields, CORS_FIELDS, PREFLIGHT_VARY } from './answer-fields.js';
import { corsSchema, type CorsOptions } from './options.js';
import { compileOrigin } from './origin.js';
import { isPreflight, requestedHeaders } from './preflight.js';

/**
 * Lets pages of other origins read the answers (Fetch, "CORS protocol"). It answers preflights itself, and its fields
 * are on every answer, refusals and failures included, in the place of those of an upstream.
 *
 * It belongs outside of all that refuses. It keeps nobody away: a page that may not read an answer can still send much
 * of what a form can, other programs send anything, and WebSockets know no CORS.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([cors({ origin: 'https://app.example.com' })], proxy({ target: 'http://users:3001' }));
 */
export function cors(options: CorsOptions): Middleware {
  validate('cors', options, corsSchema);
  const { origin: whose, allowedHeaders, optionsSuccessStatus: status = 204, preflightContinue = false } = options;
  const isAllowed = compileOrigin(whose);
  const fields = compileAnswerFields(options);

  function corsMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const { origin, upgrade } = ctx.request.headers;
    // They hold, too, where a function of the user's that is asked below fails.
    ctx.withholdAnswerHeaders(CORS_FIELDS);
    ctx.setAnswerHeaders(fields.usual);
    if (typeof origin !== 'string' || upgrade !== undefined) return next(ctx);
    const allowed = isAllowed(origin, ctx);
    if (!(allowed instanceof Promise)) return proceed(ctx, next, origin, allowed);
    return allowed.then((late) => proceed(ctx, next, origin, late));
  }

  function proceed(ctx: Context, next: Handler, origin: string, allowed: boolean): MaybePromise<GatewayResponse> {
    if (allowed && whose !== '*') {
      ctx.setAnswerHeaders(fields.allowed);
      ctx.setAnswerHeader('access-control-allow-origin', origin);
    }
    if (!isPreflight(ctx.request)) return next(ctx);
    ctx.setAnswerHeader('vary', PREFLIGHT_VARY);
    if (allowed) {
      ctx.setAnswerHeaders(fields.preflight);
      if (allowedHeaders === undefined)
        ctx.setAnswerHeader('access-control-allow-headers', requestedHeaders(ctx.request.headers));
    }
    if (preflightContinue) return next(ctx);
    return { status, headers: status === 204 ? {} : { 'content-length': '0' }, body: null };
  }

  return corsMiddleware;
}
