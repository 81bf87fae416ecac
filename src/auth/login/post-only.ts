import { isGatewayError } from '../../core/errors.js';
import { bodyFormat } from '../../core/media-type.js';
import { refuse } from '../../core/refuse.js';
import type { GatewayRequest, Handler } from '../../core/types.js';

/**
 * What login, refresh and logout have in common: they are asked by `POST`, and 503 where a service or a store that they
 * need does not answer.
 *
 * @param setsCookie True where an answer changes what a browser is logged in as.
 */
export function postOnly(handle: Handler, setsCookie: boolean): Handler {
  return async function answerPost(ctx) {
    const { request } = ctx;
    if (request.method !== 'POST') return refuse(ctx, 'ERR_GATEWAY_METHOD_NOT_ALLOWED', { headers: { allow: 'POST' } });
    if (setsCookie && isForeignForm(request))
      return refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', {
        detail: 'A page of another site must send JSON here.',
        reason: 'cross-site request that is no JSON',
      });
    try {
      return await handle(ctx);
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'ERR_GATEWAY_AUTH_UNAVAILABLE') throw error;
      return refuse(ctx, error.code, { detail: 'Credentials cannot be checked now.', reason: error.message });
    }
  };
}

/**
 * True for what a page of another site can make a browser send without asking: with it, a user could be logged in as
 * somebody else without noticing. For JSON the browser asks first, and CORS answers (Fetch 4.9, `Sec-Fetch-Site`).
 */
function isForeignForm({ headers }: GatewayRequest): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && bodyFormat(headers) !== 'json';
}
