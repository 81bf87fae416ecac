import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { compileFilter } from './compile-filter.js';
import { mirrorSchema, type MirrorOptions } from './options.js';
import { Shadow, type MirrorStats } from './shadow.js';

/** `close` ends the copies that are on their way, and no more are made. */
export type MirrorMiddleware = Middleware & { stats(): MirrorStats; close(): void };

/**
 * Sends a copy of requests to a shadow, a new version of the service say, and throws its answers away. Clients notice
 * nothing of it: nobody waits for the shadow, and its failures are only counted. A copy is sent when its body is
 * complete, goes on when the client leaves, and says `X-Gateway-Shadow: 1`.
 *
 * It belongs next to what forwards, so that copies are of what the service gets; a retry inside or outside of it does
 * not copy a request again. Offers of an upgrade are not copied.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([mirror({ to: proxy({ target: shadow }), share: 0.1 })], proxy({ target: users }));
 */
export function mirror(options: MirrorOptions): MirrorMiddleware {
  validate('mirror', options, mirrorSchema);
  const { share = 1, methods = ['GET', 'HEAD', 'OPTIONS'], random = Math.random } = options;
  const shadow = new Shadow(options);
  const copied = methods === '*' ? null : new Set(methods);
  const passes = compileFilter(options.filter);

  function mirrorMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const copy = isCopied(ctx) ? shadow.copy(ctx) : null;
    if (copy === null) return next(ctx);
    try {
      return next(ctx);
    } finally {
      copy.start();
    }
  }

  function isCopied(ctx: Context): boolean {
    const { request, drafted, attempt, aborted } = ctx;
    if (copied !== null && !copied.has((drafted ?? request).method)) return false;
    if (attempt > 0 || aborted !== null || request.headers.upgrade !== undefined) return false;
    return (share === 1 || random() < share) && passes(ctx);
  }

  return Object.assign(mirrorMiddleware, {
    stats: () => shadow.stats(),
    close() {
      shadow.close();
    },
  });
}
