import { refuse } from '../core/refuse.js';
import type { GatewayRequest, Handler, Middleware } from '../core/types.js';
import type { Router } from './router.js';

/** What a route of the HTTP glue leads to. */
export interface RouteTarget {
  readonly handle: Handler;
}

/**
 * Hands each request to the handler of its route and sets `ctx.route` and `ctx.params`; a request without a route goes
 * on to what is next. A path whose routes are for other methods is answered with 405 and `Allow` (RFC 9110 15.5.6).
 *
 * @example
 * const router = new Router<RouteTarget>().add('/api/users', { handle: proxy({ target: 'http://users:3001' }) });
 * const handle = compose([accessLog(), route(router)], (ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND'));
 */
export function route<Target extends RouteTarget>(router: Router<Target, GatewayRequest>): Middleware {
  return function routeMiddleware(ctx, next) {
    const result = router.match(ctx.request);
    if (result === null) return next(ctx);
    if (result.kind === 'method-not-allowed') {
      return refuse(ctx, 'ERR_GATEWAY_METHOD_NOT_ALLOWED', { headers: { allow: result.allow.join(', ') } });
    }
    ctx.route = result;
    ctx.params = result.params;
    return result.value.handle(ctx);
  };
}
