export { ConcurrencyLimiter, type Waiting } from './concurrency-limiter.js';
export { concurrency } from './middleware.js';
export type { ConcurrencyLimiterOptions, ConcurrencyOptions } from './options.js';
