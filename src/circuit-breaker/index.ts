export { CircuitBreaker, type ExecuteOptions } from './circuit-breaker.js';
export { CircuitOpenError, isCircuitOpenError } from './circuit-open-error.js';
export type { CircuitPermit } from './circuit-permit.js';
export type { CircuitSnapshot, CircuitState, CircuitStateChange } from './circuit-state.js';
export { fallback } from './fallback.js';
export type { FallbackAnswer, FallbackFailure, FallbackFunction, FallbackOptions } from './fallback.js';
export { circuitBreaker, type CircuitBreakerMiddleware } from './middleware.js';
export type { CircuitBreakerMiddlewareOptions, CircuitBreakerOptions, CircuitStateListener } from './options.js';
