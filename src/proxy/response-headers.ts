/** The one place that decides which header fields of an upstream reach the client. */
import { HOP_BY_HOP, nominatedFields } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';

/**
 * Takes out of `headers`, which the caller owns, what belongs to the upstream's connection and what the status forbids.
 */
export function cleanResponseHeaders(headers: HeaderMap, status: number): HeaderMap {
  const nominated = nominatedFields(headers.connection);
  for (const name in headers) {
    // Set, not deleted: an object that loses a field loses its fast shape.
    if (HOP_BY_HOP.has(name) || nominated?.has(name)) headers[name] = undefined;
  }
  if (status === 204) headers['content-length'] = undefined;
  if (status === 205) headers['content-length'] = '0';
  return headers;
}
