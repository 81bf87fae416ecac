import type { ApiVersionsOptions } from '../api-version/index.js';
import type { JwtOptions } from '../auth/index.js';
import type { CircuitBreakerMiddlewareOptions, FallbackAnswer } from '../circuit-breaker/index.js';
import type { CompressionOptions } from '../compression/index.js';
import type { ConcurrencyOptions } from '../concurrency/index.js';
import type { FailureStatuses } from '../core/attempt-result.js';
import type { Clock } from '../core/clock.js';
import type { CorsOptions } from '../cors/index.js';
import type { TrustProxy } from '../core/trust.js';
import type { FixedAnswer } from '../core/fixed-answer.js';
import type { Handler, Middleware } from '../core/types.js';
import type { HealthOptions } from '../health/index.js';
import type { IpFilterOptions } from '../ip-filter/index.js';
import type { LoadMonitorOptions, Priority } from '../load-shedding/index.js';
import type { AccessLogOptions, Logger } from '../logger/index.js';
import type { MirrorOptions } from '../mirror/index.js';
import type { ProxyOptions } from '../proxy/index.js';
import type { IdentityRateLimitOptions, RateLimitOptions } from '../rate-limiter/index.js';
import type { RequestIdOptions } from '../request-id/index.js';
import type { RetryOptions } from '../retry/index.js';
import type { RoutePattern } from '../router/index.js';
import type { SecurityHeadersOptions } from '../security-headers/index.js';
import type { TenantsOptions } from '../tenants/index.js';
import type { TracingOptions } from '../tracing/index.js';
import type { TrafficSplitOptions } from '../traffic-split/index.js';
import type { RewriteUrlsOptions, TransformOptions } from '../transforms/index.js';
import type { ValidationOptions } from '../validation/index.js';
import type { AuthOption } from './auth.js';
import type { GatewayMetrics } from './metrics.js';
import type { UpstreamConfig } from './upstream-config.js';

/** A limit of calls, and who counts together. */
export interface RouteRateLimit extends RateLimitOptions {
  /** Count each route by itself, or all routes to one service with equal options together. @default 'route' */
  scope?: 'route' | 'upstream';
}

/** A limit of what is in flight, and who counts together. */
export interface RouteConcurrency extends ConcurrencyOptions {
  /** Count each route by itself, or all routes to one service with equal options together. @default 'route' */
  scope?: 'route' | 'upstream';
}

/** A circuit breaker; routes to one service with equal options share it. */
export interface RouteCircuitBreaker extends CircuitBreakerMiddlewareOptions {
  /** Another name for `timeouts.firstByteMs` of the route, in ms. From 1 on, or `Infinity`. */
  timeout?: number;
}

/** What holds on the way to an upstream: on a route, or in `defaults` for every route. */
export interface RoutePolicies {
  /** Addresses that may call, and those that may not. `false` turns off what `defaults` give. @default everybody */
  ipFilter?: IpFilterOptions | false;
  /**
   * Who may call. What a route leaves out `defaults` give, ways to prove it all or none; `false` = everybody.
   * @default everybody
   */
  auth?: AuthOption;
  /** Another name for `auth: true` and `auth: false`. */
  requiresAuth?: boolean;
  /** Bytes of a request's body. From 0 on; `Infinity` = no limit. @default 10485760, 10 MiB */
  maxBodyBytes?: number;
  /** Limits of calls; several hold together. `false` turns off what `defaults` give. @default none */
  rateLimit?: RouteRateLimit | readonly RouteRateLimit[] | false;
  /** Requests in flight at once, or all of its options. @default no limit */
  concurrency?: RouteConcurrency | number | false;
  /** What answers where the service fails, after retries, and where it is not asked. @default the failure itself */
  fallback?: FallbackAnswer | false;
  /** How often a failed request is sent again, or all of its options; `true` = 2 times. @default never */
  retry?: RetryOptions | number | boolean;
  /** Stop asking a service that fails; `true` = with the defaults of the breaker. @default off */
  circuitBreaker?: RouteCircuitBreaker | boolean;
  /** Statuses of answers that are failures to breaker, retry and fallback, from 400 to 599. @default every 5xx */
  failureStatuses?: FailureStatuses;
  /** How long `loadShedding` spares the route: `low` goes first, `critical` never. @default 'normal' */
  priority?: Priority;
  /** What requests must look like: else 400 with every fault. `false` turns off what `defaults` give. @default anything */
  validation?: ValidationOptions | false;
  /** Changes to requests and answers. `false` turns off what `defaults` give. @default none */
  transforms?: TransformOptions | false;
  /**
   * Take from answers what tells of the software behind, `Server` and `X-Powered-By` say; a list adds to it. @default off
   */
  stripHeaders?: readonly string[] | boolean;
  /** What the service calls itself, in the words of the outside. `false` turns off what `defaults` give. @default off */
  rewriteUrls?: RewriteUrlsOptions | false;
  /** Compress answers; `true` = with the defaults of the piece. @default off */
  compression?: CompressionOptions | boolean;
  /** Middlewares of your own, the first listed outermost. */
  use?: readonly Middleware[];
}

