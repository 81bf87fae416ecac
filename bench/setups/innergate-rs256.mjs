/** The plain route for callers with a token that the gateway can check with the public key of its issuer. */
import { audience, bearer, rs256 } from '../lib/credentials.mjs';
import { startInnergate } from '../lib/innergate.mjs';

export async function start({ upstream }) {
  const { key, issue } = rs256();
  const routes = [{ path: '/', target: upstream, auth: { jwt: { ...key, audience } } }];
  return { ...(await startInnergate({ routes, accessLog: false })), headers: { Authorization: bearer(issue(1)) } };
}
