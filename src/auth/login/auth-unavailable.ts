import { GatewayError } from '../../core/errors.js';

/** The failure of something without which nobody can be let in. @param what It, in words for the log. */
export function authUnavailable(what: string, error: unknown): GatewayError {
  const reason = error instanceof Error ? error.message : String(error);
  return new GatewayError('ERR_GATEWAY_AUTH_UNAVAILABLE', `${what}: ${reason}`, { cause: error });
}
