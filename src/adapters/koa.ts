/** Koa 2 and 3. The onion stays whole: middleware outside sees status, headers and body, and may change them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TrustFunction } from '../core/trust.js';
import type { Middleware } from '../core/types.js';
import { toGateway, type Gateway, type GatewayConfig } from '../gateway/index.js';
import { NodeExchange } from './node/bridge.js';
import { mountGateway, mountMiddleware, type ListenerOptions, type Mount } from './node/mount.js';
import { readableBody, setHeaders } from './node/write-response.js';

interface KoaContext {
  req: IncomingMessage;
  res: ServerResponse;
  request: object;
  state: object;
  app: object;
  status: number;
  body: unknown;
}
/** The context is Koa's own: a type of ours would change the type of the app. */
export type KoaMiddleware = (koa: object, next: () => Promise<unknown>) => Promise<void>;
/** A gateway as a Koa middleware; the gateway itself is at `.gateway`. */
export type KoaGateway = KoaMiddleware & { readonly gateway: Gateway; close: Gateway['close'] };

/**
 * Mounts a gateway in a Koa app; a request without a route goes on. `app.proxy` holds unless there is a `trustProxy`.
 *
 * @throws {ConfigError} with every fault of the config.
 */
export function gateway(configOrGateway: GatewayConfig | Gateway): KoaGateway {
  const engine = toGateway(configOrGateway);
  return Object.assign(koaMiddleware(mountGateway(engine)), { gateway: engine, close: engine.close.bind(engine) });
}

/** Mounts one piece, or any middleware, in a Koa app. */
export const toKoa = (middleware: Middleware, options: ListenerOptions = {}): KoaMiddleware =>
  koaMiddleware(mountMiddleware(middleware, options));

function koaMiddleware(mount: Mount): KoaMiddleware {
  return async function innergate(context, next) {
    const koa = context as KoaContext;
    const exchange = new NodeExchange(mount, koa.req, koa.res, koaTrust(koa), koa.request, koa.state);
    const answer = exchange.settle(await mount.handler(exchange.ctx));
    if (answer === null) {
      await next();
      return;
    }
    koa.body = readableBody(answer, koa.res) ?? '';
    koa.status = answer.status;
    koa.res.removeHeader('content-type');
    if (answer.body === null) koa.res.removeHeader('content-length');
    setHeaders(koa.res, answer.headers, exchange.ctx.request);
  };
}

function koaTrust({ app }: KoaContext): TrustFunction {
  const { proxy = false, maxIpsCount = 0 } = app as { proxy?: boolean; maxIpsCount?: number };
  return (_address, hop) => proxy && (maxIpsCount === 0 || hop < maxIpsCount);
}
