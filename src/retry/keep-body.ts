import { bufferBody } from '../core/buffer-body.js';
import type { Context } from '../core/context.js';
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
  const kept = await bufferBody(body, maxBytes);
  ctx.draft().body = kept;
  return kept instanceof Uint8Array;
}
