import { object, string, validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { Health } from './health.js';

export interface HealthOptions {
  /** @default '/health' */
  path?: string;
}

export const healthFields = { path: string("a path from '/' on", (path) => path.startsWith('/')) };

/** Where the report is. */
export function healthPath({ path = '/health' }: HealthOptions = {}): string {
  return path;
}

/**
 * Answers `GET` and `HEAD` of one path with a report for load balancers: 200 while the process wants traffic, degraded or
 * not, and 503 while it drains.
 *
 * @throws {ConfigError} when an option is wrong.
 */
export function health(engine: Health = new Health(), options: HealthOptions = {}): Middleware {
  validate('health', options, object(healthFields));
  const path = healthPath(options);
  return function healthMiddleware(ctx, next) {
    const { request } = ctx;
    if (request.path !== path || (request.method !== 'GET' && request.method !== 'HEAD')) return next(ctx);
    const report = engine.report();
    const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
    return { status: report.status === 'unhealthy' ? 503 : 200, headers, body: JSON.stringify(report) };
  };
}
