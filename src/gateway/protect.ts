/** From the policies of a route to their layers: which engine each uses, and with whom it shares it. */
import { circuitBreaker, fallback } from '../circuit-breaker/index.js';
import { concurrency } from '../concurrency/index.js';
import type { Middleware } from '../core/types.js';
import { ipFilter } from '../ip-filter/index.js';
import { describeIpFilter } from '../ip-filter/options.js';
import { loadShedding, LoadMonitor } from '../load-shedding/index.js';
import { isKeyedLate } from '../rate-limiter/key.js';
import { describeRateLimit } from '../rate-limiter/middleware-options.js';
import { identityRateLimit, rateLimit, type RateLimitOptions, type StoreOutage } from '../rate-limiter/index.js';
import { retry, RetryBudget } from '../retry/index.js';
import type { GatewayConfig, RouteConfig, ServiceConfig } from './config.js';
import type { Engines } from './engines.js';
import { inherit } from './inherit.js';
import { ManagedUpstream } from './managed-upstream.js';
import { policiesOf, type ResolvedPolicies, type ResolvedRateLimit } from './policies.js';
import type { UpstreamConfig } from './upstream-config.js';

/** A route as the stages of its order see it. */
export interface PlannedRoute {
  readonly id: string;
  /** As configured. */
  readonly route: RouteConfig;
  readonly config: GatewayConfig;
  readonly policies: ResolvedPolicies;
  readonly engines: Engines;
  /** Where it goes; `null` where that is one fixed target, an answer from here, or a choice of parts. */
  readonly upstream: ManagedUpstream | null;
  /** The same for routes to one service. */
  readonly service: string;
  /** Of this route, or this part of one, alone. */
  readonly own: string;
  /** True for a part of a route, behind the layers of the whole. */
  readonly isPart: boolean;
}

/** A layer, and what it holds to, in words. */
export interface Part {
  readonly middleware: Middleware;
  readonly setting?: () => string;
  /** In the place of the name of its stage. */
  readonly name?: string;
}

export function planRoute(route: RouteConfig, index: number, config: GatewayConfig, engines: Engines): PlannedRoute {
  return plan({ id: route.id ?? route.path, route, config, engines, own: `route ${index}`, isPart: false });
}

/** What a part of a route leaves out holds as for the whole, but for limits, which the whole has counted. */
export function planPart(whole: PlannedRoute, name: string, part: ServiceConfig): PlannedRoute {
  const { id, route, config, engines, own } = whole;
  const { target: _t, upstream: _u, respond: _r, split: _s, version: _v, tenant: _n, mirror: _m, ...shared } = route;
  const merged = inherit({ ...shared, rateLimit: false as const }, part);
  return plan({ id: `${id} ${name}`, route: merged, config, engines, own: `${own} ${name}`, isPart: true });
}

function plan(base: Omit<PlannedRoute, 'policies' | 'upstream' | 'service'>): PlannedRoute {
  const { route, config, own } = base;
  const upstream = upstreamOf(base);
  const service = upstream?.name ?? (typeof route.target === 'string' ? new URL(route.target).origin : own);
  return { ...base, policies: policiesOf(route, config), upstream, service };
}

/** The upstream that a route names, or the one that its list of targets is; made on first use. */
function upstreamOf({ id, route, config, engines }: Omit<PlannedRoute, 'policies' | 'upstream' | 'service'>) {
  const { upstream: name, target } = route;
  if (name !== undefined) {
    const given = config.upstreams?.[name] as UpstreamConfig;
    return engines.share(`upstream ${name}`, null, () => new ManagedUpstream(name, given, engines));
  }
  if (typeof target !== 'object') return null;
  const targets = target.map((url) => new URL(url).href).sort();
  return engines.share('targets', targets, () => {
    return new ManagedUpstream(engines.nameFor('upstream', id), { targets: target }, engines);
  });
}

export function ipFilterPart({ policies: { ipFilter: options } }: PlannedRoute): Part[] {
  return options === null ? [] : [{ middleware: ipFilter(options), setting: () => describeIpFilter(options) }];
}

export function loadSheddingPart({ config, policies: { priority }, engines }: PlannedRoute): Part[] {
  const { loadShedding: option = false } = config;
  if (option === false) return [];
  const monitor = engines.share('load', null, () => {
    const made = new LoadMonitor({ clock: engines.clock, ...(option === true ? undefined : option) });
    engines.monitor = made;
    engines.onClose(() => {
      made.close();
    });
    return made;
  });
  return [{ middleware: loadShedding({ monitor, priority }), setting: () => `priority ${priority}` }];
}

