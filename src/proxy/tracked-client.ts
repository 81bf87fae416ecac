import { isIP, type Socket } from 'node:net';
import type { buildConnector, Client, Dispatcher as UndiciDispatcher } from 'undici';
import { deniedAddress, guardedLookup } from '../core/address-policy.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/errors.js';
import type { Connection, DispatchOptions } from './dispatcher.js';

export type Undici = typeof import('undici');
type Connector = buildConnector.connector;

export interface ConnectorLimits {
  readonly connectMs: number;
  /** `null` = every address. */
  readonly isAllowed: ((address: string) => boolean) | null;
  readonly clock: Clock;
}

/** A connector of undici with a deadline of the gateway's own: undici's ticks every half second. */
export function deadlineConnector(
  undici: Undici,
  options: object,
  { connectMs, isAllowed, clock }: ConnectorLimits,
): Connector {
  const guarded = isAllowed === null ? options : { ...options, lookup: guardedLookup(isAllowed) };
  // It returns the socket, which its types do not tell.
  const connector = undici.buildConnector({ ...guarded, timeout: 0 }) as (...call: Parameters<Connector>) => Socket;
  return function connect(target, callback) {
    // An address is not looked up.
    if (isAllowed !== null && isIP(target.hostname) !== 0 && !isAllowed(target.hostname)) {
      callback(deniedAddress(target.hostname), null);
      return;
    }
    const pending = connector(withServername(target), (...result) => {
      clock.clearTimer(timer);
      callback(...result);
    });
    const timer = clock.setTimer(() => {
      const message = `upstream ${target.protocol}//${target.hostname}: no connection within timeouts.connectMs`;
      pending.destroy(new GatewayError('ERR_GATEWAY_CONNECT_TIMEOUT', message));
    }, connectMs);
  };
}

/** An address is no server name (RFC 6066 3): the certificate is then checked against the address itself. */
function withServername(target: buildConnector.Options): buildConnector.Options {
  const { servername = '' } = target;
  return { ...target, servername: isIP(servername) ? '' : servername };
}

/** A class, as an object with an accessor of its own is a slow one. */
class PooledConnection implements Connection {
  /** `null` as long as there has been none. */
  socket: Socket | null = null;
  answers = 0;
  broken = false;
  openedAt = Number.NaN;
  connectMs = 0;

  get bytesRead(): number {
    return this.socket?.bytesRead ?? 0;
  }
}

/** When a connection is not used any longer. */
export interface ConnectionEnd {
  readonly maxSocketAgeMs: number;
  readonly maxRequestsPerSocket: number;
}

/** Makes clients that tell each exchange which connection it runs on, and that renew theirs. */
export function trackedClients(
  undici: Undici,
  connector: Connector,
  { maxSocketAgeMs, maxRequestsPerSocket }: ConnectionEnd,
  clock: Clock,
): (origin: URL, options: object) => Client {
  class TrackedClient extends undici.Client {
    readonly connection: Connection;
    /** Requests that were sent over the connection; one at a time. */
    #requests = 0;
    #lastsUntil = Infinity;

    constructor(origin: URL, options: object) {
      const connection = new PooledConnection();
      const connect: Connector = (target, callback) => {
        connection.answers = 0;
        connection.broken = false;
        const began = clock.now();
        connector(target, (...result) => {
          connection.socket = result[1];
          connection.openedAt = clock.now();
          connection.connectMs = connection.openedAt - began;
          connection.socket?.once('error', () => {
            connection.broken = true;
          });
          callback(...result);
        });
      };
      super(origin, { ...options, connect });
      this.connection = connection;
      this.on('connect', () => {
        // It opens for a request that waits.
        this.#requests = 1;
        this.#lastsUntil = clock.now() + maxSocketAgeMs;
      });
      this.on('disconnect', () => {
        this.#forget();
      });
    }

    override dispatch(
      options: UndiciDispatcher.DispatchOptions & Pick<Partial<DispatchOptions>, 'exchange'>,
      handler: UndiciDispatcher.DispatchHandler,
    ): boolean {
      if (++this.#requests >= maxRequestsPerSocket || clock.now() >= this.#lastsUntil) {
        options.reset = true;
        this.#forget();
      }
      if (options.exchange) options.exchange.connection = this.connection;
      return super.dispatch(options, handler);
    }

    /** The next request is for another connection. */
    #forget(): void {
      this.#requests = 0;
      this.#lastsUntil = Infinity;
    }
  }

  return (origin, options) => new TrackedClient(origin, options);
}
