import { after } from './after.js';
import type { Context } from './context.js';
import { GatewayError, isGatewayError, isRefusalCode } from './errors.js';
import { refuse } from './refuse.js';
import type { GatewayResponse, Handler, MaybePromise } from './types.js';

/**
 * Refuses what no layer inside must see: a request that its adapter found malformed, and the methods that speak to the
 * gateway itself (`TRACE`, `CONNECT`, `OPTIONS *`).
 */
export function requestGuard(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
  const { fault, method, path } = ctx.request;
  if (fault !== null) return refuse(ctx, fault.code, { detail: fault.detail });
  if (method === 'TRACE' || method === 'CONNECT')
    return refuse(ctx, 'ERR_GATEWAY_METHOD_NOT_ALLOWED', { headers: { allow: '' } });
  if (path === '*') return { status: 204, headers: {}, body: null };
  return next(ctx);
}

/**
 * Turns whatever the layers inside throw, and an answer that is none, into an answer of the gateway. Nothing gets past
 * it.
 */
export function errorBoundary(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
  return after(next, ctx, requireAnswer, answerFailure);
}

function requireAnswer(response: GatewayResponse, ctx: Context): GatewayResponse {
  if (isResponse(response)) return response;
  const message = 'a middleware returned no response; write `return next(ctx)`';
  return answerFailure(new GatewayError('ERR_GATEWAY_INTERNAL', message), ctx);
}

function isResponse(value: Partial<GatewayResponse> | null | undefined): boolean {
  if (typeof value !== 'object' || typeof value?.headers !== 'object') return false;
  return Number.isInteger(value.status) && (value.status as number) >= 200 && (value.status as number) <= 599;
}

/**
 * The answer to something that was thrown: by its code where it is the gateway's own, else 500 without a word of the
 * inside.
 */
export function answerFailure(error: unknown, ctx: Context): GatewayResponse {
  ctx.error = error;
  if (!isGatewayError(error) || !isRefusalCode(error.code)) return refuse(ctx, 'ERR_GATEWAY_INTERNAL');
  return refuse(ctx, error.code, error.detail === undefined ? {} : { detail: error.detail });
}
