import { compose } from '../core/compose.js';
import { compileFixedAnswer } from '../core/fixed-answer.js';
import type { Handler, Middleware } from '../core/types.js';
import { HttpProxy, type ProxyOptions } from '../proxy/index.js';
import { PATH_RULES } from '../proxy/options.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import { buildLayers, ROUTE_ORDER, type Layer } from './order.js';
import { proxyOptionsOf } from './parse.js';
import type { PlannedRoute } from './protect.js';

/** One route, ready to run. */
export interface AssembledRoute {
  readonly config: RouteConfig;
  /** `null` where the route answers by itself. */
  readonly proxy: HttpProxy | null;
  /** The layers around it, the outermost first. */
  readonly layers: readonly Layer[];
  readonly handle: Handler;
}

/** @param track Counts the exchange while it runs; the outermost layer of the route. */
export function assembleRoute(plan: PlannedRoute, track: Middleware): AssembledRoute {
  const { route, config, engines } = plan;
  const { clock, upstreams } = engines;
  const proxy = route.target === undefined ? null : new HttpProxy(proxyOptions(route, config), { upstreams, clock });
  const layers = buildLayers(ROUTE_ORDER, plan);
  const middlewares = [track, ...layers.map(({ middleware }) => middleware)];
  return {
    config: route,
    proxy,
    layers,
    handle: compose(middlewares, proxy === null ? responder(route) : (ctx) => proxy.forward(ctx)),
  };
}

function proxyOptions(route: RouteConfig, config: GatewayConfig): ProxyOptions {
  const options = proxyOptionsOf(route, config.defaults) as unknown as ProxyOptions;
  const leavesPathOpen = PATH_RULES.every((name) => options[name] === undefined);
  // An exact route matches the whole path: without its "prefix" nothing would be left of it.
  return leavesPathOpen && route.exact === true ? { ...options, stripPrefix: false } : options;
}

/** A route without a target has an answer: the config is checked. */
function responder({ respond = { body: null } }: RouteConfig): Handler {
  return typeof respond === 'function' ? respond : compileFixedAnswer(respond);
}
