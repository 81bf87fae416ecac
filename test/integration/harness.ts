/** Gateways and upstreams on real sockets that end with the test that started them. */
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type Agent,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished } from 'vitest';
import { gateway, type GatewayListener } from '../../src/adapters/node/index.js';
import type { Gateway, GatewayConfig } from '../../src/gateway/index.js';
import { listen, type Listening } from '../support/listen.js';
import { rawClient, type RawClient } from '../support/raw-client.js';
import {
  rawUpstream,
  type RawRequestHandler,
  type RawUpstream,
  type RawUpstreamOptions,
} from '../support/raw-upstream.js';
import { upstream, type Upstream, type UpstreamHandler } from '../support/upstream.js';

export const MB = 1_048_576;

/** Fails every test of the file during which something was thrown or rejected that nobody caught. */
export function failOnUncaught(): void {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => {
    uncaught.push(error);
  };
  beforeEach(() => {
    uncaught.length = 0;
    process.on('uncaughtExceptionMonitor', note).on('unhandledRejection', note);
  });
  afterEach(async () => {
    // Rejections are reported when the microtasks of a turn are over.
    await turn();
    process.off('uncaughtExceptionMonitor', note).off('unhandledRejection', note);
    expect(uncaught).toEqual([]);
  });
}

export interface LogRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly aborted?: boolean;
  readonly code?: string;
  readonly error?: string;
}

export interface RunningGateway extends Listening {
  readonly gateway: Gateway;
  readonly server: Server;
  readonly listener: GatewayListener;
  /** The access log so far. */
  readonly log: readonly LogRecord[];
}

/** A gateway on a bare `node:http` server. */
export async function startGateway(config: GatewayConfig): Promise<RunningGateway> {
  const { log, accessLog } = collectLog();
  const listener = gateway({ accessLog, ...config });
  const server = createServer(listener);
  const listening = await listen(server);
  onTestFinished(async () => {
    await listening.close();
    await listener.close({ timeoutMs: 0 });
  });
  return Object.assign(Object.create(listening) as Listening, { gateway: listener.gateway, server, listener, log });
}

export function collectLog(): { log: LogRecord[]; accessLog: { sink: (line: string) => void } } {
  const log: LogRecord[] = [];
  const sink = (line: string): void => {
    log.push(JSON.parse(line) as LogRecord);
  };
  return { log, accessLog: { sink } };
}

export async function startUpstream(handler?: UpstreamHandler): Promise<Upstream> {
  const started = await upstream(handler);
  onTestFinished(() => started.close());
  return started;
}

export interface NamedUpstream extends Upstream {
  status: number;
  /** Status of `/health`. */
  health: number;
}

/** An upstream that answers with its name, and with the status that it has at the moment. */
export async function startNamed(name: string): Promise<NamedUpstream> {
  const started = await startUpstream(({ url }, response) => {
    response.writeHead(url === '/health' ? own.health : own.status).end(name);
  });
  const own = Object.assign(started, { status: 200, health: 200 });
  return own;
}

export async function startRawUpstream(
  onRequest?: RawRequestHandler,
  options?: RawUpstreamOptions,
): Promise<RawUpstream> {
  const started = await rawUpstream(onRequest, options);
  onTestFinished(() => started.close());
  return started;
}

/** Any other server. */
export async function start(server: Parameters<typeof listen>[0]): Promise<Listening> {
  const listening = await listen(server);
  onTestFinished(() => listening.close());
  return listening;
}

/** A server on a port that must be free. */
export async function startOn(port: number, server: Server): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
}

/** A port of 127.0.0.1 on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function connectTo({ port }: { readonly port: number }): RawClient {
  const client = rawClient(port);
  onTestFinished(() => {
    client.destroy();
  });
  return client;
}

/** A client that has sent `GET path`. */
export function getRaw(server: { readonly port: number }, path = '/'): RawClient {
  const client = connectTo(server);
  client.write(`GET ${path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n`);
  return client;
}

export interface SendOptions {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
  /** @default a connection of its own */
  agent?: Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Problem {
  readonly status: number;
  readonly code: string;
}

/** One request; rejects where there is no whole answer. */
export function send(url: string, { method = 'GET', headers = {}, body, agent }: SendOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: agent ?? false, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        resolve({ status, headers: response.headers, text: Buffer.concat(chunks).toString('latin1') });
      });
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.end(body);
  });
}

export function problemOf(text: string | Uint8Array): Problem {
  const { status, code } = JSON.parse(Buffer.from(text).toString()) as Problem;
  return { status, code };
}

/** Writes `total` bytes as fast as the other side takes them; what it has written so far is in `sent`. */
export async function pump(socket: Socket, total: number, sent: { bytes: number }): Promise<void> {
  const chunk = Buffer.alloc(65_536, 'x');
  while (sent.bytes < total && !socket.destroyed) {
    const piece = chunk.subarray(0, Math.min(chunk.length, total - sent.bytes));
    sent.bytes += piece.length;
    if (!socket.write(piece)) await drained(socket);
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** The value of `read` once it has stood still for `forMs`. */
export async function settled(read: () => number, forMs = 300): Promise<number> {
  let value = read();
  let since = performance.now();
  while (performance.now() - since < forMs) {
    await sleep(20);
    const now = read();
    if (now !== value) [value, since] = [now, performance.now()];
  }
  return value;
}

/** Calls `task` with 0 ... `count` - 1, all at once. */
export function times<Value>(count: number, task: (index: number) => Value | Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => task(index)));
}

/** A promise and the function that fulfils it. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
