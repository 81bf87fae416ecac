import { readFileSync } from 'node:fs';
import { builtFile } from './innergate.mjs';
import { nginxVersion } from './nginx.mjs';

/** Every setup, in the order of the table. `package`: whose version stands in the report. */
export const setups = [
  { name: 'floor', what: 'bare undici Pool.dispatch written to `res`', package: 'undici' },
  { name: 'innergate-plain', what: 'one route, no policy, no access log' },
  { name: 'innergate-default', what: 'one route, all defaults, access log to /dev/null' },
  { name: 'innergate-protected', what: 'plain, with a limit per address and a circuit breaker' },
  { name: 'innergate-balanced', what: 'plain, with 3 targets by p2c-ewma, and outlier detection' },
  { name: 'innergate-hs256', what: 'plain, with a token signed by HS256, the same one again and again' },
  { name: 'innergate-rs256', what: 'the same with RS256' },
  { name: 'innergate-observed', what: 'default, with metrics, CORS, limiter, HS256 and circuit breaker' },
  { name: 'innergate-policies', what: 'the same, with concurrency and retry' },
  { name: 'innergate-10', what: 'plain, 10 more routes' },
  { name: 'innergate-10k', what: 'plain, 10,000 more routes' },
  { name: 'node-http-only', what: 'node:http answers by itself, no upstream' },
  { name: 'nginx', what: 'nginx as the proxy, one worker' },
  { name: 'node-http-client', what: 'node:http on both sides, keep-alive agent, `pipe`' },
  { name: 'fast-proxy', what: 'undici mode', package: 'fast-proxy' },
  { name: 'fastify-http-proxy', what: '@fastify/http-proxy on fastify', package: '@fastify/http-proxy' },
  { name: 'http-proxy', what: 'keep-alive agent', package: 'http-proxy' },
  { name: 'http-proxy-3', what: 'keep-alive agent', package: 'http-proxy-3' },
  { name: 'httpxy', what: 'keep-alive agent', package: 'httpxy' },
  { name: 'http-proxy-middleware', what: 'on express, keep-alive agent', package: 'http-proxy-middleware' },
  {
    name: 'express-glue',
    what: 'the same with cors, express-rate-limit, express-jwt and opossum',
    package: 'http-proxy-middleware',
  },
];

/** Setups that add less to innergate-plain than sets two processes apart; those of a group are in one process with it. */
export const additions = [['innergate-protected'], ['innergate-balanced'], ['innergate-hs256', 'innergate-rs256']];

export const isOurs = (name) => name.startsWith('innergate');

/**
 * The setups to run: those of a comma-separated list, or all that this machine can run.
 * @param {string | undefined} only
 */
export function choose(only) {
  const names = only?.split(',').map((name) => name.trim());
  const unknown = names?.filter((name) => !setups.some((setup) => setup.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`unknown setup: ${unknown.join(', ')}\nthere are: ${setups.map((setup) => setup.name).join(', ')}`);
  }
  const chosen = setups.filter(({ name }) => names?.includes(name) ?? (name !== 'nginx' || nginxVersion()));
  if (chosen.some(({ name }) => isOurs(name))) builtFile('./node'); // fails here, with a clear message
  return chosen;
}

const readJson = (url) => JSON.parse(readFileSync(new URL(url, import.meta.url), 'utf8'));

/** The installed version of a package of bench/, `/`-separated for one inside another. */
export const versionOf = (name) => readJson(`../node_modules/${name}/package.json`).version;

/** The undici that the gateway itself runs on: the floor must be the same one. */
export function ownUndici() {
  try {
    return readJson('../../node_modules/undici/package.json').version;
  } catch {
    return undefined;
  }
}
