import { integer, validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayRequest, Middleware } from '../core/types.js';
import { countedBody, tooLargeDetail } from './counted-body.js';

/** Bytes of a request's body. From 0 on; `Infinity` = no limit. */
export const maxBodyBytesField = integer({ max: Infinity });

/**
 * Refuses bodies over a limit with 413: at once where the length is known, else when the limit is crossed, and then the
 * upstream call is aborted.
 *
 * @throws {ConfigError} when the limit is wrong.
 */
export function bodyLimit(maxBodyBytes: number): Middleware {
  validate('bodyLimit', maxBodyBytes, maxBodyBytesField, 'maxBodyBytes');
  return function bodyLimitMiddleware(ctx, next) {
    const { body } = ctx.request;
    if (body === null || maxBodyBytes === Infinity) return next(ctx);
    const length = knownLength(ctx.request);
    if (length === null)
      ctx.draft().body = countedBody(body as Exclude<typeof body, string | Uint8Array>, maxBodyBytes);
    else if (length > maxBodyBytes)
      return refuse(ctx, 'ERR_GATEWAY_BODY_TOO_LARGE', { detail: tooLargeDetail(maxBodyBytes) });
    return next(ctx);
  };
}

function knownLength({ body, headers }: GatewayRequest): number | null {
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.length;
  return headers['content-length'] === undefined ? null : Number(headers['content-length']);
}
