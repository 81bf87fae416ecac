import { after } from './after.js';
import type { Context } from './context.js';
import { GatewayError, isGatewayError } from './errors.js';
import { refuse } from './refuse.js';
import type { GatewayResponse, Handler, MaybePromise } from './types.js';

/** Turns whatever the layers inside throw, and an answer that is none, into an answer of the gateway. Nothing gets past it. */
export function errorBoundary(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
  return after(next, ctx, requireAnswer, answerFor);
}

function requireAnswer(response: GatewayResponse, ctx: Context): GatewayResponse {
  if (isResponse(response)) return response;
  const message = 'a middleware returned no response; write `return next(ctx)`';
  return answerFor(new GatewayError('ERR_GATEWAY_INTERNAL', message), ctx);
}

function isResponse(value: unknown): value is GatewayResponse {
  return typeof value === 'object' && value !== null && 'status' in value && 'headers' in value;
}

function answerFor(error: unknown, ctx: Context): GatewayResponse {
  ctx.error = error;
  if (isGatewayError(error) && error.code !== 'ERR_GATEWAY_CONFIG_INVALID') {
    return refuse(ctx, error.code, error.detail === undefined ? {} : { detail: error.detail });
  }
  return refuse(ctx, 'ERR_GATEWAY_INTERNAL');
}
