import type { Context } from './context.js';
import { REFUSALS, type Refusal, type RefusalCode } from './errors.js';
import type { GatewayResponse, HeaderMap } from './types.js';

export interface RefuseOptions {
  /** One sentence for the client: what was wrong with this request. */
  detail?: string;
  /** Why, for the log alone. It must name no part of a credential. */
  reason?: string;
  /** Instead of the status of the code. From 400 to 599. */
  status?: number;
  /** More header fields, such as `allow` or `retry-after`. */
  headers?: HeaderMap;
  /** More members of the problem, such as `violated-policies`; `error` replaces the usual sentence. */
  problem?: Readonly<Record<string, unknown>>;
}

/** Codes after which the rest of the connection cannot be trusted or is not worth reading. */
const CLOSES_CONNECTION: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'ERR_GATEWAY_REQUEST_MALFORMED',
  'ERR_GATEWAY_BODY_TIMEOUT',
  'ERR_GATEWAY_LENGTH_REQUIRED',
  'ERR_GATEWAY_BODY_TOO_LARGE',
  'ERR_GATEWAY_URL_TOO_LONG',
  'ERR_GATEWAY_EXPECTATION_UNKNOWN',
  'ERR_GATEWAY_HEADERS_TOO_LARGE',
  'ERR_GATEWAY_CODING_UNSUPPORTED',
  'ERR_GATEWAY_DRAINING',
]);

/** What is unavailable here may be available again at once, or elsewhere. */
const RETRY_SOON: HeaderMap = { 'retry-after': '1' };

/**
 * The one way in which the gateway itself answers: `application/problem+json` (RFC 9457) with `code`, `requestId` and
 * `error` besides. It never throws and names nothing of the inside.
 */
export function refuse(
  ctx: Context,
  code: RefusalCode,
  { detail, reason, status: ownStatus, headers, problem }: RefuseOptions = {},
): GatewayResponse {
  const { status: usual, title, type = 'about:blank' }: Refusal = REFUSALS[code];
  const status = ownStatus ?? usual;
  ctx.refusal = code;
  ctx.reason = reason ?? null;
  const body = JSON.stringify({
    type,
    title,
    status,
    detail,
    instance: ctx.request.path,
    code,
    requestId: ctx.requestId || undefined,
    error: title,
    ...problem,
  });
  const answer: HeaderMap = {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    ...(status === 503 ? RETRY_SOON : undefined),
    ...headers,
  };
  if (CLOSES_CONNECTION.has(code)) answer.connection = 'close';
  return (ctx.ownAnswer = { status, headers: answer, body });
}
