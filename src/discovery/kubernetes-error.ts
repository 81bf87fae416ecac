/** Longest wait that a server is granted. */
const MAX_RETRY_AFTER_MS = 300_000;

/** The API server answered, or ended a watch, with a status that is no success. */
export class ApiServerError extends Error {
  override readonly name = 'ApiServerError';
  readonly status: number;
  /** What it asked to wait; `null` = nothing. */
  readonly retryAfterMs: number | null;

  constructor(message: string, status: number, retryAfter: number | null) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfter;
  }
}

const HINTS: Readonly<Record<number, string>> = {
  401: ', so the token is not valid',
  403: ', so the token may not list and watch endpointslices of discovery.k8s.io in that namespace',
  404: ', so it has no discovery.k8s.io/v1, or the url has a wrong path',
};

/** Only the status is told: texts of a server may be long, and quote anything. */
export function statusError(status: number, retryAfter: number | null): ApiServerError {
  return new ApiServerError(`it answered with status ${status}${HINTS[status] ?? ''}`, status, retryAfter);
}

/** Seconds, as the API server writes them: in the header field `Retry-After`, or in the details of a `Status`. */
export function retryAfterMs(seconds: unknown): number | null {
  const text = String(seconds);
  return /^[1-9]\d*$/.test(text) ? Math.min(Number(text) * 1_000, MAX_RETRY_AFTER_MS) : null;
}
