/** What can be mounted in a host: a gateway, or one piece. */
import { systemClock, type Clock } from '../../core/clock.js';
import { compose } from '../../core/compose.js';
import { errorBoundary, requestGuard } from '../../core/error-boundary.js';
import { refuse } from '../../core/refuse.js';
import { compileTrust, type TrustFunction, type TrustProxy } from '../../core/trust.js';
import type { GatewayResponse, Handler, Middleware } from '../../core/types.js';
import type { Gateway } from '../../gateway/index.js';

export interface ListenerOptions {
  /** Whose `X-Forwarded-*` count, see `TrustProxy`. @default in Express and Koa the app's own setting, else nobody's */
  trustProxy?: TrustProxy;
  /** @default systemClock */
  clock?: Clock;
}

export interface Mount {
  /** Ends in {@link passOn}: the host's next handler is to answer. */
  readonly handler: Handler;
  /** Ends in 404: there is no next handler. */
  readonly alone: Handler;
  /** `null` leaves it to the host. */
  readonly trust: TrustFunction | null;
  readonly clock: Clock;
  /** True where every answer is to be the last on its connection. */
  readonly isDraining: () => boolean;
  /**
   * A request that a gateway passes on is none of its business any more; what a mere piece has to say goes on the host's
   * answer.
   */
  readonly isGateway: boolean;
}

const NOBODY_ANSWERED = new Uint8Array(0);
const passOn: Handler = () => ({ status: 200, headers: {}, body: NOBODY_ANSWERED });
const notFound: Handler = (ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND');

/** True where the host's next handler is to answer. A piece may have made a copy of the answer, so the body tells. */
export function isPassedOn({ body }: GatewayResponse): boolean {
  return body === NOBODY_ANSWERED;
}

export function mountGateway(engine: Gateway): Mount {
  const { trustProxy, clock } = engine;
  return {
    handler: engine.handlerBefore(passOn),
    alone: engine.handlerBefore(notFound),
    trust: trustProxy === undefined ? null : compileTrust(trustProxy),
    clock,
    isDraining: () => engine.isDraining,
    isGateway: true,
  };
}

export function mountMiddleware(middleware: Middleware, { trustProxy, clock = systemClock }: ListenerOptions): Mount {
  const layers = [errorBoundary, requestGuard, middleware];
  return {
    handler: compose(layers, passOn),
    alone: compose(layers, notFound),
    trust: trustProxy === undefined ? null : compileTrust(trustProxy),
    clock,
    isDraining: () => false,
    isGateway: false,
  };
}
