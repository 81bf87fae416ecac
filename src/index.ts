// The gateway
export { createGateway, Gateway } from './gateway/index.js';
export type {
  AuthMode,
  AuthOption,
  AuthStrategies,
  CloseOptions,
  DrainOptions,
  Explanation,
  GatewayConfig,
  GatewayMetrics,
  GatewayStats,
  RouteAuth,
  RouteCircuitBreaker,
  RouteConcurrency,
  RouteConfig,
  RouteDestination,
  RouteMirror,
  RoutePolicies,
  RouteRateLimit,
  ServiceConfig,
  ServicePolicies,
  UpstreamConfig,
} from './gateway/index.js';
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
  AllowedAddresses,
  Attempt,
  AttemptObserver,
  Body,
  ByteStream,
  Clock,
  ContextOptions,
  Destination,
  DiscoveryState,
  Draft,
  Fault,
  FinishListener,
  FixedAnswer,
  GatewayErrorCode,
  GatewayErrorOptions,
  GatewayRequest,
  GatewayResponse,
  Handler,
  HeaderMap,
  Identity,
  IdentityRateLimit,
  MaybePromise,
  Middleware,
  Outcome,
  PoolFigures,
  RefusalCode,
  RefuseOptions,
  RequestFault,
  RequestValue,
  ResolvedTarget,
  RouteMatch,
  TargetEntry,
  TargetOptions,
  TargetReport,
  TargetState,
  Timer,
  TlsOptions,
  TraceContext,
  TrustFunction,
  TrustProxy,
  UpstreamReport,
  Viewers,
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
// Upstreams
export { BalancerTarget, LoadBalancer, OutlierDetector, loadBalance } from './load-balancer/index.js';
export type {
  BalanceOptions,
  BalanceStrategy,
  CallEnd,
  LoadBalanceMiddleware,
  LoadBalanceOptions,
  LoadBalancerOptions,
  OutlierOptions,
  OutlierSubject,
  PickRequest,
  ResultListener,
  StickyTargetOptions,
  TargetChange,
  TargetChangeListener,
} from './load-balancer/index.js';
export { HealthChecker, watchHealth } from './health-check/index.js';
export type {
  ActiveHealthOptions,
  HealthCheckerOptions,
  HealthProbe,
  StatusRanges,
  TargetHealth,
  TargetHealthListener,
} from './health-check/index.js';
export {
  Discovery,
  consulSource,
  dnsSource,
  etcdSource,
  fileSource,
  kubernetesSource,
  staticSource,
  watchLoop,
} from './discovery/index.js';
export type {
  ConsulSourceOptions,
  DiscoveryEvent,
  DiscoveryOptions,
  DiscoveryReport,
  DiscoverySource,
  DnsRecordType,
  DnsSourceOptions,
  EtcdParse,
  EtcdSourceOptions,
  FileSourceOptions,
  KubernetesSourceOptions,
  TargetsListener,
  WatchLoopOptions,
} from './discovery/index.js';
export { TrafficSplit, splitTraffic } from './traffic-split/index.js';
export type {
  SplitHandler,
  SplitVariant,
  StickyVariantOptions,
  TrafficSplitOptions,
  TrafficWeights,
} from './traffic-split/index.js';
export { mirror } from './mirror/index.js';
export type { MirrorMiddleware, MirrorOptions, MirrorStats } from './mirror/index.js';
export { apiVersions } from './api-version/index.js';
export type { ApiVersion, ApiVersionsOptions, Lifecycle, VersionSource } from './api-version/index.js';
export { tenants } from './tenants/index.js';
export type { Tenant, TenantsOptions } from './tenants/index.js';
// Authentication and authorization
export {
  apiKey,
  authenticate,
  authorize,
  basic,
  hashApiKey,
  hashPassword,
  introspection,
  invalid,
  jwks,
  JWT_ALGORITHMS,
  jwt,
  login,
  MemoryRefreshTokenStore,
  RedisRefreshTokenStore,
  session,
  TokenSigner,
  unavailable,
  verifyPassword,
} from './auth/index.js';
export type {
  ApiKeyConsumer,
  ApiKeyEntry,
  ApiKeyLookup,
  ApiKeyOptions,
  AuthenticateMiddleware,
  AuthenticateOptions,
  AuthenticationRules,
  AuthFailure,
  AuthorizationRules,
  AuthorizeOptions,
  AuthResult,
  AuthStrategy,
  BasicOptions,
  BasicUser,
  Caller,
  CallerGrants,
  ClaimNames,
  Claims,
  CredentialSource,
  FetchLimits,
  FoundConsumer,
  GivenKey,
  HashPasswordOptions,
  IdentityHeadersOptions,
  InternalTokenOptions,
  IntrospectionOptions,
  JwksOptions,
  JwksOutage,
  JwtAlgorithm,
  JwtKey,
  JwtOptions,
  KeyMaterial,
  KeySource,
  LoginCredentials,
  LoginHandler,
  LoginOptions,
  LookupSessionOptions,
  MemoryRefreshTokenStoreOptions,
  RedisRefreshTokenStoreOptions,
  RefreshOptions,
  RefreshRotation,
  RefreshTokenStore,
  Requirement,
  SessionOptions,
  SessionStrategy,
  SignedSessionOptions,
  TokenSignerOptions,
  VerificationKey,
  VerifyUser,
} from './auth/index.js';
// CORS, security headers, addresses
export { cors, type CorsNames, type CorsOptions, type CorsOrigin } from './cors/index.js';
export { securityHeaders, type ReferrerPolicy, type SecurityHeadersOptions } from './security-headers/index.js';
export { ipFilter, type IpFilterOptions } from './ip-filter/index.js';
// Rate limiter
export {
  fromExpressRateLimitStore,
  identityRateLimit,
  MemoryStore,
  rateLimit,
  RateLimiter,
  RedisStore,
} from './rate-limiter/index.js';
export type {
  ExpressRateLimitHits,
  ExpressRateLimitStore,
  ExpressStoreOptions,
  IdentityRateLimitMiddleware,
  IdentityRateLimitOptions,
  MemoryStoreOptions,
  RateLimitAlgorithm,
  RateLimitCounter,
  RateLimitDecision,
  RateLimitDraft,
  RateLimiterOptions,
  RateLimitKey,
  RateLimitMiddleware,
  RateLimitOptions,
  RateLimitPolicy,
  RateLimitStore,
  RateLimitWindow,
  RedisStoreOptions,
  SendRedisCommand,
  StoreErrorPolicy,
  StoreOutage,
} from './rate-limiter/index.js';
// Circuit breaker
export {
  CircuitBreaker,
  circuitBreaker,
  CircuitOpenError,
  fallback,
  isCircuitOpenError,
} from './circuit-breaker/index.js';
export type {
  CircuitBreakerMiddleware,
  CircuitBreakerMiddlewareOptions,
  CircuitBreakerOptions,
  CircuitPermit,
  CircuitSnapshot,
  CircuitState,
  CircuitStateChange,
  CircuitStateListener,
  ExecuteOptions,
  FallbackAnswer,
  FallbackFailure,
  FallbackFunction,
  FallbackOptions,
} from './circuit-breaker/index.js';
// Retry
export { retry, RetryBudget } from './retry/index.js';
export type { RetryBudgetOptions, RetryBudgetSnapshot, RetryOptions } from './retry/index.js';
// Concurrency
export { concurrency, ConcurrencyLimiter } from './concurrency/index.js';
export type { ConcurrencyLimiterOptions, ConcurrencyOptions, Waiting } from './concurrency/index.js';
// Load shedding
export { LoadMonitor, loadShedding } from './load-shedding/index.js';
export type {
  LoadMonitorOptions,
  LoadShedding,
  LoadSheddingOptions,
  LoadSnapshot,
  Priority,
} from './load-shedding/index.js';
// Body limit
export { bodyLimit } from './body-limit/index.js';
// Request id
export { requestId, type RequestIdOptions } from './request-id/index.js';
// What is done to messages
export { SENSITIVE_HEADERS, rewriteUrls, stripHeaders, transform } from './transforms/index.js';
export type {
  AddHeaderRule,
  BodyMapping,
  BodyShape,
  BytesMapping,
  RemoveHeaderRule,
  RequestFunction,
  RequestNames,
  RequestRenames,
  RequestTransform,
  RequestValues,
  RequestVerbs,
  ResponseFunction,
  ResponseTransform,
  ResponseVerbs,
  RewritePathRule,
  RewriteUrlsOptions,
  TransformOptions,
} from './transforms/index.js';
export { compression, type CompressionOptions } from './compression/index.js';
export { validation } from './validation/index.js';
export type { JsonSchema, StandardSchema, ValidationFault, ValidationOptions } from './validation/index.js';
// Logs
export { accessLog, flushLines, jsonLogger, stderrLines, stdoutLines, toLogger } from './logger/index.js';
export type { AccessLogOptions, AccessRecord, JsonLoggerOptions, LineSink, Logger, LogLevel } from './logger/index.js';
// Metrics
export {
  bridgeMetrics,
  metrics,
  metricsEndpoint,
  MetricsRegistry,
  processMetrics,
  UsageStats,
} from './metrics/index.js';
export type {
  ExpositionFormat,
  ForeignRegistry,
  LatencySummary,
  MetricsBridge,
  MetricsEndpointOptions,
  MetricsMiddleware,
  MetricsOptions,
  MetricsRegistryOptions,
  ProcessMetrics,
  Usage,
  UsageOptions,
  UsageSnapshot,
} from './metrics/index.js';
// Tracing
export { diagnostics, tracing } from './tracing/index.js';
export type { DiagnosticsMessages, OpenTelemetryApi, TracingOptions } from './tracing/index.js';
// Health
export { Health, health } from './health/index.js';
export type {
  HealthCheck,
  HealthCheckFunction,
  HealthCheckOptions,
  HealthCheckOutcome,
  HealthCheckReport,
  HealthDetails,
  HealthEngineOptions,
  HealthOptions,
  HealthReport,
  HealthStatus,
} from './health/index.js';
