import type { Context } from '../core/context.js';
import { isFieldName } from '../core/headers.js';
import {
  boolean,
  either,
  func,
  list,
  member,
  object,
  oneOf,
  share,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { findOpenTelemetry, isOpenTelemetryApi, type OpenTelemetryApi } from './opentelemetry.js';

export interface TracingOptions {
  /**
   * Whether the trace of a client goes on here: `'continue'`, `'restart'` = each request starts a trace of its own, or a
   * function that says true for whom it goes on. A client whose trace goes on decides, too, whether it is sampled; at
   * the edge of a network, continue those of clients that you trust. A function that fails says false. Where the app has
   * an active span, that is the parent, whatever this says. @default 'continue'
   */
  incoming?: 'continue' | 'restart' | ((ctx: Context) => boolean);
  /**
   * Share of the traces that start here whose flag says that they are sampled, from 0 to 1; 0 = none, 1 = all. Of no
   * effect where an SDK of OpenTelemetry decides. @default 1
   */
  sampleRate?: number;
  /**
   * Tells the client of the trace: `true` = in `traceresponse` (W3C Trace Context Level 2), a name = in that field, lower
   * case. The value is that of a `traceparent` that names the gateway's span. @default false
   */
  answerHeader?: boolean | string;
  /**
   * Spans for OpenTelemetry: `true` = `@opentelemetry/api` must be there, `false` = never, the API itself = where it
   * cannot be found by its name, as in a bundle. @default used where `@opentelemetry/api` is installed
   */
  opentelemetry?: boolean | OpenTelemetryApi;
  /**
   * Names of header fields and parameters of queries, beside the usual ones, whose values are kept out of spans. Case
   * does not matter.
   * @default none
   */
  redact?: readonly string[];
  /** Fills an array with random bytes, for ids. @default `randomFillSync` of `node:crypto` */
  random?: (bytes: Uint8Array) => unknown;
}

const tracingFields = {
  incoming: either(oneOf('continue', 'restart'), func),
  sampleRate: share,
  answerHeader: either(
    boolean,
    string('a header field name in lower case', (name) => isFieldName(name) && name === name.toLowerCase()),
  ),
  opentelemetry: either(boolean, { expected: 'the API of @opentelemetry/api', accepts: isOpenTelemetryApi }),
  redact: list(string(), { min: 0 }),
  random: func,
} satisfies Record<keyof TracingOptions, Schema>;

const fields = object(tracingFields);

/** Adds everything that is wrong with the options. */
export function inspectTracingOptions(options: TracingOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (options.opentelemetry === true && findOpenTelemetry(true) === null)
    faults.push({
      path: member(at, 'opentelemetry'),
      message: 'needs @opentelemetry/api; npm install @opentelemetry/api',
    });
}

export const tracingSchema: Schema = { ...fields, inspect: inspectTracingOptions };
