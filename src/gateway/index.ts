export type { AuthMode, AuthOption, AuthStrategies, RouteAuth } from './auth.js';
export type {
  GatewayConfig,
  RouteCircuitBreaker,
  RouteConcurrency,
  RouteConfig,
  RouteDestination,
  RouteMirror,
  RoutePolicies,
  RouteRateLimit,
  ServiceConfig,
  ServicePolicies,
} from './config.js';
export type { Explanation } from './explain.js';
export { createGateway, Gateway, toGateway, type CloseOptions, type DrainOptions } from './gateway.js';
export type { GatewayMetrics } from './metrics.js';
export type { GatewayStats } from './stats.js';
export type { UpstreamConfig } from './upstream-config.js';
