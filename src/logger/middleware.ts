import type { Context, Outcome } from '../core/context.js';
import { func, object, validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { accessRecord } from './access-record.js';
import { jsonLine, stdoutLines, type LineSink } from './json-lines.js';

export interface AccessLogOptions {
  /** Where lines go. @default standard output */
  sink?: LineSink;
}

export const accessLogFields = { sink: func };

/**
 * Writes one JSON line per exchange when it is over: the answer is out, or the client has left (499). Neither query nor
 * headers are in it, so no token is either.
 *
 * @throws {ConfigError} when an option is wrong.
 */
export function accessLog(options: AccessLogOptions = {}): Middleware {
  validate('accessLog', options, object(accessLogFields));
  const { sink = stdoutLines } = options;
  const write = (ctx: Context, outcome: Outcome): void => {
    sink(jsonLine(accessRecord(ctx, outcome)));
  };
  return function accessLogMiddleware(ctx, next) {
    ctx.onFinish(write);
    return next(ctx);
  };
}
