import { connect, type NetConnectOpts } from 'node:net';
import { endpointOf } from './endpoint.js';
import type { ActiveHealthOptions, HealthProbe } from './options.js';

/** Connects, and is content with that. */
export function tcpProbe(url: URL, options: ActiveHealthOptions): HealthProbe {
  const { host, port, lookup, socketPath, denied } = endpointOf(url, options);
  const address: NetConnectOpts =
    socketPath === undefined ? { host, port, ...(lookup && { lookup }) } : { path: socketPath };

  return function probeTcp(signal) {
    return new Promise((resolve, reject) => {
      if (denied !== null) return reject(denied);
      const socket = connect(address);
      socket.unref();
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
  };
}
