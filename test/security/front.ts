import { createServer } from 'node:http';
import { expect } from 'vitest';
import { gateway, serve } from '../../src/adapters/node/index.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { listen } from '../support/listen.js';
import { exchange, type Exchange } from '../support/raw-client.js';
import { rawUpstream, type RawRequest, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';

/** `served` has every limit of `serve()`; `mounted` has what `http.createServer` brings. */
export type Mounting = 'served' | 'mounted';

export const MOUNTINGS: readonly Mounting[] = ['served', 'mounted'];

/** A gateway in front of an upstream that believes everything. */
export interface Front {
  readonly port: number;
  readonly upstream: RawUpstream;
  /** Lines of the access log. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export interface FrontOptions {
  mounting?: Mounting;
  /** What the upstream does; by default it answers 200 `ok`. */
  onRequest?: RawRequestHandler;
  /** Options of `http.createServer`, where the gateway is mounted. */
  server?: { insecureHTTPParser?: boolean; maxHeaderSize?: number; requireHostHeader?: boolean };
}

export async function front(
  configure: (target: string) => GatewayConfig = (target) => ({ routes: [{ path: '/', target }] }),
  { mounting = 'served', onRequest, server = {} }: FrontOptions = {},
): Promise<Front> {
  const upstream = await rawUpstream(onRequest);
  const lines: string[] = [];
  const sink = (line: string): void => void lines.push(line);
  const config: GatewayConfig = { accessLog: { sink }, ...configure(upstream.url) };

  if (mounting === 'served') {
    const running = await serve(config, {
      port: 0,
      host: '127.0.0.1',
      announce: false,
      signals: [],
      drainTimeoutMs: 0,
    });
    const close = async (): Promise<void> => {
      await running.close();
      await upstream.close();
    };
    return { port: Number(new URL(running.url).port), upstream, lines, close };
  }
  const listener = gateway(config);
  const listening = await listen(createServer(server, listener));
  const close = async (): Promise<void> => {
    await listening.close();
    await listener.close({ timeoutMs: 0 });
    await upstream.close();
  };
  return { port: listening.port, upstream, lines, close };
}

export function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\r\n`).join('');
}

/** A request without a body; the fields follow `Host`. */
export function get(target: string, ...fields: readonly string[]): string {
  return lines(`GET ${target} HTTP/1.1`, 'Host: gateway.test', ...fields, '');
}

const ALIVE = get('/alive', 'Connection: close');

/** What a refused request that is followed by another one must not let through. */
export const SMUGGLED = get('/smuggled', 'X-Smuggled: yes');

export interface Observed extends Exchange {
  /** Requests that reached the upstream meanwhile. */
  readonly arrived: readonly RawRequest[];
  /** Every byte that reached the upstream meanwhile, one character each. */
  readonly bytes: string;
}

/**
 * Sends bytes on a new connection and tells what came of it on both sides. A good request on another connection follows: it must get its answer, and as
 * it is behind everything that the first one caused, nothing that reaches the upstream is missed.
 */
export async function observe({ port, upstream }: Front, data: string | Uint8Array, head = false): Promise<Observed> {
  const requestsBefore = upstream.requests.length;
  const bytesBefore = seen(upstream).map(({ length }) => length);
  const result = await exchange(port, data, { head, settleMs: 15 });
  const alive = await exchange(port, ALIVE);
  expect(alive.response?.status, 'a good request on a new connection').toBe(200);
  const arrived = upstream.requests.slice(requestsBefore).filter(({ url }) => url !== '/alive');
  const texts = seen(upstream).map((text, index) => text.slice(bytesBefore[index] ?? 0));
  return { ...result, arrived, bytes: texts.join('').replace(/GET \/alive HTTP\/1\.1\r\n[^]*?\r\n\r\n/, '') };
}

function seen({ accepted, received }: RawUpstream): string[] {
  return Array.from({ length: accepted }, (_, connection) => received(connection).toString('latin1'));
}

/** Sends bytes that the gateway must refuse: one answer, the connection ends, the upstream gets not a byte, and others are served. */
export async function expectRefused(
  gateway: Front,
  data: string | Uint8Array,
  { statuses = [400] }: { statuses?: readonly number[] } = {},
): Promise<Exchange> {
  const { bytes, ...result } = await observe(gateway, data);
  expect.soft(bytes, 'bytes at the upstream').toBe('');
  expect.soft(statuses, 'status').toContain(result.response?.status);
  expect.soft(result.closed, 'the connection is closed').toBe(true);
  expect.soft(result.raw.match(/^HTTP\//gm), 'answers').toHaveLength(1);
  return result;
}
