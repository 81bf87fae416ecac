/** The same as innergate-observed, with retry and a limit of what is in flight. */
import { bearer, hs256 } from '../lib/credentials.mjs';
import { startInnergate } from '../lib/innergate.mjs';
import { origin, wideLimit } from '../lib/traffic.mjs';

export async function start({ upstream }) {
  const { key, issue } = hs256();
  const policies = { rateLimit: wideLimit, auth: { jwt: key }, circuitBreaker: true, retry: 2, concurrency: 1_000 };
  const config = { metrics: true, cors: { origin }, routes: [{ path: '/', target: upstream, ...policies }] };
  return { ...(await startInnergate(config)), headers: { Origin: origin, Authorization: bearer(issue(1)) } };
}
