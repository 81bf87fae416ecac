import { boolean, either, inspect, object, type Fault, type Schema } from '../core/options.js';
import { targetField, targetsFieldOf, targetUrlField, type TargetEntry } from '../core/target-options.js';
import type { DiscoveryOptions, DiscoverySource } from '../discovery/index.js';
import { inspectDiscoveryOptions, sourceField } from '../discovery/options.js';
import type { ActiveHealthOptions } from '../health-check/index.js';
import { inspectActiveHealthOptions } from '../health-check/options.js';
import type { LoadBalanceOptions } from '../load-balancer/index.js';
import { loadBalanceFields } from '../load-balancer/middleware-options.js';
import type { UpstreamOptions } from '../proxy/index.js';
import { proxyFields } from '../proxy/options.js';
import { options } from './policy-schema.js';

/** Options of the connections to an upstream; a route's own come before these, and these before `defaults`. */
type ConnectionOptions = Omit<UpstreamOptions, 'connectMs' | 'allowedAddresses' | 'dispatcher'>;

/** A service that routes refer to by its name: where it is, how its targets share the work, and how they are watched. */
export interface UpstreamConfig
  extends Omit<LoadBalanceOptions, 'targets' | 'balancer' | 'clock' | 'random'>, ConnectionOptions {
  /** Where it is: one target or several, by URL or with weight, zone and priority. */
  targets?: string | readonly TargetEntry[];
  /**
   * What finds out where it is, in the place of `targets`: a source, or a source and how far it is trusted. What it finds
   * is only connected to at addresses of `allowedAddresses`, public ones unless said.
   */
  discovery?: DiscoverySource | Omit<DiscoveryOptions, 'clock' | 'onEvent'>;
  /** Ask each target whether it is well; `true` = `GET /` every 10 s. @default off */
  health?: ActiveHealthOptions | boolean;
}

/** Of the connections, by name. */
export const connectionFields = {
  maxConnections: proxyFields.maxConnections,
  maxQueue: proxyFields.maxQueue,
  keepAliveMs: proxyFields.keepAliveMs,
  maxSocketAgeMs: proxyFields.maxSocketAgeMs,
  maxRequestsPerSocket: proxyFields.maxRequestsPerSocket,
  socketPath: proxyFields.socketPath,
  tls: proxyFields.tls,
} satisfies Record<keyof ConnectionOptions, Schema>;

const { targets: _targets, balancer: _balancer, clock: _clock, random: _random, ...balanceFields } = loadBalanceFields;

const fields = object({
  ...balanceFields,
  ...connectionFields,
  targets: either(targetUrlField, targetsFieldOf(targetField)),
  discovery: either(sourceField, options(inspectDiscoveryOptions)),
  health: either(boolean, options(inspectActiveHealthOptions)),
} satisfies Record<keyof UpstreamConfig, Schema>);

/** Schema of one of `upstreams`. */
export const upstreamField: Schema = {
  ...fields,
  expected: 'an object of options of an upstream',
  inspect(config: UpstreamConfig, at, faults: Fault[]) {
    inspect(fields, config, at, faults);
    const { targets, discovery } = config;
    if ((targets === undefined) === (discovery === undefined))
      faults.push({
        path: at,
        message: `has ${targets === undefined ? 'no place; write' : 'two places; keep one of'} targets or discovery`,
      });
  },
};
