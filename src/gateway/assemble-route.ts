import { compose } from '../core/compose.js';
import type { Handler, Middleware } from '../core/types.js';
import { assembleService, type AssembledService } from './assemble-service.js';
import type { RouteConfig } from './config.js';
import { buildLayers, type Layer } from './layers.js';
import { planShadow } from './mirror.js';
import { ROUTE_ORDER } from './order.js';
import type { PlannedRoute } from './protect.js';

/** One route, ready to run. */
export interface AssembledRoute {
  readonly config: RouteConfig;
  /** Where it goes. */
  readonly service: AssembledService;
  /** The layers around that, the outermost first. */
  readonly layers: readonly Layer[];
  readonly handle: Handler;
}

/** @param track Counts the exchange while it runs; the outermost layer of the route. */
export function assembleRoute(plan: PlannedRoute, track: Middleware): AssembledRoute {
  const service = assembleService(plan);
  const shadow = planShadow(plan);
  const mirrored = { ...plan, shadow: shadow && assembleService(shadow) };
  const layers = buildLayers(ROUTE_ORDER, mirrored);
  const middlewares = [track, ...layers.map(({ middleware }) => middleware)];
  return { config: plan.route, service, layers, handle: compose(middlewares, service.handle) };
}
