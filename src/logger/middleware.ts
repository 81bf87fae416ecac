import type { Context, Outcome } from '../core/context.js';
import { validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { levelOf } from './access-record.js';
import { accessWriter } from './access-writer.js';
import { accessLogSchema, type AccessLogOptions } from './options.js';
import { Redaction } from './redaction.js';
import { tellFailure } from './safe-sink.js';
import { stdoutLines, writeAtExit } from './standard-lines.js';

/**
 * Logs each exchange when it is over: the answer is out, or the client has left (499). By default it is one line of JSON
 * on standard output, made within 10 ms, those of many exchanges in a row, and written without blocking the event loop;
 * a sink or a logger of your own gets it at once. See {@link AccessRecord} for what it tells.
 *
 * Of the header fields it tells the user agent alone, unless `headers` names more, and of queries nothing, unless
 * `query` is on. What is known for a credential, in fields, queries, messages of errors, is kept back. A line is bounded and stays one line, whatever a client sends.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([accessLog({ logger: pino(), sampleRate: 0.1 })], proxy({ target: 'http://users:3001' }));
 */
export function accessLog(options: AccessLogOptions = {}): Middleware {
  validate('accessLog', options, accessLogSchema);
  const { logger, sink = stdoutLines, sampleRate = 1, random = Math.random, skip } = options;
  const write = accessWriter(options, new Redaction(options));

  function logExchange(ctx: Context, outcome: Outcome): void {
    if (outcome.passedOn === true) return;
    if (sampleRate < 1 && levelOf(outcome) === 'info' && random() >= sampleRate) return;
    if (skip !== undefined && isSkipped(skip, ctx, outcome)) return;
    write(ctx, outcome);
  }

  // A sink or a logger of the user's knows best when it has time.
  const isLate = logger === undefined && sink === stdoutLines;
  if (isLate) writeAtExit();
  return function accessLogMiddleware(ctx, next) {
    if (isLate) ctx.afterFinish(logExchange);
    else ctx.onFinish(logExchange);
    return next(ctx);
  };
}

function isSkipped(skip: NonNullable<AccessLogOptions['skip']>, ctx: Context, outcome: Outcome): boolean {
  try {
    return skip(ctx, outcome) === true;
  } catch (error) {
    tellFailure('ERR_GATEWAY_LOG_SKIP', 'The skip of the access log failed; its exchanges are logged', error);
    return false;
  }
}
