import { Readable } from 'node:stream';
import type { Body } from './types.js';

/** How many bytes of a body its reader has been given: all of those that are here, what was counted of a stream. */
export function bodyBytes(body: Body): number | undefined {
  if (body === null) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.length;
  // Some of Node's own streams count what they take, under the same name.
  return body instanceof Readable ? undefined : body.bytesRead;
}
