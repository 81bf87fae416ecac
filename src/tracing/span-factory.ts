import type * as OpenTelemetry from '@opentelemetry/api';
import type { Context } from '../core/context.js';
import { compileHook } from '../core/hook.js';
import { VERSION } from '../core/version.js';
import { ExchangeSpans } from './exchange-spans.js';
import type { RemoteParent } from './remote-parent.js';
import { requestAttributes, spanName } from './span-attributes.js';

/** Makes the spans of exchanges, as long as an SDK of OpenTelemetry is there to take them. */
export class SpanFactory {
  readonly api: typeof OpenTelemetry;
  /** Names of parameters, in lower case. */
  readonly secretNames: ReadonlySet<string>;
  /** A sampler or processor that throws breaks no request. */
  readonly guard = compileHook('OpenTelemetry');
  tracer: OpenTelemetry.Tracer;

  constructor(api: typeof OpenTelemetry, secretNames: readonly string[]) {
    this.api = api;
    this.secretNames = new Set(secretNames.map((name) => name.toLowerCase()));
    this.tracer = api.trace.getTracer('innergate', VERSION);
  }

  /** The span of an exchange; `null` where nobody wants spans. */
  start(ctx: Context, remote: RemoteParent | null): ExchangeSpans | null {
    if (!this.#hasSdk()) return null;
    let spans = null as ExchangeSpans | null;
    this.guard(() => (spans = this.#start(ctx, remote)));
    return spans;
  }

  /** Until an SDK is registered, which may be after the gateway was built, the API gives stand-ins. */
  #hasSdk(): boolean {
    const { trace, ProxyTracer } = this.api;
    if (this.tracer instanceof ProxyTracer) this.tracer = trace.getTracer('innergate', VERSION);
    return !(this.tracer instanceof ProxyTracer);
  }

  #start(ctx: Context, remote: RemoteParent | null): ExchangeSpans | null {
    const { trace, context, SpanKind } = this.api;
    const active = context.active();
    const own = trace.getSpan(active)?.spanContext();
    const isInside = own !== undefined && trace.isSpanContextValid(own);
    const parent = isInside || remote === null ? active : this.#remoteContext(active, remote);
    const kind = isInside ? SpanKind.INTERNAL : SpanKind.SERVER;
    const attributes = requestAttributes(ctx, this.secretNames);
    // A sampler sees the route where it is known already, as it is in a gateway.
    const span = this.tracer.startSpan(spanName(ctx.request.method, ctx.route?.path), { kind, attributes }, parent);
    const { spanId } = span.spanContext();
    // Tracing may be suppressed here, or the tracer one that does nothing.
    const isNew = spanId !== (isInside ? own.spanId : remote?.parentId);
    if (!trace.isSpanContextValid(span.spanContext()) || !isNew) return null;
    const spans = new ExchangeSpans(this, span, parent);
    ctx.onFinish(spans.onFinish);
    return spans;
  }

  #remoteContext(active: OpenTelemetry.Context, remote: RemoteParent): OpenTelemetry.Context {
    const { trace, createTraceState } = this.api;
    const { traceId, parentId: spanId, sampled, tracestate } = remote;
    return trace.setSpanContext(active, {
      traceId,
      spanId,
      traceFlags: sampled ? 1 : 0,
      isRemote: true,
      ...(tracestate !== '' && { traceState: createTraceState(tracestate) }),
    });
  }
}
