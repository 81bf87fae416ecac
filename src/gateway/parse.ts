import { boolean, either, func, list, object, validate, type Fault, type Schema } from '../core/options.js';
import { parseTrustedBlocks } from '../core/trust.js';
import { maxBodyBytesField } from '../body-limit/index.js';
import { healthFields } from '../health/index.js';
import { accessLogFields } from '../logger/index.js';
import { inspectPathRules, proxyFields, rewriteParams } from '../proxy/index.js';
import { requestIdFields } from '../request-id/index.js';
import { Router, routePatternFields } from '../router/index.js';
import type { GatewayConfig, RouteConfig } from './config.js';

const policyFields = { maxBodyBytes: maxBodyBytesField, use: list(func, { min: 0 }) };

const fixedAnswer: Schema = {
  expected: 'an answer { status, headers, body }',
  accepts: (value) => typeof value === 'object' && value !== null && 'body' in value,
};

const routeFields = object(
  { ...routePatternFields, ...proxyFields, ...policyFields, respond: either(func, fixedAnswer) },
  { required: ['path'] },
);

const route: Schema = {
  ...routeFields,
  inspect(config: RouteConfig, at, faults) {
    routeFields.inspect?.(config as never, at, faults);
    inspectPathRules(config, at, faults);
    inspectDestination(config, at, faults);
    inspectRewrite(config, at, faults);
  },
};

function inspectDestination({ target, respond }: RouteConfig, at: string, faults: Fault[]): void {
  if (target === undefined && respond === undefined)
    faults.push({ path: at, message: 'goes nowhere; write target or respond' });
  if (target !== undefined && respond !== undefined)
    faults.push({ path: at, message: 'target and respond exclude each other; keep one' });
}

function inspectRewrite({ path, rewrite }: RouteConfig, at: string, faults: Fault[]): void {
  if (typeof rewrite !== 'string' || typeof path !== 'string') return;
  for (const name of rewriteParams(rewrite)) {
    if (!new RegExp(`:${name}(?!\\w)`).test(path))
      faults.push({ path: `${at}.rewrite`, message: `:${name} is no parameter of '${path}'` });
  }
}

const { target: _target, dispatcher: _dispatcher, ...sharedProxyFields } = proxyFields;

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

const configFields = object(
  {
    routes: list(route),
    defaults: object({ ...policyFields, ...sharedProxyFields }),
    trustProxy,
    requestId: either(boolean, object(requestIdFields)),
    accessLog: either(boolean, object(accessLogFields)),
    health: either(boolean, object(healthFields)),
    use: list(func, { min: 0 }),
    caseSensitive: boolean,
    clock: { expected: 'a Clock', accepts: (value) => typeof (value as { now?: unknown } | null)?.now === 'function' },
  },
  { required: ['routes'] },
);

const config: Schema = {
  ...configFields,
  inspect(value: GatewayConfig, at, faults) {
    configFields.inspect?.(value as never, at, faults);
    // Routes that are wrong in themselves say nothing of each other.
    if (faults.length === 0) inspectReach(value, faults);
  },
};

/** A route that no request can reach is a mistake that nobody would notice. */
function inspectReach({ routes, caseSensitive = false }: GatewayConfig, faults: Fault[]): void {
  const router = new Router({ caseSensitive });
  for (const pattern of routes) router.add(patternOf(pattern), null);
  for (const { index, message } of router.unreachable()) faults.push({ path: `routes[${index}]`, message });
}

/** The matching options of a route, alone. */
export function patternOf(route: RouteConfig): Pick<RouteConfig, keyof typeof routePatternFields> {
  const names = Object.keys(routePatternFields) as (keyof typeof routePatternFields)[];
  const entries = names.filter((name) => route[name] !== undefined).map((name) => [name, route[name]]);
  return Object.fromEntries(entries) as Pick<RouteConfig, keyof typeof routePatternFields>;
}

/** The proxy options of a route, with what `defaults` adds to them. */
export function proxyOptionsOf(route: RouteConfig, defaults: GatewayConfig['defaults'] = {}): Record<string, unknown> {
  const own = pick(route, Object.keys(proxyFields));
  const shared = pick(defaults, Object.keys(sharedProxyFields));
  const hasPathRule = ['stripPrefix', 'rewrite', 'pathRewrite'].some((name) => own[name] !== undefined);
  if (hasPathRule) for (const name of ['stripPrefix', 'rewrite', 'pathRewrite']) delete shared[name];
  return { ...shared, ...own };
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
