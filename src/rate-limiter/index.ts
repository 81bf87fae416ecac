export type { ExpressRateLimitHits, ExpressRateLimitStore } from './express-counter.js';
export { fromExpressRateLimitStore, type ExpressStoreOptions } from './express-store.js';
export type { RateLimitDraft } from './headers.js';
export type { RateLimitKey } from './key.js';
export {
  identityRateLimit,
  type IdentityRateLimitMiddleware,
  type IdentityRateLimitOptions,
} from './identity-rate-limit.js';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.js';
export type { RateLimitOptions } from './middleware-options.js';
export { rateLimit, type RateLimitMiddleware } from './middleware.js';
export type { RateLimiterOptions, StoreOutage } from './options.js';
export { RateLimiter } from './rate-limiter.js';
export type { SendRedisCommand } from '../core/redis-script.js';
export { RedisStore, type RedisStoreOptions } from './redis-store.js';
export type {
  RateLimitAlgorithm,
  RateLimitCounter,
  RateLimitDecision,
  RateLimitPolicy,
  RateLimitStore,
  RateLimitWindow,
  StoreErrorPolicy,
} from './types.js';
