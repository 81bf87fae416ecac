/** The plain route with a limit per address and a circuit breaker: what the two add to innergate-plain. */
import { startInnergate } from '../lib/innergate.mjs';
import { wideLimit } from '../lib/traffic.mjs';

export const start = ({ upstream }) =>
  startInnergate({
    routes: [{ path: '/', target: upstream, rateLimit: wideLimit, circuitBreaker: true }],
    accessLog: false,
  });
