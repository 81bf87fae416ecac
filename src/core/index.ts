export { after } from './after.js';
export type { Attempt, AttemptObserver } from './attempt.js';
export type { AllowedAddresses } from './address-policy.js';
export { systemClock, type Clock, type Timer } from './clock.js';
export { compose } from './compose.js';
export { Context, type ContextOptions, type FinishListener, type Outcome } from './context.js';
export type { Destination } from './destination.js';
export type { Draft } from './draft.js';
export { errorBoundary, requestGuard } from './error-boundary.js';
export {
  GatewayError,
  isGatewayError,
  type GatewayErrorCode,
  type GatewayErrorOptions,
  type RefusalCode,
} from './errors.js';
export type { FixedAnswer } from './fixed-answer.js';
export { ConfigError, type Fault } from './options.js';
export type { PoolFigures } from './pool-figures.js';
export { refuse, type RefuseOptions } from './refuse.js';
export type { RequestValue } from './request-value.js';
export type { ResolvedTarget, TargetEntry, TargetOptions } from './target-options.js';
export type { TlsOptions } from './tls-options.js';
export type { TraceContext } from './trace-context.js';
export type { TrustFunction, TrustProxy } from './trust.js';
export type {
  Body,
  ByteStream,
  GatewayRequest,
  GatewayResponse,
  Handler,
  HeaderMap,
  Identity,
  IdentityRateLimit,
  MaybePromise,
  Middleware,
  RequestFault,
  RouteMatch,
} from './types.js';
export type { DiscoveryState, TargetReport, TargetState, UpstreamReport } from './upstream-report.js';
export type { Viewers } from './viewers.js';
