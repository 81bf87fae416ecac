/** What a config may say of where requests go. */
import { inspectVersionsOf } from '../api-version/options.js';
import { fixedAnswerField } from '../core/fixed-answer.js';
import {
  either,
  func,
  inspect,
  isPlainObject,
  member,
  nearestName,
  object,
  show,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { targetsFieldOf, targetUrlField } from '../core/target-options.js';
import { inspectPathRules, proxyFields } from '../proxy/options.js';
import { rewriteParams } from '../proxy/upstream-path.js';
import { inspectTenantsOf } from '../tenants/options.js';
import { splitSchemaOf } from '../traffic-split/options.js';
import type { GatewayConfig, RouteConfig, ServiceConfig, ServicePolicies } from './config.js';
import { inspectBreakerTimeout, options, policyFields } from './policy-schema.js';

const { target: _target, dispatcher: _dispatcher, ...sharedFields } = proxyFields;

/** Options of a proxy that many can share. */
export const sharedProxyFields = sharedFields;

/** Where a part of a route goes, or a copy of its requests. */
export const service: Schema = {
  expected: 'an object that says where to: target, upstream, respond, split, version or tenant',
  accepts: isPlainObject,
  inspect(config: ServiceConfig, at, faults) {
    inspect(partFields, config, at, faults);
    inspectService(config, at, faults);
  },
};

/** Schemas of a destination, by name. */
export const serviceFields = {
  ...proxyFields,
  target: either(targetUrlField, targetsFieldOf(targetUrlField)),
  upstream: string('the name of one of upstreams'),
  respond: either(func, fixedAnswerField),
  split: splitSchemaOf(service),
  version: options(inspectVersionsOf(service)),
  tenant: options(inspectTenantsOf(service)),
};

const { rateLimit, concurrency, retry, circuitBreaker, failureStatuses } = policyFields;
const ownPolicyFields = { rateLimit, concurrency, retry, circuitBreaker, failureStatuses } satisfies Record<
  keyof ServicePolicies,
  Schema
>;

const partFields = object({ ...serviceFields, ...ownPolicyFields } satisfies Record<keyof ServiceConfig, Schema>);

/** Adds what contradicts itself in a destination. */
export function inspectService(config: ServiceConfig, at: string, faults: Fault[]): void {
  inspectPathRules(config, at, faults);
  inspectDestination(config, at, faults);
  inspectBreakerTimeout(config, at, faults);
}

const DESTINATIONS = ['target', 'upstream', 'respond', 'split', 'version', 'tenant'] as const;

function inspectDestination(config: ServiceConfig, at: string, faults: Fault[]): void {
  const given = DESTINATIONS.filter((name) => config[name] !== undefined);
  if (given.length === 0) faults.push({ path: at, message: `goes nowhere; write one of ${DESTINATIONS.join(', ')}` });
  if (given.length > 1) faults.push({ path: at, message: `${given.join(' and ')} exclude each other; keep one` });
  const { respond, circuitBreaker } = config;
  if (respond === undefined) return;
  for (const name of Object.keys(sharedProxyFields))
    if (config[name as keyof ServiceConfig] !== undefined)
      faults.push({ path: `${at}.${name}`, message: 'has no effect beside respond' });
  // A breaker of a route that answers by itself has no call to end.
  if (typeof circuitBreaker === 'object' && circuitBreaker.timeout !== undefined)
    faults.push({ path: `${at}.circuitBreaker.timeout`, message: 'has no effect beside respond' });
}

/** A destination of a config, and where it stands. */
type Placed = readonly [at: string, service: ServiceConfig];

/** A destination and all that it leads to. */
function* placedServices(at: string, config: ServiceConfig): Generator<Placed> {
  yield [at, config];
  const { split, version, tenant } = config;
  const parts = {
    'split.variants': split?.variants,
    'version.versions': version?.versions,
    'tenant.tenants': tenant?.tenants,
  };
  for (const [place, byName] of Object.entries(parts))
    for (const [name, { to }] of Object.entries<{ to: ServiceConfig }>(byName ?? {}))
      yield* placedServices(`${member(`${at}.${place}`, name)}.to`, to);
}

/** Adds what is right by itself, and wrong in its place. */
export function inspectPlaced(
  entry: RouteConfig,
  at: string,
  { upstreams = {} }: GatewayConfig,
  faults: Fault[],
): void {
  const shadow = entry.mirror === undefined ? [] : placedServices(`${at}.mirror.to`, entry.mirror.to);
  for (const [place, { upstream, rewrite }] of [...placedServices(at, entry), ...shadow]) {
    if (upstream !== undefined && !Object.hasOwn(upstreams, upstream))
      faults.push({ path: `${place}.upstream`, message: unknownUpstream(upstream, Object.keys(upstreams)) });
    for (const name of rewriteParams(rewrite ?? '')) {
      if (!new RegExp(`:${name}(?!\\w)`).test(entry.path))
        faults.push({ path: `${place}.rewrite`, message: `:${name} is no parameter of '${entry.path}'` });
    }
  }
}

function unknownUpstream(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  if (nearest !== null) return `${show(name)} is none of upstreams; did you mean ${nearest}?`;
  return `${show(name)} is none of upstreams${names.length === 0 ? ', of which there are none' : `: ${names.join(', ')}`}`;
}
