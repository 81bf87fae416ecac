import type { Body } from './types.js';

/** How many bytes of a body its reader has been given: all of those that are here, what was counted of a stream. */
export function bodyBytes(body: Body): number | undefined {
  if (body === null) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.length : body.bytesRead;
}
