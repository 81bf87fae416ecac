import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { normalizeIp } from '../../core/ip.js';
import type { RequestFault } from '../../core/types.js';

/**
 * What the gateway knows of a client's connection. Asking the system for it on every request costs as much as reading
 * the request.
 */
export class Connection {
  /** Normal form; `''` where there is none, as on a unix socket. */
  readonly address: string;
  readonly protocol: 'http' | 'https';
  /** The answer to the latest request. */
  response: ServerResponse | null = null;
  #fault: RequestFault | null = null;

  constructor(socket: Socket & { encrypted?: boolean }) {
    this.address = normalizeIp(socket.remoteAddress ?? '') ?? '';
    this.protocol = socket.encrypted ? 'https' : 'http';
  }

  /**
   * Remembers the first fault: after a request whose end is in doubt, what looks like the next one may be its body, and
   * must not be acted on. The connection closes with the first refusal, so nobody gets a second one.
   */
  refuseAfter(fault: RequestFault | null): RequestFault | null {
    return (this.#fault ??= fault);
  }

  /**
   * The answer under way is the last: whatever the client has sent behind its request is not acted on (RFC 9112 9.6).
   */
  close(): void {
    this.#fault ??= CLOSING;
  }
}

const CLOSING: RequestFault = { code: 'ERR_GATEWAY_REQUEST_MALFORMED', detail: 'The connection is closing.' };

const connections = new WeakMap<Socket, Connection>();

export function connectionOf(socket: Socket): Connection {
  let connection = connections.get(socket);
  if (connection === undefined) connections.set(socket, (connection = new Connection(socket)));
  return connection;
}