/** Where requests go: to exactly one of these. */
export interface RouteDestination {
  /** URL of the upstream. Several are an upstream without a name, balanced and watched as those of `upstreams` are. */
  target?: string | readonly string[];
  /** Name of one of `upstreams`. */
  upstream?: string;
  /** Answer from here: a handler, or a fixed answer. */
  respond?: Handler | FixedAnswer;
  /** Canary and A/B: one of several, by weight. */
  split?: TrafficSplitOptions<ServiceConfig>;
  /** One of several, by the version of the API that the request names. */
  version?: ApiVersionsOptions<ServiceConfig>;
  /** One of several, by the tenant that the request is of. */
  tenant?: TenantsOptions<ServiceConfig>;
}

/** Policies that a part of a route can have of its own; the others hold for the whole route. */
export type ServicePolicies = Pick<
  RoutePolicies,
  'rateLimit' | 'concurrency' | 'retry' | 'circuitBreaker' | 'failureStatuses'
>;

/** Where a part of a route goes, and what holds on the way. What it leaves out is as for the whole route. */
export interface ServiceConfig extends RouteDestination, ServicePolicies, Partial<Omit<ProxyOptions, 'target'>> {}

/** A shadow that gets copies of requests, and whose answers nobody sees. */
export type RouteMirror = MirrorOptions<ServiceConfig>;

/** How a request matches, what holds on the way, and where it goes. */
export interface RouteConfig extends RoutePattern, RoutePolicies, ServiceConfig {
  /** Copies of requests go to a shadow. @default none */
  mirror?: RouteMirror;
}

export interface GatewayConfig {
  /** Services that routes refer to by name: targets that are balanced, watched and discovered. */
  upstreams?: Readonly<Record<string, UpstreamConfig>>;
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
  /**
   * Takes what the gateway tells of itself, and the access log where that has no `sink` or `logger` of its own: a pino or
   * winston logger, `console`, or one of yours. @default JSON lines on standard output, none without the access log
   */
  logger?: Logger;
  /** `false` turns it off. @default JSON lines on standard output */
  accessLog?: AccessLogOptions | boolean;
  /** Prometheus metrics and usage. @default off */
  metrics?: GatewayMetrics | boolean;
  /** A place in a distributed trace for every request that has a route. @default off: the client's headers pass */
  tracing?: TracingOptions | boolean;
  /** `false` turns it off. @default `/health`, `/livez`, `/healthz` and `/readyz` */
  health?: HealthOptions | boolean;
  /** Verifies the tokens of routes that ask for authentication without saying how: `{ jwt: { secret } }`. */
  jwtSecret?: NonNullable<JwtOptions['secret']>;
  /** Whose pages may read the answers of the routes. @default off: no page of another origin */
  cors?: CorsOptions | false;
  /** Header fields that keep browsers from risky guesses. @default off */
  securityHeaders?: SecurityHeadersOptions | boolean;
  /** Limits of calls to all routes together. @default none */
  rateLimit?: RateLimitOptions | readonly RateLimitOptions[];
  /** How limits that come with identities are counted, over all routes; `false` = they are not. @default in memory */
  identityRateLimit?: IdentityRateLimitOptions | false;
  /** Refuse requests while the process is too busy, by the `priority` of their routes. @default off */
  loadShedding?: LoadMonitorOptions | boolean;
  /** Middlewares of your own for every route, the first listed outermost. */
  use?: readonly Middleware[];
  /** Compare literal segments of paths with their case. @default false, since many services do not */
  caseSensitive?: boolean;
  /** @default systemClock */
  clock?: Clock;
}
