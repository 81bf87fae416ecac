export { diagnostics, type DiagnosticsMessages } from './diagnostics.js';
export { tracing } from './middleware.js';
export type { OpenTelemetryApi } from './opentelemetry.js';
export type { TracingOptions } from './options.js';
export { parseTraceparent, type Traceparent } from './traceparent.js';
export { parseTracestate } from './tracestate.js';
