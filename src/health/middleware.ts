import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { endpoints } from './endpoints.js';
import { Health } from './health.js';
import { healthSchema, type HealthOptions } from './options.js';

/**
 * Answers `GET` and `HEAD` for whoever probes the process, as JSON that is not to be stored:
 *
 * - `/livez` and `/healthz`: 200 as long as the process runs. They look at nothing that it leans on: to start it again
 *   would mend none of that.
 * - `/readyz`: 200 while it wants traffic; 503 from the moment in which it drains, and while a critical check is down.
 *   With `?verbose` it says why, to those who may see details.
 * - `/health`: the report, 503 where it is `unhealthy`. Strangers see the status, the uptime and the time.
 *
 * Other methods and paths go on. Checks that are due run first; their `cacheMs` bounds how often strangers cause it.
 *
 * @throws {ConfigError} when an option is wrong, or when the engine has a check of the same name.
 *
 * @example
 * const engine = new Health({ checks: { database: { check: () => database.ping(), critical: true } } });
 * const handler = compose([health(engine, { details: ['loopback'] })], proxy({ target: 'http://users:3001' }));
 */
export function health(
  engine: Health = new Health(),
  options: HealthOptions = {},
): Middleware & { readonly engine: Health } {
  validate('health', options, healthSchema);
  for (const [name, check] of Object.entries(options.checks ?? {})) engine.addCheck(name, check);
  const handlers = endpoints(engine, options);

  function healthMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    const { method, path } = ctx.request;
    const handler = method === 'GET' || method === 'HEAD' ? handlers.get(path) : undefined;
    return handler === undefined ? next(ctx) : handler(ctx);
  }

  return Object.assign(healthMiddleware, { engine });
}
