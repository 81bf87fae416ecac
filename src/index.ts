// The gateway
export { createGateway, Gateway } from './gateway/index.js';
export type { CloseOptions, Explanation, GatewayConfig, RouteConfig, RoutePolicies } from './gateway/index.js';
// The vocabulary
export {
  after,
  compose,
  ConfigError,
  Context,
  errorBoundary,
  GatewayError,
  isGatewayError,
  refuse,
  requestGuard,
  systemClock,
} from './core/index.js';
export type {
  Body,
  ByteStream,
  Clock,
  ContextOptions,
  Draft,
  Fault,
  FinishListener,
  GatewayErrorCode,
  GatewayErrorOptions,
  GatewayRequest,
  GatewayResponse,
  Handler,
  HeaderMap,
  Identity,
  MaybePromise,
  Middleware,
  Outcome,
  RefusalCode,
  RefuseOptions,
  RequestFault,
  RouteMatch,
  Timer,
  TrustFunction,
  TrustProxy,
} from './core/index.js';
// Router
export { route, Router } from './router/index.js';
export type {
  ConsideredRoute,
  FoundRoute,
  MethodMismatch,
  RouteExplanation,
  RoutePattern,
  RouterOptions,
  RouterRequest,
  RouterResult,
  RouteTarget,
  UnreachableRoute,
  ValueCondition,
} from './router/index.js';
// Proxy
export { HttpProxy, proxy } from './proxy/index.js';
export type { CookieRewrite, Dispatcher, PathRewriter, ProxyHandler, ProxyOptions, Timeouts } from './proxy/index.js';
// Body limit
export { bodyLimit } from './body-limit/index.js';
// Request id
export { requestId, type RequestIdOptions } from './request-id/index.js';
// Access log
export { accessLog, type AccessLogOptions, type LineSink } from './logger/index.js';
// Health
export { Health, health, type HealthOptions, type HealthReport } from './health/index.js';
