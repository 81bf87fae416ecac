import type { Clock } from '../core/clock.js';
import type { TrustProxy } from '../core/trust.js';
import type { GatewayResponse, Handler, Middleware } from '../core/types.js';
import type { HealthOptions } from '../health/index.js';
import type { AccessLogOptions } from '../logger/index.js';
import type { ProxyOptions } from '../proxy/index.js';
import type { RequestIdOptions } from '../request-id/index.js';
import type { RoutePattern } from '../router/index.js';

/** What holds on the way to an upstream: on a route, or in `defaults` for every route. */
export interface RoutePolicies {
  /** Bytes of a request's body. From 0 on; `Infinity` = no limit. @default 10485760, 10 MiB */
  maxBodyBytes?: number;
  /** Middlewares of your own, the first listed outermost. */
  use?: readonly Middleware[];
}

/** How a request matches, what holds on the way, and where it goes: to `target`, or to `respond`. */
export interface RouteConfig extends RoutePattern, RoutePolicies, Partial<ProxyOptions> {
  /** Answer from here: a handler, or a fixed answer. */
  respond?: Handler | (Partial<GatewayResponse> & { body: string | Uint8Array | null });
}

export interface GatewayConfig {
  /** The most specific match wins, whatever the order. */
  routes: readonly RouteConfig[];
  /** Policies and proxy options of every route; a route's own come first, its `use` after these. */
  defaults?: RoutePolicies & Partial<Omit<ProxyOptions, 'target' | 'dispatcher'>>;
  /**
   * Whose `X-Forwarded-*` count: the number of proxies in front, their address blocks, or a function.
   * @default in Express and Koa the app's own setting, else nobody's
   */
  trustProxy?: TrustProxy;
  /** `false` turns it off. @default on */
  requestId?: RequestIdOptions | boolean;
  /** `false` turns it off. @default JSON lines on standard output */
  accessLog?: AccessLogOptions | boolean;
  /** `false` turns it off. @default `GET /health` */
  health?: HealthOptions | boolean;
  /** Middlewares of your own for every route, the first listed outermost. */
  use?: readonly Middleware[];
  /** Compare literal segments of paths with their case. @default false, since many services do not */
  caseSensitive?: boolean;
  /** @default systemClock */
  clock?: Clock;
}
