import type { Readable } from 'node:stream';
import type { Context } from './context.js';
import { derivedStream } from './derived-stream.js';
import { GatewayError, isGatewayError } from './errors.js';
import type { Body, ByteStream } from './types.js';

/** True for a body that can be read only once. */
export function isStream(body: Body): body is ByteStream {
  return typeof body === 'object' && body !== null && !(body instanceof Uint8Array);
}

/**
 * Reads a body into memory, for a piece that must look at it or send it twice. A body of more than `maxBytes` comes back
 * as a stream of the same bytes: what was read, then the rest.
 *
 * @throws {GatewayError} `ERR_GATEWAY_CLIENT_CLOSED` when the body breaks off; an error of a layer that has wrapped the
 *   body stays as it is.
 */
export async function bufferBody(body: ByteStream, maxBytes: number): Promise<Uint8Array | Readable> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const step = await iterator.next().catch(failRead);
    if (step.done === true) return Buffer.concat(chunks);
    chunks.push(step.value);
    bytes += step.value.length;
    if (bytes > maxBytes) break;
  }
  return derivedStream(replay(chunks, iterator), body);
}

/**
 * Reads the body that goes upstream into memory and leaves it in the draft, so that others can read it too; `null` where
 * it has more than `maxBytes`, and then it streams on.
 *
 * @throws {GatewayError} as {@link bufferBody} does.
 */
export async function keepBody(ctx: Context, body: ByteStream, maxBytes: number): Promise<Uint8Array | null> {
  const kept = await bufferBody(body, maxBytes);
  ctx.draft().body = kept;
  return kept instanceof Uint8Array ? kept : null;
}

function failRead(error: unknown): never {
  if (isGatewayError(error)) throw error;
  const message = 'the client left before its request was complete';
  throw new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', message, { cause: error });
}

async function* replay(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
  for (;;) {
    const step = await rest.next();
    if (step.done === true) return;
    yield step.value;
  }
}
