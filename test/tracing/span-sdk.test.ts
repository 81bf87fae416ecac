import { context, SpanKind, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { SamplingDecision, type Sampler, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import { tracing } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';
import {
  answer,
  call,
  CLIENT,
  done,
  exchange,
  nextWarning,
  SPAN,
  startCall,
  startSdk,
  stopSdk,
  TRACE,
} from './support.js';

afterEach(stopSdk);

describe('beside others', () => {
  it('exchanges that go on at the same time do not mix', async () => {
    const sdk = startSdk();
    const handle = compose([tracing()], async (ctx) => {
      const number = Number(ctx.request.path.slice(1));
      for (let turn = 0; turn < number % 7; turn++) await Promise.resolve();
      trace.getTracer('app').startSpan(`work ${number}`).end();
      const attempt = startCall(ctx, { path: ctx.request.path });
      for (let turn = 0; turn < 7 - (number % 7); turn++) await Promise.resolve();
      attempt.end(ctx, null);
      return answer(ctx);
    });
    const contexts = Array.from({ length: 50 }, (_, number) => fakeContext({ url: `/${number}` }));
    await Promise.all(
      contexts.map(async (ctx) => {
        await handle(ctx);
        ctx.finish(done);
      }),
    );
    expect(sdk.spans).toHaveLength(150);
    for (const [number, ctx] of contexts.entries()) {
      const own = sdk.spans.filter((span) => span.spanContext().traceId === ctx.trace?.traceId);
      const told = own.map((span) => [
        span.kind,
        span.attributes['url.path'] ?? span.attributes['url.full'] ?? span.name,
      ]);
      expect(told).toEqual([
        [SpanKind.INTERNAL, `work ${number}`],
        [SpanKind.CLIENT, `http://users:3001/${number}`],
        [SpanKind.SERVER, `/${number}`],
      ]);
    }
  });

  it('an SDK that is registered later gets the spans from then on', async () => {
    const middleware = tracing();
    const before = fakeContext({ headers: { traceparent: CLIENT } });
    await middleware(before, answer);
    before.finish(done);
    expect(before.trace?.traceId).toBe(TRACE);
    expect([SPAN, '0'.repeat(16)]).not.toContain(before.trace?.spanId);
    const sdk = startSdk();
    const after = fakeContext();
    await middleware(after, answer);
    after.finish(done);
    expect(sdk.spans.map((span) => span.spanContext().spanId)).toEqual([after.trace?.spanId]);
  });

  it('makes ids of its own where tracing is suppressed', async () => {
    const sdk = startSdk();
    const ctx = await context.with(suppressTracing(context.active()), () =>
      exchange({ request: { headers: { traceparent: CLIENT } } }),
    );
    expect(ctx.trace?.traceId).toBe(TRACE);
    expect(ctx.trace?.spanId).toMatch(/^(?!0{16}|b7ad6b7169203331)[\da-f]{16}$/);
    expect(sdk.started).toBe(0);
  });

  it('makes no spans with opentelemetry: false', async () => {
    const sdk = startSdk();
    const ctx = await exchange({ options: { opentelemetry: false } });
    expect([sdk.started, ctx.trace === null]).toEqual([0, false]);
  });

  it('takes the API from the options', async () => {
    const sdk = startSdk();
    await exchange({ options: { opentelemetry: await import('@opentelemetry/api') } });
    expect(sdk.spans).toHaveLength(1);
  });

  it('a sampler sees the route where it is known already', async () => {
    const seen: unknown[] = [];
    const sampler: Sampler = {
      shouldSample(_context, _traceId, name, _kind, attributes) {
        seen.push([name, attributes['http.route']]);
        return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      },
      toString: () => 'all',
    };
    startSdk({ sampler });
    const ctx = fakeContext({ url: '/users/42' });
    ctx.route = { id: 'users', path: '/users/:id', params: {}, names: [], values: [], rest: '' };
    await tracing()(ctx, answer);
    await tracing()(fakeContext(), answer);
    expect(seen).toEqual([
      ['GET /users/:id', '/users/:id'],
      ['GET', undefined],
    ]);
  });

  it('a sampler that throws breaks no request, and the operator is told', async () => {
    const warning = nextWarning('ERR_GATEWAY_HOOK');
    const sampler = {
      shouldSample(): never {
        throw new Error('boom');
      },
      toString: () => 'boom',
    };
    startSdk({ sampler });
    const ctx = await exchange({
      request: { headers: { traceparent: CLIENT } },
      handler: (inner) => (call(inner), answer(inner)),
    });
    expect(ctx.refusal).toBeNull();
    expect(ctx.trace?.traceId).toBe(TRACE);
    expect((await warning).message).toBe('OpenTelemetry failed, and requests go on without it: boom');
  });

  it('a processor that throws breaks no request', async () => {
    const warning = nextWarning('ERR_GATEWAY_HOOK');
    const processor: SpanProcessor = {
      onStart: () => undefined,
      onEnd() {
        throw new Error('boom');
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    const sdk = startSdk({ processor });
    const ctx = await exchange({ handler: (inner) => (call(inner), answer(inner)) });
    expect(ctx.refusal).toBeNull();
    expect(sdk.spans).toHaveLength(2);
    await warning;
  });
});
