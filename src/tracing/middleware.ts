import { validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { findOpenTelemetry } from './opentelemetry.js';
import { tracingSchema, type TracingOptions } from './options.js';
import { OwnTrace } from './own-trace.js';
import { compileRemoteParent } from './remote-parent.js';
import { SpanFactory } from './span-factory.js';
import { TraceIds } from './trace-ids.js';

/**
 * Gives every exchange its place in a distributed trace (W3C Trace Context): on `ctx.trace`, for the log, and in the
 * `traceparent` and `tracestate` of each call of an upstream. A client's trace goes on, or a new one starts.
 *
 * With `@opentelemetry/api` and an SDK there is a span for the exchange and one for each call of an upstream, by the
 * semantic conventions for HTTP; the layers inside run with the first one active. Other formats than the W3C's, such as
 * B3, are neither read nor written, whatever propagator is registered. An instrumentation of undici would write a second
 * `traceparent` into calls of upstreams, and two are none: let its `ignoreRequestHook` leave them out.
 *
 * It belongs far outside, right behind the request id. One inside of another does nothing.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([tracing({ answerHeader: true })], proxy({ target: 'http://users:3001' }));
 */
export function tracing(options: TracingOptions = {}): Middleware {
  validate('tracing', options, tracingSchema);
  const { answerHeader = false, sampleRate = 1, redact = [] } = options;
  const answerField = answerHeader === true ? 'traceresponse' : answerHeader;
  const parentOf = compileRemoteParent(options.incoming);
  const ids = new TraceIds(options.random);
  const api = findOpenTelemetry(options.opentelemetry);
  const factory = api === null ? null : new SpanFactory(api, redact);

  return function tracingMiddleware(ctx, next) {
    if (ctx.trace !== null) return next(ctx);
    const parent = parentOf(ctx);
    const spans = factory === null ? null : factory.start(ctx, parent);
    const trace = spans ?? new OwnTrace(parent, ids, sampleRate);
    ctx.trace = trace;
    ctx.observeAttempts(trace);
    if (answerField !== false) ctx.setAnswerHeader(answerField, trace.traceparent);
    return spans === null ? next(ctx) : spans.run(ctx, next);
  };
}
