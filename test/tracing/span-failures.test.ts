import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import { GatewayError } from '../../src/core/errors.js';
import { refuse } from '../../src/core/refuse.js';
import { tracing } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';
import { answer, call, exchange, only, startCall, startSdk, stopSdk } from './support.js';

afterEach(stopSdk);

describe('failures', () => {
  it.each([
    [200, SpanStatusCode.UNSET, undefined, SpanStatusCode.UNSET, undefined],
    [304, SpanStatusCode.UNSET, undefined, SpanStatusCode.UNSET, undefined],
    [404, SpanStatusCode.UNSET, undefined, SpanStatusCode.ERROR, '404'],
    [500, SpanStatusCode.ERROR, '500', SpanStatusCode.ERROR, '500'],
    [503, SpanStatusCode.ERROR, '503', SpanStatusCode.ERROR, '503'],
  ])('an upstream that answers %i', async (status, ownCode, ownType, callCode, callType) => {
    const sdk = startSdk();
    await exchange({
      handler: (ctx) => {
        call(ctx, status);
        return { status, headers: {}, body: null };
      },
      outcome: { status, aborted: false },
    });
    const [own, sent] = [only(sdk, SpanKind.SERVER), only(sdk, SpanKind.CLIENT)];
    expect([own.status, own.attributes['error.type']]).toEqual([{ code: ownCode }, ownType]);
    expect([sent.status, sent.attributes['error.type']]).toEqual([{ code: callCode }, callType]);
    expect([...own.events, ...sent.events]).toEqual([]);
  });

  it('an upstream that cannot be reached has its code, and an exception without a stack, on both spans', async () => {
    const sdk = startSdk();
    const failure = new GatewayError('ERR_GATEWAY_UPSTREAM_UNREACHABLE', 'upstream http://users:3001: refused');
    await exchange({
      handler: (ctx) => {
        call(ctx, 0, failure);
        throw failure;
      },
      outcome: { status: 502, aborted: false },
    });
    for (const span of [only(sdk, SpanKind.SERVER), only(sdk, SpanKind.CLIENT)]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR });
      expect(span.attributes['error.type']).toBe('ERR_GATEWAY_UPSTREAM_UNREACHABLE');
      expect(span.events.map(({ name, attributes }) => [name, attributes])).toEqual([
        [
          'exception',
          {
            'exception.type': 'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
            'exception.message': 'upstream http://users:3001: refused',
          },
        ],
      ]);
    }
    expect(only(sdk, SpanKind.CLIENT).attributes['http.response.status_code']).toBeUndefined();
  });

  it('a refusal has its code, and is a failure from 500 on', async () => {
    const sdk = startSdk();
    const refused = (code: 'ERR_GATEWAY_RATE_LIMITED' | 'ERR_GATEWAY_CIRCUIT_OPEN', status: number): Promise<Context> =>
      exchange({ handler: (ctx) => refuse(ctx, code), outcome: { status, aborted: false } });
    await refused('ERR_GATEWAY_RATE_LIMITED', 429);
    await refused('ERR_GATEWAY_CIRCUIT_OPEN', 503);
    const told = sdk.spans.map(({ status, attributes }) => [
      status.code,
      attributes['innergate.refusal'],
      attributes['error.type'],
    ]);
    expect(told).toEqual([
      [SpanStatusCode.UNSET, 'ERR_GATEWAY_RATE_LIMITED', undefined],
      [SpanStatusCode.ERROR, 'ERR_GATEWAY_CIRCUIT_OPEN', 'ERR_GATEWAY_CIRCUIT_OPEN'],
    ]);
  });

  it.each([
    ['an error', new TypeError('boom'), 'boom'],
    ['no error', { toString: null }, 'what was thrown is no error'],
  ])('what a layer throws, be it %s, fails the span', async (_case, thrown, message) => {
    const sdk = startSdk();
    await exchange({
      handler: () => {
        throw thrown as Error;
      },
      outcome: { status: 500, aborted: false },
    });
    const { attributes, events } = only(sdk, SpanKind.SERVER);
    expect(attributes['error.type']).toBe('ERR_GATEWAY_INTERNAL');
    expect(events[0]?.attributes?.['exception.message']).toBe(message);
  });

  it('an answer that an upstream cuts short fails both spans, though its status is 200', async () => {
    const sdk = startSdk();
    const failure = new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset in the middle of an answer');
    await exchange({
      handler: (ctx) => {
        call(ctx, 200, failure);
        ctx.error = failure;
        return answer(ctx);
      },
      outcome: { status: 200, aborted: true },
    });
    for (const span of [only(sdk, SpanKind.SERVER), only(sdk, SpanKind.CLIENT)]) {
      expect(span.status.code).toBe(SpanStatusCode.ERROR);
      expect(span.attributes).toMatchObject({
        'http.response.status_code': 200,
        'error.type': 'ERR_GATEWAY_UPSTREAM_RESET',
      });
    }
  });

  it('a client that leaves ends every span, and its call has failed, but not the gateway', async () => {
    const sdk = startSdk();
    const ctx = fakeContext();
    const left = new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'the client left');
    const result = compose([errorBoundary, tracing()], (inner) => {
      const attempt = startCall(inner);
      return new Promise((_resolve, reject) => {
        inner.setCancellable({
          onCancel() {
            inner.error = left;
            attempt.end(inner, left);
            reject(left);
          },
        });
      });
    })(ctx);
    ctx.abort(new Error('the client closed the connection'));
    ctx.finish({ status: 499, aborted: true });
    await result;
    expect([sdk.started, sdk.spans.length]).toEqual([2, 2]);
    const own = only(sdk, SpanKind.SERVER);
    expect([own.status.code, own.attributes['http.response.status_code']]).toEqual([SpanStatusCode.UNSET, 499]);
    const sent = only(sdk, SpanKind.CLIENT);
    expect([sent.status.code, sent.attributes['error.type']]).toEqual([
      SpanStatusCode.ERROR,
      'ERR_GATEWAY_CLIENT_CLOSED',
    ]);
  });
});
