import type { FallbackAnswer } from '../circuit-breaker/index.js';
import type { FailureStatuses } from '../core/attempt-result.js';
import type { Middleware } from '../core/types.js';
import type { Timeouts } from '../proxy/index.js';
import type {
  GatewayConfig,
  RouteCircuitBreaker,
  RouteConcurrency,
  RouteConfig,
  RoutePolicies,
  RouteRateLimit,
} from './config.js';
import type { IpFilterOptions } from '../ip-filter/index.js';
import type { CompressionOptions } from '../compression/index.js';
import type { Priority } from '../load-shedding/index.js';
import type { RetryOptions } from '../retry/index.js';
import type { RewriteUrlsOptions, TransformOptions } from '../transforms/index.js';
import type { ValidationOptions } from '../validation/index.js';
import { authOf, type ResolvedAuth } from './auth.js';

/** What holds for one route: short forms written out, `defaults` filled in, `null` where a policy is off. */
export interface ResolvedPolicies {
  readonly ipFilter: IpFilterOptions | null;
  readonly auth: ResolvedAuth | null;
  readonly maxBodyBytes: number;
  readonly priority: Priority;
  readonly rateLimits: readonly ResolvedRateLimit[];
  readonly compression: CompressionOptions | null;
  readonly validation: ValidationOptions | null;
  /** Names beside the known ones. */
  readonly stripHeaders: readonly string[] | null;
  readonly rewriteUrls: RewriteUrlsOptions | null;
  readonly transforms: TransformOptions | null;
  readonly concurrency: RouteConcurrency | null;
  /** Empty where the default holds. */
  readonly failures: { readonly failureStatuses?: FailureStatuses };
  readonly fallback: FallbackAnswer | null;
  readonly retry: RetryOptions | null;
  readonly circuitBreaker: RouteCircuitBreaker | null;
  readonly use: readonly Middleware[];
}

export interface ResolvedRateLimit {
  readonly options: RouteRateLimit;
  /** Who counts together: all routes, those to one service, or nobody else. */
  readonly scope: 'gateway' | 'upstream' | 'route';
  /** Place in the list that it comes from. */
  readonly index: number;
}

/** The policies of a route. What it says itself comes before what `defaults` say. */
export function policiesOf(route: RouteConfig, config: GatewayConfig): ResolvedPolicies {
  const { defaults = {} } = config;
  const given = <Name extends keyof RoutePolicies>(name: Name): RoutePolicies[Name] => route[name] ?? defaults[name];
  const failureStatuses = given('failureStatuses');
  return {
    ipFilter: written(given('ipFilter')),
    auth: authOf(route, config),
    maxBodyBytes: given('maxBodyBytes') ?? 10_485_760,
    priority: given('priority') ?? 'normal',
    rateLimits: [
      ...limitsOf(config.rateLimit).map((options, index) => ({ options, scope: 'gateway' as const, index })),
      ...limitsOf(route.rateLimit ?? ownLimits(route) ?? defaults.rateLimit).map((options, index) => ({
        options,
        scope: options.scope ?? 'route',
        index,
      })),
    ],
    compression: written(given('compression')),
    validation: written(given('validation')),
    stripHeaders: stripped(given('stripHeaders')),
    rewriteUrls: written(given('rewriteUrls')),
    transforms: written(given('transforms')),
    concurrency: written(given('concurrency'), (limit) => ({ limit })),
    failures: failureStatuses === undefined ? {} : { failureStatuses },
    fallback: written(given('fallback')),
    retry: written(given('retry'), (retries) => ({ retries })),
    circuitBreaker: written(given('circuitBreaker')),
    use: [...(config.use ?? []), ...(defaults.use ?? []), ...(route.use ?? [])],
  };
}

function stripped(option: RoutePolicies['stripHeaders'] = false): readonly string[] | null {
  return option === false ? null : option === true ? [] : option;
}

/** Some handlers, such as that of a login, come with limits. */
function ownLimits({ respond }: RouteConfig): RoutePolicies['rateLimit'] {
  return typeof respond === 'function' ? (respond as { rateLimits?: readonly RouteRateLimit[] }).rateLimits : undefined;
}

function limitsOf(option: RoutePolicies['rateLimit']): readonly RouteRateLimit[] {
  if (option === undefined || option === false) return [];
  return Array.isArray(option) ? (option as readonly RouteRateLimit[]) : [option as RouteRateLimit];
}

/** The long form of an option; `null` where it is off. */
function written<Options extends object>(
  option: Options | number | boolean | undefined,
  fromNumber?: (value: number) => Options,
): Options | null {
  if (option === undefined || option === false) return null;
  if (option === true) return {} as Options;
  return typeof option === 'number' ? (fromNumber?.(option) ?? null) : option;
}

/**
 * The deadlines of a route. `circuitBreaker.timeout`, the short form that people know from breakers, is the proxy's
 * `firstByteMs`: who owns a call is who can end it.
 */
export function timeoutsOf(route: RouteConfig, defaults: NonNullable<GatewayConfig['defaults']>): Timeouts {
  const own = breakerTimeout(route.circuitBreaker);
  const shared = route.circuitBreaker === undefined ? breakerTimeout(defaults.circuitBreaker) : undefined;
  return { ...shared, ...defaults.timeouts, ...own, ...route.timeouts };
}

function breakerTimeout(option: RoutePolicies['circuitBreaker']): Timeouts | undefined {
  const timeout = typeof option === 'object' ? option.timeout : undefined;
  return timeout === undefined ? undefined : { firstByteMs: timeout };
}
