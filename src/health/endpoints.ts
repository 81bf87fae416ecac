import type { Context } from '../core/context.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import { compileViewers } from '../core/viewers.js';
import type { Health } from './health.js';
import { endpointPaths, type HealthOptions } from './options.js';
import type { HealthReport } from './report.js';

/** The handler of each path. */
export function endpoints(engine: Health, options: HealthOptions): ReadonlyMap<string, Handler> {
  const { service, version } = options;
  const isViewer = compileViewers(options.details ?? false);
  const { path, livePath, readyPath } = endpointPaths(options);

  function detailed({ status, ...rest }: HealthReport, shownStatus: string = status): object {
    return { status: shownStatus, service, version, ...rest };
  }

  function live(): GatewayResponse {
    return answer(200, { status: 'live' });
  }

  function ready(ctx: Context): MaybePromise<GatewayResponse> {
    if (isVerbose(ctx.request.query) && isViewer(ctx)) return whenKnown(engine.check(), answerVerbose);
    return whenKnown(engine.checkReady(), answerReady);
  }

  function answerVerbose(report: HealthReport): GatewayResponse {
    const isReady = report.status !== 'unhealthy';
    return answer(isReady ? 200 : 503, detailed(report, readyStatus(isReady)));
  }

  function report(ctx: Context): MaybePromise<GatewayResponse> {
    return whenKnown(engine.check(), isViewer(ctx) ? answerDetailed : answerReport);
  }

  function answerDetailed(found: HealthReport): GatewayResponse {
    return answer(found.status === 'unhealthy' ? 503 : 200, detailed(found));
  }

  return new Map<string, Handler>([
    ...path.map((one) => [one, report] as const),
    ...livePath.map((one) => [one, live] as const),
    ...readyPath.map((one) => [one, ready] as const),
  ]);
}

function answerReport({ status, uptime, timestamp }: HealthReport): GatewayResponse {
  return answer(status === 'unhealthy' ? 503 : 200, { status, uptime, timestamp });
}

function answerReady(isReady: boolean): GatewayResponse {
  return answer(isReady ? 200 : 503, { status: readyStatus(isReady) });
}

function readyStatus(isReady: boolean): string {
  return isReady ? 'ready' : 'not-ready';
}

function answer(status: number, body: object): GatewayResponse {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers, body: JSON.stringify(body) };
}

/** `?verbose` is there, whatever its value, as with the probes of Kubernetes. */
function isVerbose(query: string): boolean {
  return query !== '' && new URLSearchParams(query).has('verbose');
}

function whenKnown<Known>(
  known: MaybePromise<Known>,
  then: (known: Known) => GatewayResponse,
): MaybePromise<GatewayResponse> {
  return known instanceof Promise ? known.then(then) : then(known);
}
