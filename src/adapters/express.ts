/** Express 4 and 5, and every host that keeps its application in `req.app`. */
import type { IncomingMessage } from 'node:http';
import type { TrustFunction } from '../core/trust.js';
import type { Middleware } from '../core/types.js';
import type { Gateway, GatewayConfig } from '../gateway/index.js';
import { gatewayListener, middlewareListener, type GatewayListener, type NodeListener } from './node/listener.js';
import type { ListenerOptions } from './node/mount.js';

type ExpressRequest = IncomingMessage & { app?: { get(setting: string): unknown } };

/** Express compiles its `trust proxy` setting into a function of the same form as ours. */
function expressTrust(req: ExpressRequest): TrustFunction | null {
  const trust = req.app?.get('trust proxy fn');
  return typeof trust === 'function' ? (trust as TrustFunction) : null;
}

/**
 * Mounts a gateway in an Express app. Routes match the full original path, wherever it is mounted; a request without a
 * route goes to the app's next handler. The app's `trust proxy` holds unless the config has a `trustProxy`.
 *
 * @throws {ConfigError} with every fault of the config.
 *
 * @example
 * app.use(gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] }));
 */
export function gateway(configOrGateway: GatewayConfig | Gateway): GatewayListener {
  return gatewayListener(configOrGateway, expressTrust);
}

/** Mounts one piece, or any middleware, in an Express app. */
export function toExpress(middleware: Middleware, options: ListenerOptions = {}): NodeListener {
  return middlewareListener(middleware, options, expressTrust);
}

export type { GatewayListener, ListenerOptions, NodeListener };
