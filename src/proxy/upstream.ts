import type { Client, Pool } from 'undici';
import { compileAddresses, type AllowedAddresses } from '../core/address-policy.js';
import { systemClock, type Clock } from '../core/clock.js';
import { GatewayError } from '../core/errors.js';
import type { PoolFigures } from '../core/pool-figures.js';
import type { TlsOptions } from '../core/tls-options.js';
import type { DispatchHandler, DispatchOptions, Dispatcher } from './dispatcher.js';
import { deadlineConnector, trackedClients, type Undici } from './tracked-client.js';

export interface UpstreamOptions {
  /** Connections that are open at once, per origin. From 1 on. @default 128 */
  maxConnections?: number;
  /** Requests that wait for a connection, per origin; beyond that the answer is 503. 0 = nobody waits. @default 1024 */
  maxQueue?: number;
  /**
   * How long an unused connection stays open, in ms, unless the upstream's `Keep-Alive` says less. From 1 on. @default
   * 4000
   */
  keepAliveMs?: number;
  /** Time to connect, TLS included, in ms. From 1 on. @default 5000 */
  connectMs?: number;
  /**
   * How long a connection is used, in ms: a new one asks again where its name leads to. What runs on it ends in peace,
   * and the first request after that time is its last, with `Connection: close`. From 1 on; `Infinity` = as long as it
   * lasts. @default 300000, 5 minutes
   */
  maxSocketAgeMs?: number;
  /** Requests that a connection is used for. From 1 on; `Infinity` = as many as it lasts. @default Infinity */
  maxRequestsPerSocket?: number;
  /**
   * Addresses that may be connected to, where names of targets come from outside: a name is checked after it has been
   * resolved, and only what was checked is connected to. @default all
   */
  allowedAddresses?: AllowedAddresses;
  /** Path of a unix socket to connect to; the target's host then only names the upstream. */
  socketPath?: string;
  tls?: TlsOptions;
  /** An undici `Dispatcher` of your own to send everything through. You close it. */
  dispatcher?: Dispatcher;
}

let loading: Promise<Undici> | undefined;

/** undici costs tens of milliseconds to load: paid by the first proxy that is made, not by an import of the package. */
function loadUndici(): Promise<Undici> {
  return (loading ??= import('undici'));
}

/** One origin: its pool of keep-alive connections, bounded in connections and in requests that wait for one. */
export class Upstream {
  /** Scheme, host and port: `http://users:3001`. */
  readonly origin: string;
  /** Host and port, as in a `Host` field. */
  readonly authority: string;
  /** Name to verify over TLS; never taken from a request. */
  readonly servername: string;
  /** Resolves when the first request can be sent. */
  readonly ready: Promise<void>;
  readonly #maxInFlight: number;
  readonly #ownPool: boolean;
  #dispatcher: Dispatcher | null = null;
  #makeClient: (() => Client) | null = null;
  #inFlight = 0;
  #onIdle: (() => void) | null = null;
  #closed = false;

  constructor(url: URL, options: UpstreamOptions = {}, clock: Clock = systemClock) {
    const { maxConnections = 128, maxQueue = 1024, dispatcher } = options;
    this.origin = url.origin;
    this.authority = url.host;
    this.servername = options.tls?.servername ?? url.hostname.replace(/^\[|\]$/g, '');
    this.#maxInFlight = maxConnections + maxQueue;
    this.#ownPool = dispatcher === undefined;
    this.#dispatcher = dispatcher ?? null;
    this.ready = dispatcher ? Promise.resolve() : this.#open(maxConnections, options, clock);
    // Whoever awaits `ready` sees the failure; a proxy that is never asked must not end the process with it.
    this.ready.catch(() => undefined);
  }

  /** True where a request can be sent now, without waiting for {@link ready}. */
  get isOpen(): boolean {
    return this.#dispatcher !== null;
  }

  /** True where no further request may wait for a connection. */
  get isBusy(): boolean {
    return this.#inFlight >= this.#maxInFlight;
  }

  /** `null` with a dispatcher of the user's own, and where the pool is not open. */
  get figures(): PoolFigures | null {
    const pool = this.#dispatcher as Pool | null;
    if (!this.#ownPool || pool === null) return null;
    const { connected: open, running, size } = pool.stats;
    return { open, idle: Math.max(0, open - running), running, waiting: size - running };
  }

  /** Sends a request. Whatever goes wrong is told to the handler, never thrown. */
  dispatch(options: DispatchOptions, handler: DispatchHandler): void {
    this.#send(this.#dispatcher, options, handler);
  }

  /**
   * Sends a request over a connection that is made for it alone: where one pooled connection has died, others may have
   * too.
   */
  dispatchAlone(options: DispatchOptions, handler: DispatchHandler): void {
    const client = this.#makeClient?.();
    this.#send(this.#dispatcher && (client ?? null), options, handler);
    // It ends when the request does; what goes wrong on the way is the handler's.
    client?.close().catch(() => undefined);
  }

  #send(dispatcher: Dispatcher | null, options: DispatchOptions, handler: DispatchHandler): void {
    this.#inFlight++;
    try {
      if (dispatcher === null) throw new GatewayError('ERR_GATEWAY_DRAINING', `upstream ${this.origin} is closed`);
      dispatcher.dispatch(options, handler);
    } catch (error) {
      handler.onResponseError(undefined, error as Error);
    }
  }

  /** One dispatch is over. */
  release(): void {
    if (--this.#inFlight === 0) this.#onIdle?.();
  }

  /** Closes the pool as soon as nothing runs on it, and calls `onClosed`. */
  retire(onClosed: () => void): void {
    this.#onIdle = () => {
      void this.close().then(onClosed);
    };
    // Whoever waits for the pool to open was there before, and has sent by then.
    const closeIfIdle = (): void => {
      if (this.#inFlight === 0) this.#onIdle?.();
    };
    this.ready.then(closeIfIdle, closeIfIdle);
  }

  /** Closes the pool and whatever still runs on it. A dispatcher of the user's own stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    const pool = this.#dispatcher as Pool | null;
    this.#dispatcher = null;
    if (this.#ownPool) await pool?.destroy();
  }

  async #open(connections: number, options: UpstreamOptions, clock: Clock): Promise<void> {
    const undici = await loadUndici();
    if (this.#closed) return;
    const { tls, socketPath, connectMs = 5_000, keepAliveMs = 4_000, allowedAddresses } = options;
    const { maxSocketAgeMs = 300_000, maxRequestsPerSocket = Infinity } = options;
    const isAllowed = allowedAddresses === undefined ? null : compileAddresses(allowedAddresses);
    const connector = deadlineConnector(undici, { socketPath, ...tls }, { connectMs, isAllowed, clock });
    const factory = trackedClients(undici, connector, { maxSocketAgeMs, maxRequestsPerSocket }, clock);
    const settings = {
      // The proxy keeps its own deadlines: one code each, and none of undici's half-second ticks.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      allowH2: false,
    };
    this.#makeClient = () => factory(new URL(this.origin), settings);
    this.#dispatcher = new undici.Pool(this.origin, { ...settings, connections, factory });
  }
}
