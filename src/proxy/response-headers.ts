/** The one place that decides which header fields of an upstream reach the client. */
import { HOP_BY_HOP, listTokens } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';

/** Fields that keep their meaning whatever an upstream names in `Connection`. */
const NOT_NOMINABLE: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'set-cookie',
]);

/**
 * Takes out of `headers`, which the caller owns, what belongs to the upstream's connection and what the status forbids.
 */
export function cleanResponseHeaders(headers: HeaderMap, status: number): HeaderMap {
  const { connection } = headers;
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') {
    for (const name of listTokens(connection)) if (!NOT_NOMINABLE.has(name)) headers[name] = undefined;
  }
  for (const name in headers) {
    // Set, not deleted: an object that loses a field loses its fast shape.
    if (HOP_BY_HOP.has(name)) headers[name] = undefined;
  }
  if (status === 204) headers['content-length'] = undefined;
  if (status === 205) headers['content-length'] = '0';
  return headers;
}
