/** The gateway's failures: one class, one list of codes. A code is a promise; texts are not. */

const BRAND = Symbol.for('innergate.error');

const IANA = 'https://iana.org/assignments/http-problem-types#';
/** Problem types of draft-ietf-httpapi-ratelimit-headers. */
const QUOTA_EXCEEDED = `${IANA}quota-exceeded`;
const REDUCED_CAPACITY = `${IANA}temporary-reduced-capacity`;

/** What the gateway answers with a code. */
export interface Refusal {
  readonly status: number;
  /** The sentence that clients read as `error`. */
  readonly title: string;
  /** Problem type (RFC 9457 3.1.1). @default 'about:blank' */
  readonly type?: string;
}

/** Every code that the gateway answers with. */
export const REFUSALS = {
  ERR_GATEWAY_REQUEST_MALFORMED: { status: 400, title: 'Bad request' },
  ERR_GATEWAY_BODY_MALFORMED: { status: 400, title: 'Malformed body' },
  ERR_GATEWAY_VALIDATION_FAILED: { status: 400, title: 'Invalid request' },
  ERR_GATEWAY_CREDENTIALS_MISSING: { status: 401, title: 'Authentication required' },
  ERR_GATEWAY_CREDENTIALS_INVALID: { status: 401, title: 'Invalid credentials' },
  ERR_GATEWAY_ADDRESS_DENIED: { status: 403, title: 'Forbidden' },
  ERR_GATEWAY_FORBIDDEN: { status: 403, title: 'Forbidden' },
  ERR_GATEWAY_SCOPE_INSUFFICIENT: { status: 403, title: 'Insufficient scope' },
  ERR_GATEWAY_ROUTE_NOT_FOUND: { status: 404, title: 'Route not found' },
  ERR_GATEWAY_VERSION_UNKNOWN: { status: 404, title: 'Unknown API version' },
  ERR_GATEWAY_TENANT_UNKNOWN: { status: 404, title: 'Unknown tenant' },
  ERR_GATEWAY_METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  ERR_GATEWAY_BODY_TIMEOUT: { status: 408, title: 'Request timeout' },
  ERR_GATEWAY_LENGTH_REQUIRED: { status: 411, title: 'Length required' },
  ERR_GATEWAY_BODY_TOO_LARGE: { status: 413, title: 'Content too large' },
  ERR_GATEWAY_URL_TOO_LONG: { status: 414, title: 'URL too long' },
  ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'Unsupported media type' },
  ERR_GATEWAY_EXPECTATION_UNKNOWN: { status: 417, title: 'Expectation failed' },
  ERR_GATEWAY_RATE_LIMITED: { status: 429, title: 'Rate limit exceeded', type: QUOTA_EXCEEDED },
  ERR_GATEWAY_HEADERS_TOO_LARGE: { status: 431, title: 'Request header fields too large' },
  ERR_GATEWAY_CLIENT_CLOSED: { status: 499, title: 'Client closed request' },
  ERR_GATEWAY_INTERNAL: { status: 500, title: 'Internal gateway error' },
  ERR_GATEWAY_BODY_CONSUMED: { status: 500, title: 'Request body already consumed' },
  ERR_GATEWAY_CODING_UNSUPPORTED: { status: 501, title: 'Transfer coding not supported' },
  ERR_GATEWAY_UPSTREAM_UNREACHABLE: { status: 502, title: 'Bad gateway' },
  ERR_GATEWAY_UPSTREAM_RESET: { status: 502, title: 'Bad gateway' },
  ERR_GATEWAY_UPSTREAM_PROTOCOL: { status: 502, title: 'Bad gateway' },
  ERR_GATEWAY_UPSTREAM_TOO_LARGE: { status: 502, title: 'Bad gateway' },
  ERR_GATEWAY_UPSTREAM_BUSY: { status: 503, title: 'Service unavailable', type: REDUCED_CAPACITY },
  ERR_GATEWAY_NO_TARGETS: { status: 503, title: 'Service unavailable' },
  ERR_GATEWAY_CIRCUIT_OPEN: { status: 503, title: 'Service unavailable' },
  ERR_GATEWAY_CONCURRENCY_LIMITED: { status: 503, title: 'Service unavailable', type: REDUCED_CAPACITY },
  ERR_GATEWAY_OVERLOADED: { status: 503, title: 'Service unavailable', type: REDUCED_CAPACITY },
  ERR_GATEWAY_LIMITER_UNAVAILABLE: { status: 503, title: 'Service unavailable' },
  ERR_GATEWAY_AUTH_UNAVAILABLE: { status: 503, title: 'Service unavailable' },
  ERR_GATEWAY_DRAINING: { status: 503, title: 'Service unavailable' },
  ERR_GATEWAY_CONNECT_TIMEOUT: { status: 504, title: 'Gateway timeout' },
  ERR_GATEWAY_FIRST_BYTE_TIMEOUT: { status: 504, title: 'Gateway timeout' },
  ERR_GATEWAY_IDLE_TIMEOUT: { status: 504, title: 'Gateway timeout' },
  ERR_GATEWAY_TOTAL_TIMEOUT: { status: 504, title: 'Gateway timeout' },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;
export type GatewayErrorCode = RefusalCode | 'ERR_GATEWAY_CONFIG_INVALID';

/** False for a code that answers nobody, and for one of another version of this package. */
export function isRefusalCode(code: string): code is RefusalCode {
  return Object.hasOwn(REFUSALS, code);
}

export interface GatewayErrorOptions {
  /** The failure underneath; for the log only. */
  cause?: unknown;
  /** One sentence for the client. It must name no upstream, path of a file or secret. */
  detail?: string;
}

/**
 * An unexpected failure with a stable `code`. The message is for the operator; the client sees `detail` and the title
 * of the code.
 */
export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly code: GatewayErrorCode;
  readonly detail: string | undefined;
  readonly [BRAND] = true;

  constructor(code: GatewayErrorCode, message: string, { cause, detail }: GatewayErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }
}

/** True for a `GatewayError` of any copy of this package. */
export function isGatewayError(value: unknown): value is GatewayError {
  return typeof value === 'object' && value !== null && BRAND in value;
}
