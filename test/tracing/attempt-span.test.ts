import { context, diag, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Handler } from '../../src/core/types.js';
import { retry } from '../../src/retry/index.js';
import { tracing } from '../../src/tracing/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';
import { answer, call, done, exchange, only, parentId, startCall, startSdk, stopSdk } from './support.js';

afterEach(() => {
  stopSdk();
  vi.restoreAllMocks();
});

describe('the span of a call of an upstream', () => {
  it('has the name and the attributes of the conventions, and is a child of that of the exchange', async () => {
    const sdk = startSdk();
    const ctx = await exchange({
      handler: (inner) => {
        const attempt = startCall(inner, { origin: 'https://[fd00::1]:3001', method: 'PUT', path: '/42?a=1' });
        Object.assign(attempt, { status: 204, bytesSent: 5, bytesReceived: 6 });
        attempt.end(inner, null);
        return answer(inner);
      },
    });
    const span = only(sdk, SpanKind.CLIENT);
    expect(span.name).toBe('PUT');
    expect(parentId(span)).toBe(ctx.trace?.spanId);
    expect(ctx.trace?.traceparent).toBe(`00-${ctx.trace?.traceId}-${span.spanContext().spanId}-01`);
    expect(span.attributes).toEqual({
      'http.request.method': 'PUT',
      'url.full': 'https://[fd00::1]:3001/42?a=1',
      'server.address': 'fd00::1',
      'server.port': 3001,
      'http.response.status_code': 204,
      'http.request.body.size': 5,
      'http.response.body.size': 6,
    });
  });

  it('is there for each attempt, and counts those before', async () => {
    const sdk = startSdk();
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    const sent: string[] = [];
    const upstream: Handler = (inner) => {
      const status = sent.length === 0 ? 503 : 200;
      call(inner, status);
      sent.push(inner.trace?.traceparent ?? '');
      return { status, headers: {}, body: null };
    };
    const result = compose([tracing(), retry({ clock, random: () => 0.5 })], upstream)(ctx);
    await clock.advanceAsync(1_000);
    expect((await result).status).toBe(200);
    ctx.finish(done);
    const calls = sdk.spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(calls.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1]);
    expect(calls.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
    expect(calls.map(parentId)).toEqual([ctx.trace?.spanId, ctx.trace?.spanId]);
    expect(sent).toEqual(calls.map((span) => `00-${ctx.trace?.traceId}-${span.spanContext().spanId}-01`));
    expect(only(sdk, SpanKind.SERVER).status.code).toBe(SpanStatusCode.UNSET);
  });

  it('ends at the latest with the exchange, and only once', async () => {
    // The SDK tells its own log of a span that ends twice.
    const error = vi.spyOn(diag, 'error');
    const sdk = startSdk();
    let attempt: ReturnType<typeof startCall> | undefined;
    const ctx = await exchange({
      handler: (inner) => {
        attempt = startCall(inner);
        return answer(inner);
      },
    });
    expect([sdk.started, sdk.spans.length]).toEqual([2, 2]);
    attempt?.end(ctx, null);
    expect(error).not.toHaveBeenCalled();
  });

  it('ends once where it ends before the exchange', async () => {
    const error = vi.spyOn(diag, 'error');
    const sdk = startSdk();
    await exchange({ handler: (ctx) => (call(ctx), answer(ctx)) });
    expect(sdk.spans).toHaveLength(2);
    expect(error).not.toHaveBeenCalled();
  });

  it('is a child of that of its own exchange, whatever is active where its call begins', async () => {
    const sdk = startSdk();
    const other = trace.getTracer('http').startSpan('other');
    const ctx = await exchange({
      handler: (inner) => context.with(trace.setSpan(context.active(), other), () => (call(inner), answer(inner))),
    });
    expect(parentId(only(sdk, SpanKind.CLIENT))).toBe(ctx.trace?.spanId);
  });
});
