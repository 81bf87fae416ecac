/** Where the requests of a route go: to one upstream or answer, or by a choice to one of several. */
import { apiVersions } from '../api-version/index.js';
import { describeApiVersions } from '../api-version/options.js';
import { compose } from '../core/compose.js';
import type { Context } from '../core/context.js';
import { compileFixedAnswer } from '../core/fixed-answer.js';
import type { Handler } from '../core/types.js';
import type { UpstreamReport } from '../core/upstream-report.js';
import { HttpProxy, type ProxyOptions } from '../proxy/index.js';
import { PATH_RULES } from '../proxy/options.js';
import { tenants } from '../tenants/index.js';
import { describeTenants } from '../tenants/options.js';
import { splitTraffic } from '../traffic-split/index.js';
import type { ServiceConfig } from './config.js';
import { buildLayers, type Layer } from './layers.js';
import { PART_ORDER, SERVICE_ORDER } from './order.js';
import { proxyOptionsOf } from './parse.js';
import { planPart, type PlannedRoute } from './protect.js';

/** A destination, ready to run. */
export interface AssembledService {
  readonly handle: Handler;
  /** Makes the choices that {@link handle} makes, and writes down what a request would meet in the place of sending it. */
  readonly explain: Handler;
  readonly proxies: readonly HttpProxy[];
}

/** What a request would meet behind the layers of its route. */
export interface ExplainedService {
  readonly layers: Layer[];
  url: string | null;
  upstream: UpstreamReport | null;
}

const explained = new WeakMap<Context, ExplainedService>();

/** What a request would meet. Nothing is sent. */
export function explainService(service: AssembledService, ctx: Context): ExplainedService {
  const found: ExplainedService = { layers: [], url: null, upstream: null };
  explained.set(ctx, found);
  void service.explain(ctx);
  return found;
}

export function assembleService(plan: PlannedRoute): AssembledService {
  const { split, version, tenant } = plan.route;
  if (split !== undefined) {
    return assembleChoice(plan, split.variants, (variants) => {
      const handler = splitTraffic({ name: plan.id, ...split, variants });
      return { handler, layer: { name: 'split', setting: () => handler.describe() } };
    });
  }
  if (version !== undefined) {
    return assembleChoice(plan, version.versions, (versions) => ({
      handler: apiVersions({ ...version, versions }),
      layer: { name: 'version', setting: () => describeApiVersions(version) },
    }));
  }
  if (tenant !== undefined) {
    return assembleChoice(plan, tenant.tenants, (byId) => ({
      handler: tenants({ ...tenant, tenants: byId }),
      layer: { name: 'tenant', setting: () => describeTenants(tenant) },
    }));
  }
  return assembleEnd(plan);
}

/** A handler that chooses, and how it is explained. */
interface Choice {
  readonly handler: Handler;
  readonly layer: { readonly name: string; readonly setting: () => string };
}

type Leading<Part extends { to: ServiceConfig }> = Omit<Part, 'to'> & { to: Handler };

/** @param make Makes the handler that chooses among these parts. */
function assembleChoice<Part extends { to: ServiceConfig }>(
  plan: PlannedRoute,
  parts: Readonly<Record<string, Part>>,
  make: (parts: Readonly<Record<string, Leading<Part>>>) => Choice,
): AssembledService {
  const entries = Object.entries(parts).map(([name, part]) => {
    return { name, part, service: assembleService(planPart(plan, name, part.to)) };
  });
  const leadingTo = (handlerOf: (service: AssembledService) => Handler): Choice =>
    make(Object.fromEntries(entries.map(({ name, part, service }) => [name, { ...part, to: handlerOf(service) }])));
  const layers = buildLayers(PART_ORDER, plan);
  const explaining = leadingTo(({ explain }) => explain);
  return {
    handle: compose(
      layers.map(({ middleware }) => middleware),
      leadingTo(({ handle }) => handle).handler,
    ),
    explain(ctx) {
      explained.get(ctx)?.layers.push(...layers, { ...explaining.layer, middleware: (inner, next) => next(inner) });
      return explaining.handler(ctx);
    },
    proxies: entries.flatMap(({ service }) => service.proxies),
  };
}

/** An upstream, or an answer from here. */
function assembleEnd(plan: PlannedRoute): AssembledService {
  const { route, upstream, engines } = plan;
  const { clock, pools } = engines;
  const isProxied = route.respond === undefined;
  const proxy = isProxied ? new HttpProxy(proxyOptions(plan), { upstreams: pools, clock }) : null;
  const layers = buildLayers(SERVICE_ORDER, plan);
  const end: Handler = proxy === null ? responder(route) : (ctx) => proxy.forward(ctx);
  return {
    handle: compose(
      layers.map(({ middleware }) => middleware),
      end,
    ),
    explain(ctx) {
      const found = explained.get(ctx) as ExplainedService;
      found.layers.push(...layers);
      found.upstream = upstream?.report() ?? null;
      ctx.destination = upstream?.middleware.choose(ctx) ?? null;
      found.url = proxy?.urlFor(ctx) ?? null;
      return { status: 204, headers: {}, body: null };
    },
    proxies: proxy === null ? [] : [proxy],
  };
}

/** A part of a route goes before the upstream that it leads to, and that before `defaults`. */
function proxyOptions({ route, config, upstream }: PlannedRoute): ProxyOptions {
  const options = proxyOptionsOf(route, config.defaults, upstream?.connection);
  const leavesPathOpen = PATH_RULES.every((name) => options[name] === undefined);
  // An exact route matches the whole path: without its "prefix" nothing would be left of it.
  return leavesPathOpen && route.exact === true ? { ...options, stripPrefix: false } : options;
}

function responder({ respond = { body: null } }: ServiceConfig): Handler {
  return typeof respond === 'function' ? respond : compileFixedAnswer(respond);
}
