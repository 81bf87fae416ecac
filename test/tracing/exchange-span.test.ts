import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import type { Handler, RouteMatch } from '../../src/core/types.js';
import { tracing } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';
import { answer, call, CLIENT, done, exchange, only, parentId, SPAN, startSdk, stopSdk, TRACE } from './support.js';

const route: RouteMatch = { id: 'user', path: '/users/:id', params: {}, names: [], values: [], rest: '' };

afterEach(stopSdk);

describe('the span of an exchange', () => {
  it('has the name and the attributes of the conventions', async () => {
    const sdk = startSdk();
    await exchange({
      request: {
        method: 'POST',
        url: '/users/42?a=1',
        headers: { host: 'api.example.com:8443', 'user-agent': 'curl/8' },
        protocol: 'https',
        httpVersion: '2.0',
      },
      handler: (ctx) => {
        ctx.route = route;
        return answer(ctx);
      },
      outcome: { status: 201, aborted: false, bytesIn: 12, bytesOut: 34 },
    });
    const span = only(sdk, SpanKind.SERVER);
    expect(span.name).toBe('POST /users/:id');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toEqual({
      'http.request.method': 'POST',
      'url.scheme': 'https',
      'url.path': '/users/42',
      'url.query': 'a=1',
      'http.route': '/users/:id',
      'http.response.status_code': 201,
      'server.address': 'api.example.com',
      'server.port': 8443,
      'client.address': '203.0.113.7',
      'network.protocol.version': '2',
      'user_agent.original': 'curl/8',
      'http.request.body.size': 12,
      'http.response.body.size': 34,
    });
  });

  it.each([
    ['example.com', 'http', 'example.com', 80],
    ['example.com', 'https', 'example.com', 443],
    ['[::1]:3000', 'http', '::1', 3000],
    ['[::1]', 'https', '::1', 443],
    ['example.com:', 'http', 'example.com', 80],
  ] as const)('splits the host %s over %s', async (host, protocol, address, port) => {
    const sdk = startSdk();
    await exchange({ request: { host, protocol } });
    expect(only(sdk, SpanKind.SERVER).attributes).toMatchObject({ 'server.address': address, 'server.port': port });
  });

  it('leaves out what is not there', async () => {
    const sdk = startSdk();
    await exchange({ request: { host: '', clientIp: '', headers: { host: '' } } });
    expect(Object.keys(only(sdk, SpanKind.SERVER).attributes).sort()).toEqual([
      'http.request.method',
      'http.response.status_code',
      'network.protocol.version',
      'url.path',
      'url.scheme',
    ]);
  });

  it('has the same name for all methods that nobody knows, and none of a route that was not found', async () => {
    const sdk = startSdk();
    await exchange({ request: { method: 'BREW' } });
    const { name, attributes } = only(sdk, SpanKind.SERVER);
    expect([name, attributes['http.request.method'], attributes['http.request.method_original']]).toEqual([
      'HTTP',
      '_OTHER',
      'BREW',
    ]);
  });

  it('bounds what a client sends', async () => {
    const sdk = startSdk();
    const long = 'x'.repeat(10_000);
    await exchange({ request: { url: `/${long}?q=${long}`, headers: { 'user-agent': long } } });
    for (const value of Object.values(only(sdk, SpanKind.SERVER).attributes))
      expect(String(value).length).toBeLessThanOrEqual(2_048);
  });

  it('starts a trace where there is none, and is on ctx.trace', async () => {
    const sdk = startSdk();
    const ctx = await exchange({});
    const span = only(sdk, SpanKind.SERVER);
    expect(span.parentSpanContext).toBeUndefined();
    expect(ctx.trace).toMatchObject({ traceId: span.spanContext().traceId, spanId: span.spanContext().spanId });
    expect(ctx.trace?.sampled).toBe(true);
  });

  it('is a child of the span of the client, and passes its tracestate on', async () => {
    const sdk = startSdk();
    const request = { headers: { traceparent: CLIENT, tracestate: 'foo=1,bar=2' } };
    const ctx = await exchange({ request });
    const span = only(sdk, SpanKind.SERVER);
    expect(span.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true });
    expect(ctx.trace).toMatchObject({ traceId: TRACE, tracestate: 'foo=1,bar=2' });
  });

  it("has no parent with incoming: 'restart'", async () => {
    const sdk = startSdk();
    await exchange({ request: { headers: { traceparent: CLIENT } }, options: { incoming: 'restart' } });
    expect(only(sdk, SpanKind.SERVER).parentSpanContext).toBeUndefined();
  });

  it('is an inner one of the span that is active in the app, whatever the client says', async () => {
    const sdk = startSdk();
    const outer = trace.getTracer('http').startSpan('GET', { kind: SpanKind.SERVER });
    await context.with(trace.setSpan(context.active(), outer), () =>
      exchange({ request: { headers: { traceparent: CLIENT } } }),
    );
    const inner = only(sdk, SpanKind.INTERNAL);
    expect(inner.spanContext().traceId).toBe(outer.spanContext().traceId);
    expect(parentId(inner)).toBe(outer.spanContext().spanId);
  });

  it('is active in the layers inside, also later on', async () => {
    const sdk = startSdk();
    const handler: Handler = async (ctx) => {
      await Promise.resolve();
      trace.getTracer('app').startSpan('work').end();
      return answer(ctx);
    };
    const ctx = await exchange({ handler });
    expect(parentId(only(sdk, SpanKind.INTERNAL))).toBe(ctx.trace?.spanId);
    expect(trace.getSpan(context.active())).toBeUndefined();
  });

  it('follows the sampler, and tells upstream and client of its decision', async () => {
    const sdk = startSdk({ sampler: new AlwaysOffSampler() });
    let sent = '';
    const ctx = await exchange({
      request: { headers: { traceparent: CLIENT } },
      options: { answerHeader: true },
      handler: (inner) => {
        call(inner);
        sent = inner.trace?.traceparent ?? '';
        return answer(inner);
      },
    });
    expect(ctx.trace).toMatchObject({ traceId: TRACE, sampled: false });
    expect(sent).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
    expect(ctx.answerHeaders?.traceresponse).toBe(`00-${TRACE}-${ctx.trace?.spanId}-00`);
    expect(sdk.spans).toEqual([]);
  });

  it('ends with the exchange, not with the answer', async () => {
    const sdk = startSdk();
    const ctx = fakeContext();
    await tracing()(ctx, answer);
    expect(sdk.spans).toHaveLength(0);
    ctx.finish(done);
    expect(sdk.spans).toHaveLength(1);
  });
});
