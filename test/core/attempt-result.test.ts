import { describe, expect, it } from 'vitest';
import { answerResult, compileFailureStatuses, errorResult } from '../../src/core/attempt-result.js';
import { GatewayError, REFUSALS, type RefusalCode } from '../../src/core/errors.js';
import { fakeContext } from '../support/request.js';

const answer = (status: number) => ({ status, headers: {}, body: null });

describe('an answer', () => {
  it.each([
    [200, 'success'],
    [304, 'success'],
    [404, 'success'],
    [429, 'success'],
    [499, 'success'],
    [500, 'failure'],
    [501, 'failure'],
    [503, 'failure'],
    [599, 'failure'],
  ])('of status %i is a %s', (status, result) => {
    expect(answerResult(answer(status), fakeContext(), compileFailureStatuses(undefined))).toBe(result);
  });

  it('is a failure where its status is listed, and only there', () => {
    const isFailure = compileFailureStatuses([429, 503]);
    const results = [429, 500, 503].map((status) => answerResult(answer(status), fakeContext(), isFailure));
    expect(results).toEqual(['failure', 'success', 'failure']);
  });

  it('that the gateway wrote itself says nothing of the service', () => {
    const ctx = fakeContext();
    ctx.refusal = 'ERR_GATEWAY_UPSTREAM_BUSY';
    expect(answerResult(answer(503), ctx, compileFailureStatuses(undefined))).toBe('neither');
    expect(answerResult(undefined, fakeContext(), compileFailureStatuses(undefined))).toBe('neither');
  });
});

describe('an error', () => {
  const failures: readonly RefusalCode[] = [
    'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
    'ERR_GATEWAY_UPSTREAM_RESET',
    'ERR_GATEWAY_UPSTREAM_PROTOCOL',
    'ERR_GATEWAY_CONNECT_TIMEOUT',
    'ERR_GATEWAY_FIRST_BYTE_TIMEOUT',
    'ERR_GATEWAY_IDLE_TIMEOUT',
    'ERR_GATEWAY_TOTAL_TIMEOUT',
  ];

  it.each(Object.keys(REFUSALS) as RefusalCode[])('with the code %s is judged by whose fault it is', (code) => {
    const result = errorResult(new GatewayError(code, 'told'), fakeContext());
    expect(result).toBe(failures.includes(code) ? 'failure' : 'neither');
  });

  it('of a handler in the place of a service is a failure', () => {
    expect(errorResult(new TypeError('told'), fakeContext())).toBe('failure');
    expect(errorResult(undefined, fakeContext())).toBe('failure');
  });

  it('of a handler says nothing once the client has left', () => {
    const ctx = fakeContext();
    ctx.abort(new Error('left'));
    expect(errorResult(new TypeError('told'), ctx)).toBe('neither');
  });

  it('with a code keeps its meaning when the connection to the client has ended because of it', () => {
    const ctx = fakeContext();
    ctx.abort(new Error('closed'));
    expect(errorResult(new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'told'), ctx)).toBe('failure');
    expect(errorResult(new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'told'), ctx)).toBe('neither');
  });
});
