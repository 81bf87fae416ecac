import type { Context } from './context.js';
import type { GatewayResponse, Handler, MaybePromise } from './types.js';

/**
 * Runs `next`, then works on its answer or on its failure; what is synchronous stays so.
 *
 * Both callbacks get the context, so they can be plain functions outside the request and cost no closure on the
 * synchronous path.
 *
 * @param failed Turns a thrown error or a rejection of `next` into an answer; without it both pass through.
 */
export function after(
  next: Handler,
  ctx: Context,
  then: (response: GatewayResponse, ctx: Context) => MaybePromise<GatewayResponse>,
  failed?: (error: unknown, ctx: Context) => MaybePromise<GatewayResponse>,
): MaybePromise<GatewayResponse> {
  let result: MaybePromise<GatewayResponse>;
  try {
    result = next(ctx);
  } catch (error) {
    if (failed === undefined) throw error;
    return failed(error, ctx);
  }
  if (!(result instanceof Promise)) return then(result, ctx);
  return result.then((response) => then(response, ctx), failed && ((error: unknown) => failed(error, ctx)));
}
