/** Where an exchange stands in a distributed trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of the gateway's own span, 16 hex digits. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** `traceparent` of the request upstream: it names the span of the attempt that is under way. */
  readonly traceparent: string;
  /** `tracestate` of the request upstream; `''` = none. */
  readonly tracestate: string;
}
