/**
 * The order of a request: data, with the reason of each place. Answers unwind in the mirror order.
 */
import type { Middleware } from '../core/types.js';
import { errorBoundary, requestGuard } from '../core/error-boundary.js';
import { bodyLimit } from '../body-limit/index.js';
import { health, type Health } from '../health/index.js';
import { accessLog } from '../logger/index.js';
import { requestId } from '../request-id/index.js';
import type { GatewayConfig, RouteConfig } from './config.js';

export interface Stage<Source> {
  readonly name: string;
  readonly reason: string;
  /** `null` where the configuration turns it off. */
  readonly build: (source: Source) => Middleware | null;
}

/** Around every request, the outermost first. */
export const GATEWAY_ORDER: readonly Stage<{ config: GatewayConfig; engine: Health }>[] = [
  {
    name: 'request-id',
    reason: 'everything that follows is told apart by it',
    build: ({ config }) => switchable(config.requestId, requestId),
  },
  {
    name: 'access-log',
    reason: 'sees every answer, refusals and failures too',
    build: ({ config }) => switchable(config.accessLog, accessLog),
  },
  {
    name: 'error-boundary',
    reason: 'nothing thrown further in gets out',
    build: () => errorBoundary,
  },
  {
    name: 'request-guard',
    reason: 'nothing acts on a malformed request',
    build: () => requestGuard,
  },
  {
    name: 'health',
    reason: 'is never limited and asks for no credentials',
    build: ({ config, engine }) => switchable(config.health, (options) => health(engine, options)),
  },
];

/** Around one route, the outermost first. */
export const ROUTE_ORDER: readonly Stage<{ config: GatewayConfig; route: RouteConfig }>[] = [
  {
    name: 'body-limit',
    reason: 'cheap, and before anything reads the body',
    build: ({ config, route }) => bodyLimit(route.maxBodyBytes ?? config.defaults?.maxBodyBytes ?? 10_485_760),
  },
];

export interface Layer {
  readonly name: string;
  readonly middleware: Middleware;
}

/** The layers that are on, the outermost first. */
export function buildLayers<Source>(stages: readonly Stage<Source>[], source: Source): Layer[] {
  return stages.flatMap(({ name, build }) => {
    const middleware = build(source);
    return middleware === null ? [] : [{ name, middleware }];
  });
}

function switchable<Options extends object>(
  option: Options | boolean | undefined,
  build: (options?: Options) => Middleware,
): Middleware | null {
  if (option === false) return null;
  return option === true || option === undefined ? build() : build(option);
}
