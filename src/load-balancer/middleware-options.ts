import { either, inspectBeside, literal, object, type Fault, type Schema } from '../core/options.js';
import { requestValueField, type RequestValue } from '../core/request-value.js';
import { loadBalancerFields, type LoadBalancerOptions } from './balancer-options.js';
import { LoadBalancer } from './load-balancer.js';
import { outlierSchema, type OutlierOptions } from './outlier-options.js';
import { stickyTargetSchema, type StickyTargetOptions } from './sticky-options.js';

export interface LoadBalanceOptions extends LoadBalancerOptions {
  /**
   * One to share, in the place of the options of a new one. It stays open, and has its own detection of outliers.
   *
   * @default a balancer of its own
   */
  balancer?: LoadBalancer;
  /** Leaves targets out that fail, see `OutlierDetector`; `false` = never. @default the defaults of its options */
  outlier?: OutlierOptions | false;
  /**
   * Keeps a client with its target, by a cookie, as long as that target is available. An answer that sets the cookie is
   * for this client alone: where a service lets shared caches keep its answers, it must say `no-cache="set-cookie"`
   * (RFC 9111 5.2.2.4). @default off
   */
  sticky?: StickyTargetOptions;
  /**
   * Where a request comes from, in the words of the targets' `zone`: a header that a CDN sets, or a function that looks
   * up the client's address. Where it tells nothing, `zone` counts. @default nothing
   */
  zoneBy?: RequestValue;
}

/** Schemas of the options, by name, for those who put them into their own config. */
export const loadBalanceFields = {
  ...loadBalancerFields,
  balancer: { expected: 'a LoadBalancer', accepts: (value) => value instanceof LoadBalancer },
  outlier: either(literal(false), outlierSchema),
  sticky: stickyTargetSchema,
  zoneBy: requestValueField,
} satisfies Record<keyof LoadBalanceOptions, Schema>;

const fields = object(loadBalanceFields);

/** Adds everything that is wrong with the options. */
function inspectLoadBalanceOptions(options: LoadBalanceOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (options.balancer !== undefined)
    inspectBeside('balancer', [...Object.keys(loadBalancerFields), 'outlier'], options, at, faults);
}

export const loadBalanceSchema: Schema = { ...fields, inspect: inspectLoadBalanceOptions };
