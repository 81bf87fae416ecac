/**
 * The order of a request: data, with the reason of each place. Answers unwind in the mirror order.
 */
import type { Middleware } from '../core/types.js';
import { errorBoundary, requestGuard } from '../core/error-boundary.js';
import { bodyLimit } from '../body-limit/index.js';
import { health, type Health } from '../health/index.js';
import { accessLog } from '../logger/index.js';
import { requestId } from '../request-id/index.js';
import { securityHeaders } from '../security-headers/index.js';
import { diagnostics } from '../tracing/index.js';
import { authenticateParts, authorizeParts, identityFieldsParts } from './auth.js';
import type { GatewayConfig } from './config.js';
import {
  compressionPart,
  contentTypePart,
  rewriteUrlsPart,
  stripHeadersPart,
  transformsPart,
  validationPart,
} from './content.js';
import { corsParts } from './cors.js';
import type { Engines } from './engines.js';
import type { Stage } from './layers.js';
import type { Measurement } from './metrics.js';
import { mirrorPart, type MirroredRoute } from './mirror.js';
import {
  balancePart,
  circuitBreakerPart,
  concurrencyPart,
  fallbackPart,
  identityLimitPart,
  ipFilterPart,
  loadSheddingPart,
  partLimitParts,
  rateLimitParts,
  retryPart,
  type Part,
  type PlannedRoute,
} from './protect.js';
import { logOptions, tracingPart } from './telemetry.js';

/** A gateway as the stages of its order see it. */
export interface PlannedGateway {
  readonly config: GatewayConfig;
  readonly engines: Engines;
  readonly health: Health;
  readonly measurement: Measurement | null;
}

/** Around every request, the outermost first. */
export const GATEWAY_ORDER: readonly Stage<PlannedGateway>[] = [
  {
    name: 'diagnostics',
    reason: 'tells its subscribers of everything that follows',
    build: () => [{ middleware: diagnostics() }],
  },
  {
    name: 'request-id',
    reason: 'everything that follows is told apart by it',
    build: ({ config }) => switchable(config.requestId, requestId),
  },
  {
    name: 'access-log',
    reason: 'sees every answer, refusals and failures too',
    build: ({ config, engines }) =>
      switchable(config.accessLog, (options) => accessLog(logOptions(config, engines, options))),
  },
  {
    name: 'metrics',
    reason: 'counts every answer, refusals and failures too',
    build: ({ measurement }) => (measurement === null ? [] : [{ middleware: measurement.counting }]),
  },
  {
    name: 'security-headers',
    reason: 'on every answer, refusals and failures too',
    build: ({ config }) => switchable(config.securityHeaders ?? false, securityHeaders),
  },
  {
    name: 'error-boundary',
    reason: 'nothing thrown further in gets out',
    build: () => [{ middleware: errorBoundary }],
  },
  {
    name: 'cors',
    reason: 'a page must be able to read every answer; its preflights have no credentials',
    build: ({ config }) => corsParts(config),
  },
  {
    name: 'request-guard',
    reason: 'nothing acts on a malformed request',
    build: () => [{ middleware: requestGuard }],
  },
  {
    name: 'health',
    reason: 'is never limited and asks for no credentials',
    build: ({ config, health: engine }) => switchable(config.health, (options) => health(engine, options)),
  },
  {
    name: 'metrics-endpoint',
    reason: 'is never limited; whoever may not see it finds the routes',
    build: ({ measurement }) => (measurement?.endpoint == null ? [] : [{ middleware: measurement.endpoint }]),
  },
  {
    name: 'identity-fields',
    reason: 'on every route, what tells a service who is calling comes from the gateway alone',
    build: ({ config }) => identityFieldsParts(config),
  },
];

/** Around one route, the outermost first. */
export const ROUTE_ORDER: readonly Stage<MirroredRoute>[] = [
  {
    name: 'tracing',
    reason: 'everything that is done for the request belongs to its span, which has the name of the route',
    build: tracingPart,
  },
  {
    name: 'ip-filter',
    reason: 'nothing is done for whom the address shuts out',
    build: ipFilterPart,
  },
  {
    name: 'load-shedding',
    reason: 'a process that is too busy does no work for what it refuses',
    build: loadSheddingPart,
  },
  {
    name: 'body-limit',
    reason: 'cheap, and before anything reads the body',
    build: ({ policies }) => [{ middleware: bodyLimit(policies.maxBodyBytes) }],
  },
  {
    name: 'rate-limit',
    reason: 'keyed by what the request shows: cheap, and before credentials are verified',
    build: (route) => rateLimitParts(route, false),
  },
  {
    name: 'authenticate',
    reason: 'who proves nothing gets no further',
    build: ({ policies, engines }) => authenticateParts(policies.auth, engines),
  },
  {
    name: 'identity-rate-limit',
    reason: 'keyed by who is calling: after whatever proves it',
    build: (route) => [...identityLimitPart(route), ...rateLimitParts(route, true)],
  },
  {
    name: 'authorize',
    reason: 'behind the limits, so that guessing what is allowed is counted',
    build: ({ policies }) => authorizeParts(policies.auth),
  },
  {
    name: 'compression',
    reason: 'further in, everybody sees answers as they are',
    build: compressionPart,
  },
  {
    name: 'content-type',
    reason: 'what reads a body goes by the type that the service is told',
    build: contentTypePart,
  },
  {
    name: 'validation',
    reason: 'of those who may call, what is malformed gets no further',
    build: validationPart,
  },
  {
    name: 'use',
    reason: 'your own middlewares see the requests that are let in, once each',
    build: ({ policies }) =>
      policies.use.map((middleware) => ({ middleware, name: middleware.name || 'anonymous middleware' })),
  },
  {
    name: 'rewrite-urls',
    reason: 'sees what transforms leave of an answer',
    build: rewriteUrlsPart,
  },
  {
    name: 'transforms',
    reason: 'once for all attempts, and on what answers in the place of the service, too',
    build: transformsPart,
  },
  {
    name: 'strip-headers',
    reason: 'before transforms, which may write such a field again',
    build: stripHeadersPart,
  },
  {
    name: 'mirror',
    reason: 'copies what goes to the service, once for all attempts',
    build: mirrorPart,
  },
  {
    name: 'fallback',
    reason: 'answers for whatever fails further in, when retries are used up',
    build: fallbackPart,
  },
];

/** Around a part of a route that has limits of its own: one side of a split, one version, one tenant. */
export const PART_ORDER: readonly Stage<PlannedRoute>[] = [
  {
    name: 'rate-limit',
    reason: 'what is refused here takes no place and asks nobody',
    build: partLimitParts,
  },
];

/** Next to an upstream, or to an answer from here, the outermost first. */
export const SERVICE_ORDER: readonly Stage<PlannedRoute>[] = [
  ...PART_ORDER,
  {
    name: 'concurrency',
    reason: 'a request keeps its one place through all of its attempts',
    build: concurrencyPart,
  },
  {
    name: 'retry',
    reason: 'around the breaker, so that an open circuit ends the attempts',
    build: retryPart,
  },
  {
    name: 'circuit-breaker',
    reason: 'around the balancer: it counts every attempt at the service, and a target that is out opens nothing',
    build: circuitBreakerPart,
  },
  {
    name: 'balance',
    reason: 'next to the service: each attempt gets a target of its own',
    build: balancePart,
  },
];

function switchable<Options extends object>(
  option: Options | boolean | undefined,
  build: (options?: Options) => Middleware,
): Part[] {
  if (option === false) return [];
  return [{ middleware: option === true || option === undefined ? build() : build(option) }];
}
