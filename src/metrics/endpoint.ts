import { Readable } from 'node:stream';
import type { Context } from '../core/context.js';
import { headerValue } from '../core/headers.js';
import { object, string, validate, type Schema } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse, Middleware } from '../core/types.js';
import { compileViewers, viewersField, type Viewers } from '../core/viewers.js';
import { METRICS_CONTENT_TYPES, negotiateFormat } from './exposition-format.js';
import type { MetricsRegistry } from './registry.js';

export interface MetricsEndpointOptions {
  /** @default '/metrics' */
  path?: string;
  /**
   * Who may see the metrics; for everybody else there is no such path.
   * @default ['loopback', 'linklocal', 'uniquelocal']
   */
  viewers?: Viewers;
}

/** Schemas of the options, by name, for those who put them into their own config. */
export const metricsEndpointFields = {
  path: string("a path from '/' on", (path) => path.startsWith('/')),
  viewers: viewersField,
} satisfies Record<keyof MetricsEndpointOptions, Schema>;

/** Scrapes at the same time: a pair of Prometheus servers and somebody who looks. Slow readers hold no more than this. */
const MAX_SCRAPES = 4;

/**
 * Answers `GET` and `HEAD` of one path with the metrics of `registry`, in the format that Prometheus asks for; a fifth
 * scrape at the same time gets 503.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handle = compose([metricsEndpoint(registry, { viewers: ['10.0.0.0/8'] })], app);
 */
export function metricsEndpoint(registry: MetricsRegistry, options: MetricsEndpointOptions = {}): Middleware {
  validate('metricsEndpoint', options, object(metricsEndpointFields));
  const { path = '/metrics', viewers = ['loopback', 'linklocal', 'uniquelocal'] } = options;
  const mayView = compileViewers(viewers);
  let scrapes = 0;

  function leave(): void {
    scrapes--;
  }

  function scrape(ctx: Context): GatewayResponse {
    if (scrapes >= MAX_SCRAPES) return refuse(ctx, 'ERR_GATEWAY_CONCURRENCY_LIMITED', { reason: 'too many scrapes' });
    scrapes++;
    ctx.onFinish(leave);
    const { method, headers: sent } = ctx.request;
    const format = negotiateFormat(headerValue(sent, 'accept'));
    const headers = { 'content-type': METRICS_CONTENT_TYPES[format], 'cache-control': 'no-store', vary: 'accept' };
    const body = method === 'HEAD' ? null : Readable.from(registry.text(format), { objectMode: false });
    return { status: 200, headers, body };
  }

  return function metricsEndpointMiddleware(ctx, next) {
    const { request } = ctx;
    if (request.path !== path || (request.method !== 'GET' && request.method !== 'HEAD')) return next(ctx);
    return mayView(ctx) ? scrape(ctx) : next(ctx);
  };
}
