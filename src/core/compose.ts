import type { Handler, Middleware } from './types.js';

/**
 * Folds middlewares around a handler, once: the first listed is the outermost.
 *
 * `next` is a fixed handler, so a request allocates nothing per layer, and calling it twice is legal (retry, failover).
 *
 * @example
 * const handle = compose([requestId(), accessLog()], proxy({ target: 'http://users:3001' }));
 */
export function compose(middlewares: readonly Middleware[], handler: Handler): Handler {
  return middlewares.reduceRight<Handler>(
    (next, middleware) =>
      function layer(ctx) {
        return middleware(ctx, next);
      },
    handler,
  );
}
