/** Gateways that ask who is calling, and what is true of all of their answers. */
import { expect } from 'vitest';
import type { AuthOption, GatewayConfig } from '../../src/gateway/index.js';
import { FakeClock } from '../support/fake-clock.js';
import type { RawRequest } from '../support/raw-upstream.js';
import { front, get, observe, type Front, type FrontOptions, type Observed } from './front.js';

export type GuardedConfig = Omit<Partial<GatewayConfig>, 'routes'>;

/** A route for each path, all to the one upstream, and `/alive` for everybody. Time stands still. */
export function guarded(
  auths: Readonly<Record<string, AuthOption>>,
  config: GuardedConfig = {},
  options: FrontOptions = {},
): Promise<Front> {
  return front(
    (target) => ({
      clock: new FakeClock(),
      ...config,
      defaults: { stripPrefix: false, ...config.defaults },
      routes: [{ path: '/alive', target }, ...Object.entries(auths).map(([path, auth]) => ({ path, target, auth }))],
    }),
    options,
  );
}

/** A request that is the last one on its connection, so that nobody waits for more answers. */
export function withToken(path: string, token: string): string {
  return get(path, `Authorization: Bearer ${token}`, 'Connection: close');
}

/** The request must reach the upstream, once. */
export async function expectLetIn(gateway: Front, data: string): Promise<RawRequest> {
  const { response, arrived } = await observe(gateway, data);
  expect.soft(response?.status).toBe(200);
  expect(arrived).toHaveLength(1);
  return arrived[0] as RawRequest;
}

export interface Refusal {
  /** @default 401 */
  status?: number;
  /** @default that of credentials that prove nothing */
  code?: string;
  /** @default that of a bearer token that proves nothing */
  challenge?: string | undefined;
}

const INVALID = 'ERR_GATEWAY_CREDENTIALS_INVALID';
const INVALID_DETAIL = 'The credentials are expired, revoked or not valid; get new ones.';

/** The request must get one answer, the same whatever was wrong with its credentials, and the upstream not a byte. */
export async function expectTurnedAway(
  gateway: Front,
  data: string,
  { status = 401, code = INVALID, ...more }: Refusal = {},
): Promise<Observed> {
  const { challenge } = { challenge: 'Bearer realm="api", error="invalid_token"', ...more };
  const observed = await observe(gateway, data);
  const { response, bytes, raw } = observed;
  expect.soft(bytes, 'bytes at the upstream').toBe('');
  expect.soft(response?.status).toBe(status);
  expect.soft(response?.headers['www-authenticate']).toBe(challenge);
  expect.soft(raw.match(/^HTTP\//gm), 'answers').toHaveLength(1);
  const problem = JSON.parse(response?.body.toString() ?? '') as Record<string, unknown>;
  expect(problem).toMatchObject(code === INVALID ? { code, detail: INVALID_DETAIL } : { code });
  return observed;
}

/** Nobody has sent what could prove anything. */
export const MISSING: Refusal = { code: 'ERR_GATEWAY_CREDENTIALS_MISSING', challenge: 'Bearer realm="api"' };
