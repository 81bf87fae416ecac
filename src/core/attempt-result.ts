/** What counts as a failure of a service: one answer for breaker, retry, fallback and health. */
import type { Context } from './context.js';
import { isGatewayError, type GatewayErrorCode } from './errors.js';
import { integer, list } from './options.js';
import type { GatewayResponse } from './types.js';

/**
 * How an attempt at a service ended. `neither` says nothing of the service: the client left, or the gateway itself
 * refused.
 */
export type AttemptResult = 'success' | 'failure' | 'neither';

/** Statuses of answers that are failures. @default every 5xx */
export type FailureStatuses = readonly number[];

export const failureStatusesField = list(integer({ min: 400, max: 599 }));

/** Failures of the gateway that are a service's fault. */
const OF_THE_SERVICE: ReadonlySet<GatewayErrorCode> = new Set<GatewayErrorCode>([
  'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
  'ERR_GATEWAY_UPSTREAM_RESET',
  'ERR_GATEWAY_UPSTREAM_PROTOCOL',
  'ERR_GATEWAY_CONNECT_TIMEOUT',
  'ERR_GATEWAY_FIRST_BYTE_TIMEOUT',
  'ERR_GATEWAY_IDLE_TIMEOUT',
  'ERR_GATEWAY_TOTAL_TIMEOUT',
]);

/** Compiles the option once: the test of a status is a comparison, or a look into a set. */
export function compileFailureStatuses(statuses: FailureStatuses | undefined): (status: number) => boolean {
  if (statuses === undefined) return isServerError;
  const set = new Set(statuses);
  return (status) => set.has(status);
}

function isServerError(status: number): boolean {
  return status >= 500;
}

/**
 * What an answer says of the service. One that the gateway wrote itself says nothing, nor does a middleware that forgot
 * to return one.
 */
export function answerResult(
  response: GatewayResponse | undefined,
  ctx: Context,
  isFailure: (status: number) => boolean,
): AttemptResult {
  if (ctx.refusal !== null || response === undefined) return 'neither';
  return isFailure(response.status) ? 'failure' : 'success';
}

/** What an error says of the service; one that is not the gateway's own comes from a handler in the service's place. */
export function errorResult(error: unknown, ctx: Context): AttemptResult {
  if (isGatewayError(error)) return OF_THE_SERVICE.has(error.code) ? 'failure' : 'neither';
  return ctx.aborted === null ? 'failure' : 'neither';
}
