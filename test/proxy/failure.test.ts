import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/core/errors.js';
import { toUpstreamFailure } from '../../src/proxy/failure.js';

const ORIGIN = 'http://users:3001';

function failure(code: unknown, message = 'it broke', name = 'Error'): Error & { code?: unknown } {
  return Object.assign(new Error(message), { code, name });
}

describe('toUpstreamFailure', () => {
  it.each([
    ['ECONNREFUSED', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['ENOTFOUND', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['EAI_AGAIN', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['EHOSTUNREACH', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['ENETUNREACH', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['EMFILE', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['CERT_HAS_EXPIRED', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['ETIMEDOUT', 'ERR_GATEWAY_CONNECT_TIMEOUT'],
    ['UND_ERR_CONNECT_TIMEOUT', 'ERR_GATEWAY_CONNECT_TIMEOUT'],
    ['ECONNRESET', 'ERR_GATEWAY_UPSTREAM_RESET'],
    ['EPIPE', 'ERR_GATEWAY_UPSTREAM_RESET'],
    ['UND_ERR_SOCKET', 'ERR_GATEWAY_UPSTREAM_RESET'],
    ['UND_ERR_HEADERS_OVERFLOW', 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['HPE_INVALID_CONSTANT', 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['HPE_ANYTHING', 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['UND_ERR_CLOSED', 'ERR_GATEWAY_DRAINING'],
    ['UND_ERR_DESTROYED', 'ERR_GATEWAY_DRAINING'],
  ])('tells %s as %s', (code, expected) => {
    const cause = failure(code);
    const told = toUpstreamFailure(cause, ORIGIN);
    expect(told).toBeInstanceOf(GatewayError);
    expect(told).toMatchObject({ code: expected, cause, message: 'upstream http://users:3001: it broke' });
    expect(told.detail).toBeUndefined();
  });

  it.each(['bad response', 'bad upgrade'])('tells a socket error that says %j as nonsense on the wire', (message) => {
    expect(toUpstreamFailure(failure('UND_ERR_SOCKET', message), ORIGIN).code).toBe('ERR_GATEWAY_UPSTREAM_PROTOCOL');
  });

  it('tells the error of a parser that gives no code as nonsense on the wire', () => {
    const told = toUpstreamFailure(failure(undefined, 'Response does not match', 'HTTPParserError'), ORIGIN);
    expect(told.code).toBe('ERR_GATEWAY_UPSTREAM_PROTOCOL');
  });

  it.each([undefined, 5, null, {}])('takes a failure with the code %j for a mistake of the gateway', (code) => {
    const cause = failure(code);
    expect(toUpstreamFailure(cause, ORIGIN)).toMatchObject({ code: 'ERR_GATEWAY_INTERNAL', cause });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'takes %s for a code, not for a property',
    (code) => {
      expect(toUpstreamFailure(failure(code), ORIGIN).code).toBe('ERR_GATEWAY_UPSTREAM_UNREACHABLE');
    },
  );

  it('leaves an error of the gateway as it is', () => {
    const own = new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', 'too large');
    expect(toUpstreamFailure(own, ORIGIN)).toBe(own);
  });
});
