import { bufferBody } from '../core/buffer-body.js';
import type { Context } from '../core/context.js';
import { GatewayError, isGatewayError } from '../core/errors.js';
import type { Body, ByteStream } from '../core/types.js';

/** True for a body that can be read only once. */
export function isStream(body: Body): body is ByteStream {
  return typeof body === 'object' && body !== null && !(body instanceof Uint8Array);
}

/**
 * Reads a body into the draft, so that every attempt sends the same bytes. False where it has more than `maxBytes`: the
 * draft then has a stream of it, for one attempt.
 */
export async function keepBody(ctx: Context, body: ByteStream, maxBytes: number): Promise<boolean> {
  try {
    const kept = await bufferBody(body, maxBytes);
    ctx.draft().body = kept;
    return kept instanceof Uint8Array;
  } catch (error) {
    if (isGatewayError(error)) throw error;
    throw new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'the body of the request broke off', { cause: error });
  }
}
