import type { Context, Outcome } from '../core/context.js';
import { BoundedTable } from './bounded-table.js';
import type { GaugeSeries } from './gauge-series.js';
import { HTTP_METHODS, methodIndex } from './http-method.js';
import type { Gauge } from './metric.js';
import type { MetricsRegistry } from './registry.js';
import { routeFamilies, RouteSeries } from './route-series.js';

/** What clients asked of the gateway, and what they got. */
export class ServerMetrics {
  readonly #activeRequests: Gauge;
  readonly #activeByMethod = new Array<GaugeSeries | undefined>(HTTP_METHODS.length).fill(undefined);
  readonly #routes: BoundedTable<RouteSeries>;

  constructor(registry: MetricsRegistry, buckets: readonly number[]) {
    const families = routeFamilies(registry, buckets);
    this.#routes = new BoundedTable(registry.maxSeries, (route) => new RouteSeries(families, route));
    this.#activeRequests = registry.gauge({
      name: 'http_server_active_requests',
      help: 'Requests that are under way.',
      labels: ['http_request_method'],
    });
  }

  start({ request }: Context): void {
    this.#active(request.method).inc();
  }

  end({ request }: Context): void {
    this.#active(request.method).dec();
  }

  record(ctx: Context, outcome: Outcome, durationMs: number): void {
    this.#routes.get(ctx.route === null ? '' : ctx.route.id).record(ctx, outcome, durationMs);
  }

  #active(method: string): GaugeSeries {
    const index = methodIndex(method);
    return (this.#activeByMethod[index] ??= this.#activeRequests.series(HTTP_METHODS[index] as string));
  }
}
