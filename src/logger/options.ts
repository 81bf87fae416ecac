import type { Context, Outcome } from '../core/context.js';
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
import { ACCESS_FORMATS } from './access-formats.js';
import type { AccessRecord } from './access-record.js';
import type { LineSink } from './line-writer.js';
import { loggerField, type Logger } from './logger.js';

export interface AccessLogOptions {
  /**
   * Takes the records, in the place of a sink: a pino or winston logger, `console`, or one of your own. The level is
   * that of the record, and the message what `format` makes of it, for `'json'` its `message`. @default none
   */
  logger?: Logger;
  /** Takes the lines. @default standard output */
  sink?: LineSink;
  /**
   * `'json'`, one object per line; `'combined'`, the log format of Apache; `'dev'`, a short one for people; or a function
   * that writes a record as a line, `null` = not at all. What it returns is bounded and has its control characters
   * escaped; where it throws, the line is JSON. @default 'json'
   */
  format?: 'json' | 'combined' | 'dev' | ((record: AccessRecord) => string | null);
  /**
   * Share of the exchanges of the level info that are logged, from 0 to 1; 0 = none. Warnings and errors always are.
   * @default 1
   */
  sampleRate?: number;
  /** True for an exchange that is not to be logged. Where it throws, the exchange is logged. @default none is skipped */
  skip?: (ctx: Context, outcome: Outcome) => boolean;
  /** Header fields of the request to log, under `headers`; those that are credentials as `[redacted]`. @default none */
  headers?: readonly string[];
  /** Log queries, with the values of credentials kept back: others can be as private. @default false */
  query?: boolean;
  /** Further names of header fields and query parameters whose values are kept back. @default those known for secret */
  redact?: readonly string[];
  /** From 0 on, below 1; picks what is logged under `sampleRate`. @default Math.random */
  random?: () => number;
}

const accessLogFields = {
  logger: loggerField,
  sink: func,
  format: either(oneOf(...Object.keys(ACCESS_FORMATS)), func),
  sampleRate: share,
  skip: func,
  headers: list(string('a header field name', isFieldName), { min: 0 }),
  query: boolean,
  redact: list(string(), { min: 0 }),
  random: func,
} satisfies Record<keyof AccessLogOptions, Schema>;

const fields = object(accessLogFields);

/** Adds everything that is wrong with the options. */
export function inspectAccessLogOptions(options: AccessLogOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (options.logger !== undefined && options.sink !== undefined)
    faults.push({ path: member(at, 'sink'), message: 'stands beside logger; keep one of the two' });
}

export const accessLogSchema: Schema = { ...fields, inspect: inspectAccessLogOptions };
