import type { FinishListener } from '../core/context.js';
import { ACCESS_FORMATS, oneLine, type AccessFormat } from './access-formats.js';
import { accessLine } from './access-line.js';
import { accessRecord, type AccessRecord } from './access-record.js';
import type { AccessLogOptions } from './options.js';
import type { Redaction } from './redaction.js';
import { safeSink, tellFailure } from './safe-sink.js';
import { stdoutLines } from './standard-lines.js';
import { toLogger } from './to-logger.js';

/** Compiles where the records of exchanges that are over go, and in which form. */
export function accessWriter(options: AccessLogOptions, redaction: Redaction): FinishListener {
  const { logger, sink = stdoutLines, format = 'json' } = options;
  const write = typeof format === 'function' ? ownFormat(format) : ACCESS_FORMATS[format];

  if (logger !== undefined) {
    const log = toLogger(logger);
    return function giveRecord(ctx, outcome) {
      const record = accessRecord(ctx, outcome, redaction);
      const message = format === 'json' ? record.message : write(record, ctx, redaction);
      if (message !== null) log[record.level](record, message);
    };
  }
  const take = safeSink(sink);
  return function giveLine(ctx, outcome) {
    const line = write(accessRecord(ctx, outcome, redaction), ctx, redaction);
    if (line !== null) take(line);
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
