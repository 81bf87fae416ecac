import { GatewayError, isGatewayError, type GatewayErrorCode } from '../core/errors.js';

/** Failures of the operating system, TLS and undici, by code, as one of the gateway's own. */
const CODES: Readonly<Record<string, GatewayErrorCode>> = {
  ECONNREFUSED: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
  ENOTFOUND: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
  ETIMEDOUT: 'ERR_GATEWAY_CONNECT_TIMEOUT',
  UND_ERR_CONNECT_TIMEOUT: 'ERR_GATEWAY_CONNECT_TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'ERR_GATEWAY_IDLE_TIMEOUT',
  ECONNRESET: 'ERR_GATEWAY_UPSTREAM_RESET',
  EPIPE: 'ERR_GATEWAY_UPSTREAM_RESET',
  UND_ERR_SOCKET: 'ERR_GATEWAY_UPSTREAM_RESET',
  UND_ERR_HEADERS_OVERFLOW: 'ERR_GATEWAY_UPSTREAM_PROTOCOL',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ERR_GATEWAY_UPSTREAM_PROTOCOL',
  UND_ERR_CLOSED: 'ERR_GATEWAY_DRAINING',
  UND_ERR_DESTROYED: 'ERR_GATEWAY_DRAINING',
};

/** Messages of `UND_ERR_SOCKET` that mean nonsense on the wire, not a lost connection. */
const NONSENSE = new Set(['bad response', 'bad upgrade']);

/** What went wrong with an upstream, as a `GatewayError` that keeps the failure underneath as its cause. */
export function toUpstreamFailure(error: Error & { code?: unknown }, origin: string): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError(codeOf(error), `upstream ${origin}: ${error.message}`, { cause: error });
}

function codeOf({ name, code, message }: Error & { code?: unknown }): GatewayErrorCode {
  if (
    name === 'HTTPParserError' ||
    String(code).startsWith('HPE_') ||
    (code === 'UND_ERR_SOCKET' && NONSENSE.has(message))
  ) {
    return 'ERR_GATEWAY_UPSTREAM_PROTOCOL';
  }
  if (typeof code !== 'string') return 'ERR_GATEWAY_INTERNAL';
  return Object.hasOwn(CODES, code) ? (CODES[code] as GatewayErrorCode) : 'ERR_GATEWAY_UPSTREAM_UNREACHABLE';
}

/** Why the proxy has ended a call itself. */
export const LATE_REASONS: Partial<Record<GatewayErrorCode, string>> = {
  ERR_GATEWAY_BODY_TIMEOUT: 'the client stopped sending the body of its request',
  ERR_GATEWAY_FIRST_BYTE_TIMEOUT: 'no answer within timeouts.firstByteMs',
  ERR_GATEWAY_CLIENT_CLOSED: 'the client stopped reading for timeouts.idleMs',
  ERR_GATEWAY_IDLE_TIMEOUT: 'nothing more of the answer within timeouts.idleMs',
  ERR_GATEWAY_TOTAL_TIMEOUT: 'the exchange took longer than timeouts.totalMs',
};
