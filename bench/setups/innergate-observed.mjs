/** Request id, access log, metrics, CORS, limiter, JWT and circuit breaker: what a front door has switched on. */
import { bearer, hs256 } from '../lib/credentials.mjs';
import { startInnergate } from '../lib/innergate.mjs';
import { origin, wideLimit } from '../lib/traffic.mjs';

export async function start({ upstream }) {
  const { key, issue } = hs256();
  const policies = { rateLimit: wideLimit, auth: { jwt: key }, circuitBreaker: true };
  const config = { metrics: true, cors: { origin }, routes: [{ path: '/', target: upstream, ...policies }] };
  return { ...(await startInnergate(config)), headers: { Origin: origin, Authorization: bearer(issue(1)) } };
}
