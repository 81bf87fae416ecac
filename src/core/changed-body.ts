import type { HeaderMap } from './types.js';

/** Fields that tell of the bytes of a body, or let a client ask for a part of them. */
const OF_BYTES = ['accept-ranges', 'content-digest', 'content-length', 'content-md5', 'digest', 'repr-digest'] as const;

/**
 * Takes back what an answer says of a body that is not its body any more: its length, its digests (RFC 9530), that
 * ranges of it can be had. Its `ETag` becomes a weak one (RFC 9110 8.8.1).
 */
export function markChanged(headers: HeaderMap): void {
  // Set, not deleted: an object that loses a field loses its fast shape.
  for (const name of OF_BYTES) if (headers[name] !== undefined) headers[name] = undefined;
  weakenEtag(headers);
}

/** A strong one would say that the bytes are those of the service. */
export function weakenEtag(headers: HeaderMap): void {
  const { etag } = headers;
  if (typeof etag === 'string' && !etag.startsWith('W/')) headers.etag = `W/${etag}`;
}
