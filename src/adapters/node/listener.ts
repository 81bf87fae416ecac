import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { systemClock, type Clock } from '../../core/clock.js';
import { compose } from '../../core/compose.js';
import type { Context } from '../../core/context.js';
import { errorBoundary, requestGuard } from '../../core/error-boundary.js';
import { refuse } from '../../core/refuse.js';
import { compileTrust, type TrustFunction, type TrustProxy } from '../../core/trust.js';
import type { GatewayResponse, Handler, Middleware } from '../../core/types.js';
import { toGateway, type Gateway, type GatewayConfig } from '../../gateway/index.js';
import { isPassedOn, NodeExchange, passOn } from './bridge.js';
import { ServerCheck } from './server-check.js';
import { setHeaders } from './write-response.js';

/** A listener for `http.createServer`, and a middleware for every host that calls it with `next`. */
export type NodeListener = (
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** A gateway as a listener; the gateway itself is at `.gateway`. */
export type GatewayListener = NodeListener & { readonly gateway: Gateway; close: Gateway['close'] };

export interface ListenerOptions {
  /** Whose `X-Forwarded-*` count, see `TrustProxy`. @default in Express and Koa the app's own setting, else nobody's */
  trustProxy?: TrustProxy;
  /** @default systemClock */
  clock?: Clock;
}

/** Something to mount in a host: a gateway, or one piece. */
export interface Mount {
  /** Ends in a `PassOn` where the host's next handler is to answer. */
  readonly handler: Handler;
  /** Ends in 404 there. */
  readonly alone: Handler;
  /** `null` leaves it to the host. */
  readonly trust: TrustFunction | null;
  readonly clock: Clock;
  /** True where every answer is to be the last on its connection. */
  readonly isDraining: () => boolean;
  /** A request that it passes on is none of its business any more; what a mere piece has to say goes on the host's answer. */
  readonly ownsAnswer: boolean;
}

/** Where a host keeps a trust setting of its own. */
export type HostTrust = (req: IncomingMessage) => TrustFunction | null;

const notFound: Handler = (ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND');
const trustNobody: HostTrust = () => null;
const NOBODY = compileTrust(false);

export function mountGateway(engine: Gateway): Mount {
  const { trustProxy, clock } = engine;
  const trust = trustProxy === undefined ? null : compileTrust(trustProxy);
  return {
    handler: engine.handlerBefore(passOn),
    alone: engine.handlerBefore(notFound),
    trust,
    clock,
    isDraining: () => engine.isDraining,
    ownsAnswer: true,
  };
}

export function mountMiddleware(middleware: Middleware, { trustProxy, clock = systemClock }: ListenerOptions): Mount {
  const layers = [errorBoundary, requestGuard, middleware];
  const trust = trustProxy === undefined ? null : compileTrust(trustProxy);
  return {
    handler: compose(layers, passOn),
    alone: compose(layers, notFound),
    trust,
    clock,
    isDraining: () => false,
    ownsAnswer: false,
  };
}

/**
 * Mounts a gateway in `node:http`, `node:https`, the compatibility layer of `node:http2`, or a connect-style host. A request without a route goes to
 * `next` where there is one, and gets 404 where there is none.
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
 * Mounts one piece, or any middleware, in front of what comes next in the host; header fields that it gives to the answer are set on whatever the host
 * answers. Without a `next` what it lets pass is 404.
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

/** A body that a piece has wrapped, to count it say, does not reach the host's handlers: what holds for it could not be kept. */
export function refusePassing(ctx: Context): GatewayResponse | null {
  if (ctx.drafted === null || ctx.drafted.body === ctx.request.body) return null;
  return refuse(ctx, 'ERR_GATEWAY_LENGTH_REQUIRED');
}

function listen({ handler, alone, trust, clock, isDraining, ownsAnswer }: Mount, hostTrust: HostTrust): NodeListener {
  const check = new ServerCheck();

  return function innergate(request, answer, next) {
    // The compatibility layer of http2 promises to look like http.
    const req = request as IncomingMessage;
    const res = answer as ServerResponse;
    check.look(req);
    const exchange = new NodeExchange(req, res, trust ?? hostTrust(req) ?? NOBODY, clock);
    const finish = (response: GatewayResponse): void => {
      const answer = isPassedOn(response) ? refusePassing(exchange.ctx) : response;
      if (answer !== null) {
        if (isDraining()) answer.headers.connection = 'close';
        exchange.write(answer);
        return;
      }
      if (ownsAnswer) exchange.release();
      else setHeaders(res, response.headers, exchange.ctx.request);
      next?.();
    };
    // Synchronous where the onion is. The error boundary is inside it, so there is no rejection to fear.
    const response = (next === undefined ? alone : handler)(exchange.ctx);
    if (response instanceof Promise) void response.then(finish);
    else finish(response);
  };
}
