import { describe, expect, it, vi } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { ConfigError } from '../../src/core/options.js';
import type { HeaderMap } from '../../src/core/types.js';
import { parseTraceparent, tracing, type TracingOptions } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';
import { answer, call, CLIENT, nextWarning, SPAN, TRACE } from './support.js';

function run(options: TracingOptions, headers: HeaderMap = {}): Context {
  const ctx = fakeContext({ headers });
  void tracing({ opentelemetry: false, ...options })(ctx, answer);
  return ctx;
}

function attempt(ctx: Context): string {
  call(ctx);
  return ctx.trace?.traceparent ?? '';
}

describe('tracing', () => {
  it('stays synchronous', () => {
    expect(tracing({ opentelemetry: false })(fakeContext(), answer)).toEqual({ status: 200, headers: {}, body: null });
  });

  it('starts a trace where the client sent none', () => {
    const [one, other] = [run({}).trace, run({}).trace];
    expect(one).toMatchObject({ sampled: true, tracestate: '' });
    expect(one?.traceparent).toBe(`00-${one?.traceId}-${one?.spanId}-01`);
    expect(parseTraceparent(one?.traceparent ?? '')).not.toBeNull();
    expect(other?.traceId).not.toBe(one?.traceId);
  });

  it('continues the trace of the client, with a span of its own', () => {
    const { trace } = run({}, { traceparent: CLIENT, tracestate: 'foo=1 , bar=2' });
    expect(trace).toMatchObject({ traceId: TRACE, sampled: true, tracestate: 'foo=1,bar=2' });
    expect(trace?.spanId).not.toBe(SPAN);
  });

  it('does not sample what the client does not', () => {
    const { trace } = run({}, { traceparent: `00-${TRACE}-${SPAN}-00` });
    expect(trace?.sampled).toBe(false);
    expect(trace?.traceparent).toBe(`00-${TRACE}-${trace?.spanId}-00`);
  });

  it.each<[string, HeaderMap]>([
    ['that is malformed', { traceparent: `00-${TRACE}-${SPAN}-0` }],
    ['that was sent twice', { traceparent: `${CLIENT}, ${CLIENT}` }],
    ['that was sent twice, in a list', { traceparent: [CLIENT, CLIENT] }],
    ['under another name', { 'trace-parent': CLIENT, 'trace.parent': CLIENT }],
    ['that is missing', {}],
  ])('starts anew, without tracestate, at a traceparent %s', (_case, headers) => {
    const { trace } = run({}, { ...headers, tracestate: 'foo=1' });
    expect(trace?.traceId).not.toBe(TRACE);
    expect(trace?.tracestate).toBe('');
  });

  it('gives each call of an upstream a span of its own, and keeps that of the exchange', () => {
    const ctx = run({}, { traceparent: CLIENT });
    const spanId = ctx.trace?.spanId;
    const parents = [attempt(ctx), attempt(ctx)].map((text) => parseTraceparent(text));
    expect(parents.map((parent) => parent?.traceId)).toEqual([TRACE, TRACE]);
    expect(new Set([SPAN, spanId, ...parents.map((parent) => parent?.parentId)]).size).toBe(4);
    expect(ctx.trace?.spanId).toBe(spanId);
  });

  it('does nothing inside of another one, nor at a second attempt', async () => {
    const seen: string[] = [];
    const again = tracing({ opentelemetry: false, incoming: 'restart' });
    const handle = compose(
      [tracing({ opentelemetry: false }), (ctx, next) => (void next(ctx), next(ctx)), again],
      (ctx) => {
        seen.push(`${ctx.trace?.traceId} ${ctx.trace?.spanId} ${ctx.attemptObservers?.length}`);
        return answer(ctx);
      },
    );
    await handle(fakeContext({ headers: { traceparent: CLIENT } }));
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
    expect(seen[0]).toMatch(new RegExp(`^${TRACE} .* 1$`));
  });

  describe('incoming', () => {
    it("starts a trace for each request with 'restart'", () => {
      const { trace } = run({ incoming: 'restart' }, { traceparent: CLIENT, tracestate: 'foo=1' });
      expect(trace?.traceId).not.toBe(TRACE);
      expect(trace?.tracestate).toBe('');
    });

    it('asks a function whose trace goes on', () => {
      const incoming = vi.fn((ctx: Context) => ctx.request.headers['x-partner'] === 'yes');
      expect(run({ incoming }, { traceparent: CLIENT, 'x-partner': 'yes' }).trace?.traceId).toBe(TRACE);
      expect(run({ incoming }, { traceparent: CLIENT }).trace?.traceId).not.toBe(TRACE);
      run({ incoming });
      expect(incoming).toHaveBeenCalledTimes(2);
    });

    it.each<[string, () => never]>([
      [
        'throws',
        () => {
          throw new Error('boom');
        },
      ],
      ['rejects', (() => Promise.reject(new Error('boom'))) as unknown as () => never],
    ])('starts anew, and warns, where the function %s', async (_case, incoming) => {
      const warning = nextWarning('ERR_GATEWAY_HOOK');
      expect(run({ incoming }, { traceparent: CLIENT }).trace?.traceId).not.toBe(TRACE);
      expect((await warning).message).toContain('tracing.incoming failed');
    });
  });

  describe('sampleRate', () => {
    function share(sampleRate: number): number {
      const middleware = tracing({ opentelemetry: false, sampleRate });
      const contexts = Array.from({ length: 4_000 }, () => fakeContext());
      for (const ctx of contexts) void middleware(ctx, answer);
      return contexts.filter((ctx) => ctx.trace?.sampled).length / contexts.length;
    }

    it('samples none at 0, all at 1, and about that share in between', () => {
      expect([share(0), share(1)]).toEqual([0, 1]);
      expect(share(0.25)).toBeGreaterThan(0.2);
      expect(share(0.25)).toBeLessThan(0.3);
    });

    it.each([
      [0x00, 0.000001, true],
      [0x7f, 0.5, true],
      [0x80, 0.5, false],
      [0xff, 0.999999, false],
      [0xff, 1, true],
    ])('an id that ends in %i is sampled at %d: %s', (byte, sampleRate, sampled) => {
      const random = (bytes: Uint8Array): unknown => bytes.fill(byte);
      expect(run({ sampleRate, random }).trace?.sampled).toBe(sampled);
    });

    it('leaves the decision of the client as it is', () => {
      expect(run({ sampleRate: 0 }, { traceparent: CLIENT }).trace?.sampled).toBe(true);
    });
  });

  describe('answerHeader', () => {
    it('is off at first', () => {
      expect(run({}).answerHeaders).toBeNull();
    });

    it('tells of the span of the gateway in traceresponse', () => {
      const ctx = run({ answerHeader: true }, { traceparent: CLIENT });
      const spanId = ctx.trace?.spanId;
      attempt(ctx);
      expect(ctx.answerHeaders).toEqual({ traceresponse: `00-${TRACE}-${spanId}-01` });
    });

    it('tells of it in a field of the name that is given', () => {
      const ctx = run({ answerHeader: 'x-trace' });
      expect(ctx.answerHeaders).toEqual({ 'x-trace': ctx.trace?.traceparent });
    });
  });

  it.each<[string, unknown, string[]]>([
    [
      'a rate in percent, and a field in upper case',
      { sampleRate: 10, answerHeader: 'X-Trace' },
      ['sampleRate', 'answerHeader'],
    ],
    ['a rate that is no number', { sampleRate: Number.NaN }, ['sampleRate']],
    ['a word that is none', { incoming: 'ignore' }, ['incoming']],
    ['an API that is none', { opentelemetry: { trace: {} } }, ['opentelemetry']],
    ['parameters that are no list', { redact: 'token' }, ['redact']],
    ['a random that is none', { random: 4 }, ['random']],
    ['an unknown option', { sampleRatio: 1 }, ['sampleRatio']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      tracing(options as TracingOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});
