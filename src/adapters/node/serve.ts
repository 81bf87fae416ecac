import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type ServerOptions as TlsOptions } from 'node:https';
import { Server as NetServer, type AddressInfo } from 'node:net';
import { guardOutput } from '../../core/guard-output.js';
import { func, integer, list, milliseconds, object, string, validate, type Schema } from '../../core/options.js';
import { toGateway, type Gateway, type GatewayConfig } from '../../gateway/index.js';
import { serveHalfClosed } from './half-close.js';
import { gateway } from './listener.js';
import { routeTable } from './route-table.js';

export interface ServeOptions {
  /** 0 = any free one. @default the environment's PORT, else 3000 */
  port?: number;
  /** Address to listen on. @default every address */
  host?: string;
  /** Certificate and key of an https server, PEM; the other options of `https.createServer` too. */
  tls?: TlsOptions;
  /** Time for a client to send the head of a request, in ms. From 1 on. @default 20000 */
  headersTimeoutMs?: number;
  /** Time for a client to send a whole request, in ms. From 1 on. @default 300000 */
  requestTimeoutMs?: number;
  /** Time without a byte in either direction after which a connection is closed, in ms. From 1 on. @default 120000 */
  inactivityTimeoutMs?: number;
  /**
   * Time that an unused connection of a client stays open, in ms. From 1 on. @default 65000, above the 60 s of usual
   * load balancers
   */
  keepAliveMs?: number;
  /** Bytes of a request's head; more is 431. @default 16384 */
  maxHeaderBytes?: number;
  /** Connections of clients at once; more are closed as they come. From 1 on. @default 10000 */
  maxConnections?: number;
  /**
   * How long the server still works as ever after it is told to end and readiness has turned 503, in ms: time for load
   * balancers to see it. From 0 on. @default 0
   */
  drainDelayMs?: number;
  /** Time that requests in flight get after that, in ms. From 0 on. @default 10000 */
  drainTimeoutMs?: number;
  /** Signals on which to drain. @default ['SIGTERM', 'SIGINT'] */
  signals?: readonly NodeJS.Signals[];
  /** Takes the route table and the address as one text at the start; `false` says nothing. @default standard output */
  announce?: false | ((text: string) => void);
}

export interface RunningServer {
  readonly gateway: Gateway;
  readonly server: Server;
  /** Where it listens: `http://localhost:3000`. */
  readonly url: string;
  /** Stops listening, lets requests in flight finish, and ends every connection. */
  close(): Promise<void>;
}

const tls: Schema = {
  expected: 'options of https.createServer',
  accepts: (value) => typeof value === 'object' && value !== null,
};
const silence: Schema = { expected: 'false or a function', accepts: (value) => value === false || func.accepts(value) };
const serveSchema = object({
  port: integer({ max: 65_535 }),
  host: string(),
  tls,
  headersTimeoutMs: integer({ min: 1 }),
  requestTimeoutMs: integer({ min: 1 }),
  inactivityTimeoutMs: integer({ min: 1 }),
  keepAliveMs: integer({ min: 1 }),
  maxHeaderBytes: integer({ min: 1024 }),
  maxConnections: integer({ min: 1 }),
  drainDelayMs: milliseconds({ min: 0 }),
  drainTimeoutMs: milliseconds({ min: 0 }),
  signals: list(string(), { min: 0 }),
  announce: silence,
} satisfies Record<keyof ServeOptions, Schema>);

/**
 * A whole gateway server: listens with every limit set, prints its routes and its address, and drains on SIGTERM. It
 * never ends the process: with the last connection closed there is nothing that keeps it.
 *
 * @throws {ConfigError} when the config or an option is wrong.
 *
 * @example
 * await serve({ routes: [{ path: '/api/users', target: 'http://users:3001' }] }, { port: 3000 });
 */
export async function serve(
  configOrGateway: GatewayConfig | Gateway,
  options: ServeOptions = {},
): Promise<RunningServer> {
  validate('serve', options, serveSchema);
  const engine = toGateway(configOrGateway);
  const server = createLimitedServer(engine, options);
  await listen(server, options.port ?? portFromEnvironment(), options.host);

  const { signals = ['SIGTERM', 'SIGINT'], announce = printLine } = options;
  const { drainDelayMs = 0, drainTimeoutMs = 10_000 } = options;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= drain());
  const onSignal = (): void => void close();
  // Kept until the end: a second signal must not end the process while it drains.
  for (const signal of signals) process.on(signal, onSignal);

  async function drain(): Promise<void> {
    await engine.drain({ delayMs: drainDelayMs });
    const idle = setTimeout(() => {
      server.closeIdleConnections();
    }, LAST_REQUEST_MS);
    const deadline = setTimeout(() => {
      server.closeAllConnections();
    }, drainTimeoutMs);
    // Not `server.close()`: it ends idle connections on the spot, and with them the request that is on its way.
    await new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
    clearTimeout(idle);
    clearTimeout(deadline);
    await engine.close({ timeoutMs: 0 });
    for (const signal of signals) process.off(signal, onSignal);
  }

  const url = urlOf(server, options);
  if (announce !== false) announce(`${routeTable(engine)}\ninnergate listens on ${url}`);
  return { gateway: engine, server, url, close };
}

/** How long an idle connection of a draining server may still bring a request. */
const LAST_REQUEST_MS = 1_000;

function createLimitedServer(engine: Gateway, options: ServeOptions): Server {
  const { requestTimeoutMs = 300_000 } = options;
  const limits: ServerOptions = {
    headersTimeout: options.headersTimeoutMs ?? Math.min(20_000, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: options.keepAliveMs ?? 65_000,
    maxHeaderSize: options.maxHeaderBytes ?? 16_384,
    connectionsCheckingInterval: 1_000,
    // The gateway refuses a request without a host itself, and with it what follows on its connection.
    requireHostHeader: false,
  };
  const listener = gateway(engine);
  const server = options.tls
    ? createTlsServer({ ...limits, ...options.tls }, listener)
    : createServer(limits, listener);
  server.timeout = options.inactivityTimeoutMs ?? 120_000;
  server.maxConnections = options.maxConnections ?? 10_000;
  // Node would drop the lines beyond its limit without a word; the gateway counts them and refuses.
  server.maxHeadersCount = 0;
  server.on('checkContinue', listener);
  serveHalfClosed(server);
  return server;
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject);
      // An accept that fails, for want of file descriptors say, is retried by the next connection.
      server.on('error', (error) => {
        process.emitWarning(error);
      });
      resolve();
    });
  });
}

function portFromEnvironment(): number {
  const text = process.env.PORT;
  if (text === undefined || text === '') return 3000;
  validate('serve', Number(text), integer({ max: 65_535 }), 'PORT in the environment');
  return Number(text);
}

function urlOf(server: Server, { host = 'localhost', tls }: ServeOptions): string {
  const { port } = server.address() as AddressInfo;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function printLine(text: string): void {
  guardOutput();
  process.stdout.write(`${text}\n`);
}
