/** The plain route for callers with a token that the gateway can check with its secret. */
import { bearer, hs256 } from '../lib/credentials.mjs';
import { startInnergate } from '../lib/innergate.mjs';

export async function start({ upstream }) {
  const { key, issue } = hs256();
  const routes = [{ path: '/', target: upstream, auth: { jwt: key } }];
  return { ...(await startInnergate({ routes, accessLog: false })), headers: { Authorization: bearer(issue(1)) } };
}
