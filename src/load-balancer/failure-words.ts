import { isGatewayError } from '../core/errors.js';

/** What `code` of an error looks like; anything else could be text of whoever was asked. */
const CODE = /^[A-Z][A-Z\d_]{1,63}$/;

/**
 * Why a call failed, in a word or two for the operator: `ECONNREFUSED`, `status 500`. It never quotes a message, which
 * could hold what a client or a service has sent.
 */
export function failureWords(error: unknown, status: number): string {
  if (error === null || error === undefined) return `status ${status}`;
  return codeOf(isGatewayError(error) ? error.cause : error) ?? codeOf(error) ?? 'an error';
}

function codeOf(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && CODE.test(code) ? code : null;
}