/** The limits that a part of a route has of its own. */
export function partLimitParts(part: PlannedRoute): Part[] {
  if (!part.isPart) return [];
  const { policies } = part;
  const rateLimits = policies.rateLimits.filter(({ scope }) => scope !== 'gateway');
  const own = { ...part, policies: { ...policies, rateLimits } };
  return [...rateLimitParts(own, false), ...rateLimitParts(own, true)];
}

/** @param late The limits that need to know who is calling. */
export function rateLimitParts(route: PlannedRoute, late: boolean): Part[] {
  return route.policies.rateLimits
    .filter(({ options }) => isKeyedLate(options) === late)
    .map((limit) => ({
      middleware: rateLimitOf(route, limit),
      setting: () => describeRateLimit(limit.options),
    }));
}

/** The limits that callers bring, counted over all routes together. */
export function identityLimitPart({ config, policies: { auth }, engines }: PlannedRoute): Part[] {
  const { identityRateLimit: options = {} } = config;
  if (auth === null || options === false) return [];
  const middleware = engines.share('identity-rate-limit', options, () => {
    const given = ownLimiter(options, 'identity', engines);
    const made = identityRateLimit(given);
    engines.watchLimit({ name: given.name ?? 'identity', limits: () => made.limits(), refused: () => made.refused() });
    engines.onClose(() => made.close());
    return made;
  });
  return [{ middleware, setting: () => 'limits of callers' }];
}

function rateLimitOf({ id, service, own, engines }: PlannedRoute, { options, scope, index }: ResolvedRateLimit) {
  const sharing = { gateway: 'gateway', upstream: service, route: own }[scope];
  return engines.share(`rate-limit ${index} ${sharing}`, options, () => {
    const { scope: _scope, ...given } = options;
    const made = rateLimit(
      given.limiter === undefined ? ownLimiter(given, scope === 'gateway' ? scope : id, engines) : given,
    );
    engines.watchLimit({ name: made.limiter.policy.name, limits: () => [made], refused: () => made.refused() });
    engines.onClose(() => made.close());
    return made;
  });
}

/** The options of a limiter that the gateway makes: with a name, its clock, and the outages of its store in the log. */
function ownLimiter(given: RateLimitOptions, id: string, engines: Engines): RateLimitOptions {
  const { clock, log } = engines;
  const name = engines.nameFor('limiter', given.name ?? id);
  if (log === null || given.store?.remote !== true) return { clock, ...given, name };
  function onOutage(outage: StoreOutage): void {
    engines.logOutage('store of the limiter is', outage, { limiter: name, policy: outage.policy });
  }
  return { clock, onOutage, ...given, name };
}

export function concurrencyPart({ policies: { concurrency: options }, service, own, engines }: PlannedRoute): Part[] {
  if (options === null) return [];
  const { scope = 'route', ...given } = options;
  const middleware = engines.share(`concurrency ${scope === 'upstream' ? service : own}`, options, () =>
    concurrency({ clock: engines.clock, ...given }),
  );
  const { limiter } = middleware;
  return [{ middleware, setting: () => `${limiter.limit} in flight, ${limiter.inFlight} now` }];
}

export function retryPart({ policies: { retry: options, failures }, service, engines }: PlannedRoute): Part[] {
  if (options === null) return [];
  const { clock } = engines;
  const { budget = {}, retries = 2 } = options;
  const shared =
    budget === false || budget instanceof RetryBudget
      ? budget
      : engines.share(`retry ${service}`, budget, () => new RetryBudget({ clock, ...budget }));
  return [
    { middleware: retry({ clock, ...failures, ...options, budget: shared }), setting: () => `${retries} retries` },
  ];
}

export function fallbackPart({ policies: { fallback: answer, failures } }: PlannedRoute): Part[] {
  return answer === null ? [] : [{ middleware: fallback(answer, failures) }];
}

export function balancePart({ upstream }: PlannedRoute): Part[] {
  if (upstream === null) return [];
  return [{ middleware: upstream.middleware, setting: () => upstream.describe() }];
}

export function circuitBreakerPart({ id, policies, service, engines }: PlannedRoute): Part[] {
  if (policies.circuitBreaker === null) return [];
  const { timeout: _timeout, ...own } = policies.circuitBreaker;
  const options = { ...policies.failures, ...own };
  const middleware = engines.share(`circuit-breaker ${service}`, options, () => {
    if (options.breaker !== undefined) return circuitBreaker(options);
    return circuitBreaker({ clock: engines.clock, ...options, name: engines.nameFor('circuit', options.name ?? id) });
  });
  const { breaker } = middleware;
  engines.watch(breaker);
  return [{ middleware, setting: () => `${breaker.name} is ${breaker.state}` }];
}
