import { cors } from '../cors/index.js';
import type { Context } from '../core/context.js';
import type { Middleware } from '../core/types.js';
import { Router } from '../router/index.js';
import type { GatewayConfig } from './config.js';
import type { Part } from './protect.js';

/**
 * The layer of the option `cors`. Preflights for the paths of routes are answered, whatever the routes ask of a request
 * besides; all others are none of the gateway's business where the app has a next handler.
 */
export function corsParts({ cors: options = false, routes, caseSensitive = false }: GatewayConfig): Part[] {
  if (options === false) return [];
  const paths = new Router<null>({ caseSensitive });
  for (const { path, exact, host } of routes) {
    paths.add({ path, ...(exact === undefined ? {} : { exact }), ...(host === undefined ? {} : { host }) }, null);
  }
  const answering = cors(options);
  const passing = cors({ ...options, preflightContinue: true });

  function isElsewhere({ request }: Context): boolean {
    return request.method === 'OPTIONS' && paths.match(request) === null;
  }

  const middleware: Middleware = function corsOfRoutes(ctx, next) {
    return isElsewhere(ctx) ? passing(ctx, next) : answering(ctx, next);
  };
  return [{ middleware }];
}
