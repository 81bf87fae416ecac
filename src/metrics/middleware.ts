import type { Context, Outcome } from '../core/context.js';
import { validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { DEFAULT_BUCKETS } from './metric-options.js';
import { metricsSchema, type MetricsOptions } from './options.js';
import { MetricsRegistry } from './registry.js';
import { ServerMetrics } from './server-metrics.js';
import { UpstreamMetrics } from './upstream-metrics.js';
import { UsageStats } from './usage-stats.js';

export interface MetricsMiddleware extends Middleware {
  readonly registry: MetricsRegistry;
  /** `null` where none is kept. */
  readonly usage: UsageStats | null;
}

/**
 * Counts every exchange and every call of an upstream, with the names and buckets of OpenTelemetry's HTTP semantic
 * conventions. Labels have ids of routes, origins of upstreams and words of the gateway, never what a client sent; a
 * status is its class, `2xx`, so `=~"5.."` finds what it should. Mount it outside of everything that is to be counted.
 *
 * @throws {ConfigError} when an option is wrong, or the registry has a metric of one of the names with other buckets.
 *
 * @example
 * const counted = metrics();
 * const handle = compose([metricsEndpoint(counted.registry), counted], proxy({ target: 'http://users:3001' }));
 */
export function metrics(options: MetricsOptions = {}): MetricsMiddleware {
  validate('metrics', options, metricsSchema);
  const { registry = new MetricsRegistry(), usage: usageOptions, buckets = DEFAULT_BUCKETS } = options;
  const usage = usageOptions === false ? null : new UsageStats(usageOptions);
  const server = new ServerMetrics(registry, buckets);
  const upstreams = new UpstreamMetrics(registry, buckets);

  function count(ctx: Context, outcome: Outcome): void {
    server.end(ctx);
    if (outcome.passedOn === true) return;
    const durationMs = ctx.finishedAt - ctx.startedAt;
    server.record(ctx, outcome, durationMs);
    usage?.record(ctx, outcome, durationMs);
  }

  const middleware: Middleware = function metricsMiddleware(ctx, next) {
    server.start(ctx);
    ctx.afterFinish(count);
    ctx.observeAttempts(upstreams);
    return next(ctx);
  };
  return Object.assign(middleware, { registry, usage });
}
