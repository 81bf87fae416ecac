import { after } from '../../core/after.js';
import type { Context } from '../../core/context.js';
import { validate } from '../../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../../core/types.js';
import { askForDecodable } from '../decodable.js';
import { isRewritable, rewriteBody } from './answer-body.js';
import { rewriteUrlsSchema, type RewriteUrlsOptions } from './options.js';
import { rewriteFields, rewriteRequestFields } from './rewrite-fields.js';
import { UrlMap } from './url-map.js';

const ANSWER_FIELDS = ['location', 'content-location', 'link', 'refresh', 'set-cookie'] as const;

/**
 * Puts what the outside sees in the place of the URLs that services give of themselves: in header fields of answers, and
 * in the bodies of the media types that are named, whatever their coding and their length. Bodies stream; see
 * `RewriteUrlsOptions` for what it takes to be a URL.
 *
 * Where bodies are rewritten, ranges of them (RFC 9110 14) are asked of no upstream, nor codings that this Node cannot
 * undo. Bodies without a whole of their own (204, 206, 304), those in an unknown coding, and what the gateway itself
 * answers stay as they are.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose(
 *   [rewriteUrls({ urls: { 'http://users:3001': '/api/users' }, types: ['application/json'] })],
 *   proxy({ target: 'http://users:3001' }),
 * );
 */
export function rewriteUrls(options: RewriteUrlsOptions): Middleware {
  validate('rewriteUrls', options, rewriteUrlsSchema);
  const { headers: names = ANSWER_FIELDS, requestHeaders = [], maxBodyBytes = 104_857_600 } = options;
  const types: ReadonlySet<string> = new Set(options.types);
  const urls = new UrlMap(options.urls);

  function rewriteAnswer(response: GatewayResponse, ctx: Context): MaybePromise<GatewayResponse> {
    if (response === ctx.ownAnswer) return response;
    rewriteFields(response.headers, names, ctx, urls);
    if (types.size === 0 || !isRewritable(response, types)) return response;
    return rewriteBody(response, ctx, urls.outward(ctx.request), maxBodyBytes);
  }

  function rewriteUrlsMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    if (requestHeaders.length > 0) rewriteRequestFields(requestHeaders, ctx, urls);
    if (types.size > 0) askForDecodable(ctx);
    return after(next, ctx, rewriteAnswer);
  }

  return rewriteUrlsMiddleware;
}
