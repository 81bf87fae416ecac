import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import type { BalancerTarget } from './balancer-target.js';
import { compileChoice } from './compile-choice.js';
import { LoadBalancer } from './load-balancer.js';
import { loadBalanceSchema, type LoadBalanceOptions } from './middleware-options.js';
import { OutlierDetector } from './outlier-detector.js';
import { StickyCookie } from './sticky-cookie.js';

export interface LoadBalanceMiddleware extends Middleware {
  readonly balancer: LoadBalancer;
  /** The target of a request that brings no cookie; for explanations. */
  choose(ctx: Context): BalancerTarget | null;
  /** Closes the balancer, where it is the middleware's own. */
  close(): void;
}

/**
 * Chooses the target of a request among several, and another one for each retry. It writes `ctx.destination`, which the
 * proxy follows, and tells of each call from start to end. Targets that fail are left out for a time. Where there is
 * none, it refuses with 503. Behind a handler that is no proxy nothing is counted; there `balancer.execute` is the way.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([retry(), loadBalance({ targets: [one, two], balance: 'p2c-ewma' })], proxy());
 */
export function loadBalance(options: LoadBalanceOptions): LoadBalanceMiddleware {
  validate('loadBalance', options, loadBalanceSchema);
  const { balancer: shared, outlier, sticky, zoneBy, ...own } = options;
  const balancer = shared ?? new LoadBalancer(own);
  if (shared === undefined && outlier !== false) balancer.onResult = new OutlierDetector(balancer, outlier).onResult;
  const choose = compileChoice(balancer, zoneBy);
  const cookie = sticky === undefined ? null : new StickyCookie<BalancerTarget>(sticky);

  function loadBalanceMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    // Only a retry comes with a destination.
    if (ctx.destination !== null) (ctx.triedDestinations ??= []).push(ctx.destination);
    const wanted = cookie === null ? null : cookie.take(ctx, balancer.targets);
    const mayStay = wanted !== null && wanted.isAvailable && ctx.triedDestinations?.includes(wanted) !== true;
    const target = mayStay ? wanted : choose(ctx);
    if (target === null) return refuseAll(ctx, balancer);
    ctx.destination = target;
    return cookie === null || target === wanted ? next(ctx) : cookie.give(ctx, next, target);
  }

  function close(): void {
    if (shared === undefined) balancer.close();
  }

  return Object.assign(loadBalanceMiddleware, { balancer, choose, close });
}

function refuseAll(ctx: Context, { targets: { length } }: LoadBalancer): GatewayResponse {
  const reason = length === 0 ? 'the upstream has no targets' : `none of ${length} targets is available`;
  return refuse(ctx, 'ERR_GATEWAY_NO_TARGETS', { detail: 'No server can take the request at the moment.', reason });
}
