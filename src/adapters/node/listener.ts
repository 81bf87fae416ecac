import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { compileTrust, type TrustFunction } from '../../core/trust.js';
import type { GatewayResponse, Middleware } from '../../core/types.js';
import { toGateway, type Gateway, type GatewayConfig } from '../../gateway/index.js';
import { NodeExchange } from './bridge.js';
import { mountGateway, mountMiddleware, type ListenerOptions, type Mount } from './mount.js';
import { ServerCheck } from './server-check.js';

/** A listener for `http.createServer`, and a middleware for every host that calls it with `next`. */
export type NodeListener = (
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** A gateway as a listener; the gateway itself is at `.gateway`. */
export type GatewayListener = NodeListener & { readonly gateway: Gateway; close: Gateway['close'] };

/** Where a host keeps a trust setting of its own. */
export type HostTrust = (req: IncomingMessage) => TrustFunction | null;

const trustNobody: HostTrust = () => null;
const NOBODY = compileTrust(false);

/**
 * Mounts a gateway in `node:http`, `node:https`, the compatibility layer of `node:http2`, or a connect-style host. A
 * request without a route goes to `next` where there is one, and gets 404 where there is none.
 *
 * @throws {ConfigError} with every fault of the config.
 *
 * @example
 * http.createServer(gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] })).listen(3000);
 */
export function gateway(configOrGateway: GatewayConfig | Gateway): GatewayListener {
  return gatewayListener(configOrGateway, trustNobody);
}

/** The listener behind {@link gateway}, for adapters whose hosts have a trust setting. */
export function gatewayListener(configOrGateway: GatewayConfig | Gateway, hostTrust: HostTrust): GatewayListener {
  const engine = toGateway(configOrGateway);
  return Object.assign(listen(mountGateway(engine), hostTrust), { gateway: engine, close: engine.close.bind(engine) });
}

/**
 * Mounts one piece, or any middleware, in front of what comes next in the host; header fields that it gives to the
 * answer are set on whatever the host answers. Without a `next` what it lets pass is 404.
 *
 * @example
 * http.createServer(toNode(proxy({ target: 'http://users:3001' }))).listen(3000);
 */
export function toNode(middleware: Middleware, options: ListenerOptions = {}): NodeListener {
  return middlewareListener(middleware, options, trustNobody);
}

/** The listener behind {@link toNode}, for adapters whose hosts have a trust setting. */
export function middlewareListener(
  middleware: Middleware,
  options: ListenerOptions,
  hostTrust: HostTrust,
): NodeListener {
  return listen(mountMiddleware(middleware, options), hostTrust);
}

function listen(mount: Mount, hostTrust: HostTrust): NodeListener {
  const check = new ServerCheck();

  return function innergate(request, answer, next) {
    // The compatibility layer of http2 promises to look like http.
    const req = request as IncomingMessage;
    const res = answer as ServerResponse;
    check.look(req);
    const exchange = new NodeExchange(mount, req, res, hostTrust(req) ?? NOBODY);
    const finish = (response: GatewayResponse): void => {
      const own = exchange.settle(response);
      if (own === null) next?.();
      else exchange.write(own);
    };
    // Synchronous where the onion is. The error boundary is inside it, so there is no rejection to fear.
    const response = (next === undefined ? mount.alone : mount.handler)(exchange.ctx);
    if (response instanceof Promise) void response.then(finish);
    else finish(response);
  };
}
