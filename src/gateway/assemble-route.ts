import { systemClock } from '../core/clock.js';
import { compose } from '../core/compose.js';
import type { Handler, Middleware } from '../core/types.js';
import { HttpProxy, type ProxyOptions, type Upstreams } from '../proxy/index.js';
import { PATH_RULES } from '../proxy/options.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import { buildLayers, ROUTE_ORDER } from './order.js';
import { proxyOptionsOf } from './parse.js';

/** One route, ready to run. */
export interface AssembledRoute {
  readonly id: string;
  readonly config: RouteConfig;
  /** `null` where the route answers by itself. */
  readonly proxy: HttpProxy | null;
  /** Names of the layers around it, the outermost first. */
  readonly policies: readonly string[];
  readonly handle: Handler;
}

/** @param track Counts the exchange while it runs; the outermost layer of the route. */
export function assembleRoute(
  route: RouteConfig,
  config: GatewayConfig,
  upstreams: Upstreams,
  track: Middleware,
): AssembledRoute {
  const proxy =
    route.target === undefined
      ? null
      : new HttpProxy(proxyOptions(route, config), { upstreams, clock: config.clock ?? systemClock });
  const stages = buildLayers(ROUTE_ORDER, { config, route });
  const own = [...(config.use ?? []), ...(config.defaults?.use ?? []), ...(route.use ?? [])];
  const layers = [track, ...stages.map(({ middleware }) => middleware), ...own];
  return {
    id: route.id ?? route.path,
    config: route,
    proxy,
    policies: [...stages.map(({ name }) => name), ...own.map(({ name }) => name || 'anonymous middleware')],
    handle: compose(layers, proxy === null ? responder(route.respond) : (ctx) => proxy.forward(ctx)),
  };
}

function proxyOptions(route: RouteConfig, config: GatewayConfig): ProxyOptions {
  const options = proxyOptionsOf(route, config.defaults) as unknown as ProxyOptions;
  const leavesPathOpen = PATH_RULES.every((name) => options[name] === undefined);
  // An exact route matches the whole path: without its "prefix" nothing would be left of it.
  return leavesPathOpen && route.exact === true ? { ...options, stripPrefix: false } : options;
}

function responder(respond: RouteConfig['respond']): Handler {
  if (typeof respond === 'function') return respond;
  const { status = 200, headers = {}, body = null } = respond ?? {};
  return () => ({ status, headers: { ...headers }, body });
}
