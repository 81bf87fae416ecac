import type * as OpenTelemetry from '@opentelemetry/api';
import type { Attempt, AttemptObserver } from '../core/attempt.js';
import type { Context, Outcome } from '../core/context.js';
import type { TraceContext } from '../core/trace-context.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import {
  answerAttributes,
  attemptAttributes,
  errorType,
  exceptionOf,
  outcomeAttributes,
  spanName,
} from './span-attributes.js';
import type { SpanFactory } from './span-factory.js';
import { formatTraceparent } from './traceparent.js';

/** The spans of one exchange: its own, and one for each call of an upstream. Every one that starts ends with it. */
export class ExchangeSpans implements TraceContext, AttemptObserver {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  traceparent = '';
  tracestate = '';
  readonly #factory: SpanFactory;
  readonly #span: OpenTelemetry.Span;
  /** With the span of the exchange in it: the calls must not take what is active for that of another exchange. */
  readonly #context: OpenTelemetry.Context;
  readonly #open = new Map<Attempt, OpenTelemetry.Span>();

  constructor(factory: SpanFactory, span: OpenTelemetry.Span, parent: OpenTelemetry.Context) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.sampled = (traceFlags & 1) === 1;
    this.#factory = factory;
    this.#span = span;
    this.#context = factory.api.trace.setSpan(parent, span);
    this.#passOn(span);
  }

  /** Runs the layers inside with the span active, so that spans of the app's own become its children. */
  run(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    return this.#factory.api.context.with(this.#context, next, undefined, ctx);
  }

  onAttemptStart(_ctx: Context, attempt: Attempt): void {
    this.#factory.guard(() => {
      const { api, tracer, secretNames } = this.#factory;
      const attributes = attemptAttributes(attempt, secretNames);
      const options = { kind: api.SpanKind.CLIENT, attributes };
      const span = tracer.startSpan(spanName(attempt.method), options, this.#context);
      this.#open.set(attempt, span);
      this.#passOn(span);
    });
  }

  onAttemptEnd(_ctx: Context, attempt: Attempt): void {
    const span = this.#open.get(attempt);
    if (span === undefined) return;
    this.#open.delete(attempt);
    this.#factory.guard(() => {
      this.#endAttempt(attempt, span);
    });
  }

  /** The listener of the end of the exchange. */
  readonly onFinish = (ctx: Context, outcome: Outcome): void => {
    this.#factory.guard(() => {
      for (const [attempt, span] of this.#open) this.#endAttempt(attempt, span);
      this.#open.clear();
      this.#end(ctx, outcome);
    });
  };

  #passOn(span: OpenTelemetry.Span): void {
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.traceparent = formatTraceparent(traceId, spanId, (traceFlags & 1) === 1);
    this.tracestate = traceState?.serialize() ?? '';
  }

  #endAttempt(attempt: Attempt, span: OpenTelemetry.Span): void {
    const { status, error } = attempt;
    if (span.isRecording()) {
      span.setAttributes(answerAttributes(attempt));
      if (error !== null) this.#fail(span, errorType(error), error);
      else if (status >= 400) this.#fail(span, String(status), null);
    }
    span.end();
  }

  #end(ctx: Context, outcome: Outcome): void {
    const span = this.#span;
    if (span.isRecording()) {
      span.updateName(spanName(ctx.request.method, ctx.route?.path));
      span.setAttributes(outcomeAttributes(ctx, outcome));
      // What a client asks in vain, or leaves behind, is no failure of the server.
      const isCut = outcome.aborted && outcome.status !== 499;
      if (outcome.status >= 500 || isCut) this.#fail(span, this.#failureOf(ctx, outcome), ctx.error);
    }
    span.end();
  }

  #failureOf({ refusal, error }: Context, { status }: Outcome): string {
    if (refusal !== null) return refusal;
    return error === null ? String(status) : errorType(error);
  }

  #fail(span: OpenTelemetry.Span, type: string, error: unknown): void {
    span.setAttribute('error.type', type);
    span.setStatus({ code: this.#factory.api.SpanStatusCode.ERROR });
    if (error !== null) span.recordException(exceptionOf(error, this.#factory.secretNames));
  }
}
