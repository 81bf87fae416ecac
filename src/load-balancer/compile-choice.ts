import type { Context } from '../core/context.js';
import { compileRequestValue, type RequestValue } from '../core/request-value.js';
import type { BalancerTarget } from './balancer-target.js';
import type { LoadBalancer, PickRequest } from './load-balancer.js';

/**
 * Compiles the choice of a target: what the balancer is told of a request. Where the request was tried before is avoided.
 *
 * @param zoneBy Where a request comes from; `undefined` = where the gateway stands.
 */
export function compileChoice(
  balancer: LoadBalancer,
  zoneBy: RequestValue | undefined,
): (ctx: Context) => BalancerTarget | null {
  const keyOf = balancer.keyBy === null ? null : compileRequestValue(balancer.keyBy);
  const zoneOf = zoneBy === undefined ? null : compileRequestValue(zoneBy);
  // Filled anew for each request: `pick` has read it before it returns, and keeps nothing of it.
  const here: Filled<'key' | 'exclude'> = { key: null, exclude: null };
  const elsewhere: Filled<keyof PickRequest> = { ...here, zone: '' };

  return function choose(ctx) {
    const key = keyOf === null ? null : keyOf(ctx);
    const zone = zoneOf === null ? null : zoneOf(ctx);
    if (zone !== null) elsewhere.zone = zone;
    const request = zone === null ? here : elsewhere;
    request.key = key;
    request.exclude = ctx.triedDestinations;
    return balancer.pick(request);
  };
}

type Filled<Name extends keyof PickRequest> = { -readonly [Key in Name]: Required<PickRequest>[Key] };
