import { context, trace, type SpanKind } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context, Outcome } from '../../src/core/context.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import type { Handler } from '../../src/core/types.js';
import { AttemptRecord } from '../../src/proxy/attempt-record.js';
import { tracing, type TracingOptions } from '../../src/tracing/index.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

export const TRACE = '0af7651916cd43dd8448eb211c80319c';
/** Of the client. */
export const SPAN = 'b7ad6b7169203331';
/** The `traceparent` of a client. */
export const CLIENT = `00-${TRACE}-${SPAN}-01`;

export const answer: Handler = () => ({ status: 200, headers: {}, body: null });
export const done: Outcome = { status: 200, aborted: false };

export interface ExchangeOptions {
  request?: FakeRequestOptions;
  options?: TracingOptions;
  handler?: Handler;
  outcome?: Outcome;
}

/** One exchange, from the request to its end. */
export async function exchange({
  request,
  options,
  handler = answer,
  outcome = done,
}: ExchangeOptions): Promise<Context> {
  const ctx = fakeContext(request);
  const handle = compose([errorBoundary, tracing(options)], handler);
  await handle(ctx);
  ctx.finish(outcome);
  return ctx;
}

export function parentId(span: ReadableSpan | undefined): string | undefined {
  return span?.parentSpanContext?.spanId;
}

/** The one span of this kind. */
export function only({ spans }: Sdk, kind: SpanKind): ReadableSpan {
  const found = spans.filter((span) => span.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as ReadableSpan;
}

/** The next warning of the process with this code. */
export function nextWarning(code: string): Promise<Error> {
  return new Promise((resolve) => {
    process.on('warning', function onWarning(warning: Error & { code?: string }) {
      if (warning.code !== code) return;
      process.off('warning', onWarning);
      resolve(warning);
    });
  });
}

/** A call of an upstream begins, as the proxy tells it. */
export function startCall(
  ctx: Context,
  {
    origin = 'http://users:3001',
    method = 'GET',
    path = '/',
  }: { origin?: string; method?: string; path?: string } = {},
): AttemptRecord {
  return new AttemptRecord(ctx, { origin, method, path } as ConstructorParameters<typeof AttemptRecord>[1], null);
}

/** A whole call of an upstream. */
export function call(ctx: Context, status = 200, error: Error | null = null): AttemptRecord {
  const attempt = startCall(ctx);
  attempt.status = status;
  attempt.end(ctx, error);
  return attempt;
}

export interface Sdk {
  /** Spans that have ended, in order. */
  readonly spans: ReadableSpan[];
  /** Spans that have started, whether or not they have ended. */
  readonly started: number;
}

/** Registers an SDK of OpenTelemetry that keeps its spans in memory; {@link stopSdk} takes it back. */
export function startSdk({ sampler, processor }: { sampler?: Sampler; processor?: SpanProcessor } = {}): Sdk {
  const exporter = new InMemorySpanExporter();
  const counter = new CountingProcessor();
  const spanProcessors = [counter, new SimpleSpanProcessor(exporter), ...(processor === undefined ? [] : [processor])];
  const provider = new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    get spans() {
      return exporter.getFinishedSpans();
    },
    get started() {
      return counter.started;
    },
  };
}

export function stopSdk(): void {
  trace.disable();
  context.disable();
}

class CountingProcessor implements SpanProcessor {
  started = 0;

  onStart(): void {
    this.started++;
  }

  onEnd(): void {}

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
