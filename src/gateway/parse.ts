import {
  boolean,
  clockField,
  either,
  func,
  list,
  object,
  record,
  validate,
  type Fault,
  type Schema,
} from '../core/options.js';
import { parseTrustedBlocks } from '../core/trust.js';
import { inspectHealthOptions } from '../health/options.js';
import { loggerField } from '../logger/logger.js';
import { inspectAccessLogOptions } from '../logger/options.js';
import { mirrorSchemaOf } from '../mirror/options.js';
import type { ProxyOptions, UpstreamOptions } from '../proxy/index.js';
import { proxyFields } from '../proxy/options.js';
import { requestIdFields } from '../request-id/middleware.js';
import { routePatternFields } from '../router/pattern-schema.js';
import { Router } from '../router/router.js';
import { inspectTracingOptions } from '../tracing/options.js';
import { inspectAuthEffect } from './auth.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import { inspectTemplateParams } from './content.js';
import { inherit } from './inherit.js';
import { gatewayMetricsField } from './metrics.js';
import { ownPaths } from './own-paths.js';
import { timeoutsOf } from './policies.js';
import {
  gatewayPolicyFields,
  inspectAuthNames,
  inspectBreakerTimeout,
  options,
  policyFields,
} from './policy-schema.js';
import { inspectPlaced, inspectService, service, serviceFields, sharedProxyFields } from './service-schema.js';
import { upstreamField } from './upstream-config.js';

const routeFields = object(
  {
    ...routePatternFields,
    ...serviceFields,
    ...policyFields,
    mirror: mirrorSchemaOf(service),
  } satisfies Record<keyof RouteConfig, Schema>,
  { required: ['path'] },
);

const route: Schema = {
  ...routeFields,
  inspect(config: RouteConfig, at, faults) {
    routeFields.inspect?.(config as never, at, faults);
    inspectService(config, at, faults);
    inspectAuthNames(config, at, faults);
  },
};

const trustedBlocks: Schema = {
  expected: "an address block such as '10.0.0.0/8', or loopback, linklocal, uniquelocal",
  accepts: (value) => typeof value === 'string' && parseTrustedBlocks(value) !== null,
};

const trustProxy: Schema = {
  expected: `false, a number of proxies, ${trustedBlocks.expected}, a list of those, or a function; true would believe every client`,
  accepts: (value) =>
    value === false ||
    typeof value === 'function' ||
    (Number.isInteger(value) && (value as number) >= 0) ||
    [value].flat().every(trustedBlocks.accepts),
};

const defaultFields = object({ ...policyFields, ...sharedProxyFields });

const defaults: Schema = {
  ...defaultFields,
  inspect(config: NonNullable<GatewayConfig['defaults']>, at, faults) {
    defaultFields.inspect?.(config as never, at, faults);
    inspectAuthNames(config, at, faults);
    inspectBreakerTimeout(config, at, faults);
  },
};

const configFields = object(
  {
    upstreams: record(upstreamField),
    routes: list(route),
    defaults,
    ...gatewayPolicyFields,
    trustProxy,
    requestId: either(boolean, object(requestIdFields)),
    logger: loggerField,
    accessLog: either(boolean, options(inspectAccessLogOptions)),
    metrics: either(boolean, gatewayMetricsField),
    tracing: either(boolean, options(inspectTracingOptions)),
    health: either(boolean, options(inspectHealthOptions)),
    use: list(func, { min: 0 }),
    caseSensitive: boolean,
    clock: clockField,
  },
  { required: ['routes'] },
);

const config: Schema = {
  ...configFields,
  inspect(value: GatewayConfig, at, faults) {
    configFields.inspect?.(value as never, at, faults);
    // Routes that are wrong in themselves say nothing of each other, nor of what defaults add to them.
    if (faults.length === 0) {
      for (const [index, entry] of value.routes.entries()) {
        inspectAuthEffect(entry, value, `routes[${index}]`, faults);
        inspectPlaced(entry, `routes[${index}]`, value, faults);
        inspectTemplateParams(entry, value, `routes[${index}]`, faults);
      }
    }
    if (faults.length === 0) inspectReach(value, faults);
    if (faults.length === 0) inspectOwnPaths(value, faults);
  },
};

/** A route that no request can reach is a mistake that nobody would notice. */
function inspectReach({ routes, caseSensitive = false }: GatewayConfig, faults: Fault[]): void {
  const router = new Router({ caseSensitive });
  for (const pattern of routes) router.add(patternOf(pattern), null);
  for (const { index, message } of router.unreachable()) faults.push({ path: `routes[${index}]`, message });
}

/** What the gateway answers itself comes before the routes. */
function inspectOwnPaths(config: GatewayConfig, faults: Fault[]): void {
  const own = ownPaths(config);
  const paths = new Map(own);
  if (paths.size < own.length) faults.push({ path: 'metrics.path', message: 'is a path of health; take another' });
  config.routes.forEach((route, index) => {
    const others = route.methods?.some((method) => method !== 'GET' && method !== 'HEAD') ?? false;
    const path = route.path.replace(/\/\*?$/, '');
    const owner = paths.get(path);
    if (owner !== undefined && !others) {
      faults.push({
        path: `routes[${index}].path`,
        message: `GET ${path} is answered by ${owner}; give ${owner} another path, or turn it off`,
      });
    }
  });
}

/** The matching options of a route, alone. */
export function patternOf(route: RouteConfig): Pick<RouteConfig, keyof typeof routePatternFields> {
  const names = Object.keys(routePatternFields) as (keyof typeof routePatternFields)[];
  const entries = names.filter((name) => route[name] !== undefined).map((name) => [name, route[name]]);
  return Object.fromEntries(entries) as Pick<RouteConfig, keyof typeof routePatternFields>;
}

/** The proxy options of a destination, with what its upstream and `defaults` add to them. */
export function proxyOptionsOf(
  route: RouteConfig,
  defaults: GatewayConfig['defaults'] = {},
  connection: UpstreamOptions = {},
): ProxyOptions {
  const own = pick(route, Object.keys(proxyFields));
  const shared = pick(defaults, Object.keys(sharedProxyFields));
  // Of several the balancer chooses.
  if (typeof own.target !== 'string') delete own.target;
  const timeouts = timeoutsOf(route, defaults);
  return {
    ...inherit({ ...shared, ...connection }, own),
    ...(Object.keys(timeouts).length === 0 ? undefined : { timeouts }),
  };
}

function pick(source: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(source).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/** @throws {ConfigError} with every fault of the configuration. */
export function validateConfig(value: unknown): asserts value is GatewayConfig {
  validate('gateway', value, config);
}
