import { headerValue, isFieldName } from '../core/headers.js';
import type { GatewayRequest, HeaderMap } from '../core/types.js';

/** Bytes of a list that is sent back. */
const MAX_REQUESTED_BYTES = 4_096;

/** A browser that asks first. A request that is unfit to be acted on is none: it is to be refused further in. */
export function isPreflight({ method, headers, fault }: GatewayRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined && fault === null;
}

/** The header fields that a preflight asks for, to be allowed as they stand; `undefined` where they cannot be. */
export function requestedHeaders(headers: Readonly<HeaderMap>): string | undefined {
  const list = headerValue(headers, 'access-control-request-headers');
  if (list === undefined || list.length > MAX_REQUESTED_BYTES) return undefined;
  return list.split(',').every((name) => isFieldName(name.trim())) ? list : undefined;
}
