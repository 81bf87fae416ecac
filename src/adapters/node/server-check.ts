import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { warn } from '../../core/warn.js';

/** Limits of a server that a mounted middleware cannot set, but that decide whether slow clients can exhaust it. */
interface ServerLimits {
  headersTimeout?: number;
  requestTimeout?: number;
}

/**
 * Looks once at the server that the gateway is mounted in and warns of limits that are switched off. `serve()` sets
 * them all.
 */
export class ServerCheck {
  #done = false;

  look(req: IncomingMessage): void {
    if (this.#done) return;
    this.#done = true;
    const { server } = req.socket as Socket & { server?: ServerLimits };
    for (const limit of ['headersTimeout', 'requestTimeout'] as const) {
      if (server?.[limit] === 0) {
        warn(
          'ERR_GATEWAY_SERVER_LIMIT',
          `server.${limit} is 0, so a client that sends slowly can hold its connection for ever; give it some seconds, or use serve()`,
        );
      }
    }
  }
}
