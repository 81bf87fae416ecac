import { headerValue } from './headers.js';
import type { HeaderMap } from './types.js';

/** Methods whose repetition changes nothing (RFC 9110 9.2.2) and that services treat so. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** True where a request may reach a service twice: by its method, or because its client gave it an `Idempotency-Key`. */
export function isIdempotent(method: string, headers: Readonly<HeaderMap>): boolean {
  return IDEMPOTENT.has(method) || headerValue(headers, 'idempotency-key') !== undefined;
}
