/** All defaults, and every protection on: request id, access log, limiter, concurrency, retry, circuit breaker. */
import { startInnergate } from '../lib/innergate.mjs';
import { wideLimit } from '../lib/traffic.mjs';

export const start = ({ upstream }) =>
  startInnergate({
    routes: [{ path: '/', target: upstream, rateLimit: wideLimit, circuitBreaker: true, retry: 2, concurrency: 1_000 }],
  });
