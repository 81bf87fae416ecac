import type { Readable } from 'node:stream';
import { derivedStream } from '../core/derived-stream.js';
import { GatewayError } from '../core/errors.js';
import type { ByteStream } from '../core/types.js';

/**
 * A stream that fails with 413 once more than `maxBytes` have come through, for bodies that do not say how long they
 * are.
 */
export function countedBody(body: ByteStream, maxBytes: number): Readable {
  return derivedStream(countBytes(body, maxBytes), body);
}

async function* countBytes(body: ByteStream, maxBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
    yield chunk;
  }
}

function bodyTooLarge(maxBytes: number): GatewayError {
  const detail = tooLargeDetail(maxBytes);
  return new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', detail, { detail });
}

export function tooLargeDetail(maxBytes: number): string {
  return `The body is larger than ${maxBytes} bytes.`;
}
