import type { Context } from '../core/context.js';
import { ACCESS_FORMATS, oneLine, type AccessFormat } from './access-formats.js';
import { accessLine } from './access-line.js';
import type { AccessRecord } from './access-record.js';
import type { AccessLogOptions } from './options.js';
import type { Redaction } from './redaction.js';
import { safeSink, tellFailure } from './safe-sink.js';
import { stdoutLater, stdoutLines } from './standard-lines.js';
import { toLogger } from './to-logger.js';

/** Compiles where the records go, and in which form. */
export function accessWriter(
  { logger, sink = stdoutLines, format = 'json' }: AccessLogOptions,
  redaction: Redaction,
): (record: AccessRecord, ctx: Context) => void {
  const line = typeof format === 'function' ? ownFormat(format) : ACCESS_FORMATS[format];

  if (logger === undefined && sink === stdoutLines) {
    return function writeLater(record, ctx) {
      stdoutLater(() => line(record, ctx, redaction));
    };
  }
  if (logger === undefined) {
    const write = safeSink(sink);
    return function writeLine(record, ctx) {
      const text = line(record, ctx, redaction);
      if (text !== null) write(text);
    };
  }
  const log = toLogger(logger);
  return function writeRecord(record, ctx) {
    const message = format === 'json' ? record.message : line(record, ctx, redaction);
    if (message !== null) log[record.level](record, message);
  };
}

/** A format of the user's, held to one bounded line. */
function ownFormat(format: (record: AccessRecord) => string | null): AccessFormat {
  return function writeOwn(record) {
    try {
      const text: unknown = format(record);
      if (text === null) return null;
      if (typeof text === 'string') return oneLine(text);
      throw new TypeError(`it returned ${typeof text}, neither a string nor null`);
    } catch (error) {
      tellFailure('ERR_GATEWAY_LOG_FORMAT', 'The format of the access log failed; its lines are JSON', error);
      return accessLine(record);
    }
  };
}
