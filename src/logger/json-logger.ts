import { systemClock, type Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { clockField, func, object, oneOf, validate, type Schema } from '../core/options.js';
import { jsonLine } from './json-line.js';
import type { LineSink } from './line-writer.js';
import { LOG_LEVELS, type Logger, type LogLevel } from './logger.js';
import { safeSink } from './safe-sink.js';
import { stdoutLines } from './standard-lines.js';

export interface JsonLoggerOptions {
  /** Where lines go. @default standard output */
  sink?: LineSink;
  /** Where lines of the level error go, such as `stderrLines`. @default where the others go */
  errorSink?: LineSink;
  /** The least level that is written. @default 'info' */
  level?: LogLevel;
  /** Gives the timestamps. @default systemClock */
  clock?: Clock;
}

const jsonLoggerFields = {
  sink: func,
  errorSink: func,
  level: oneOf(...LOG_LEVELS),
  clock: clockField,
} satisfies Record<keyof JsonLoggerOptions, Schema>;

/**
 * A logger that writes one line of JSON per record: `timestamp`, `level`, the fields and `message`. Every line is
 * bounded; control characters are escaped; the values of fields that are named as credentials are, such as
 * `authorization` or `cookie`, are kept back at any depth.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const logger = jsonLogger({ level: 'debug', errorSink: stderrLines });
 * logger.warn({ upstream: 'http://users:3001' }, 'the circuit is open');
 */
export function jsonLogger(options: JsonLoggerOptions = {}): Logger {
  validate('jsonLogger', options, object(jsonLoggerFields));
  return new JsonLogger(options);
}

/** What {@link jsonLogger} makes. */
export class JsonLogger implements Logger {
  readonly #sink: LineSink;
  readonly #errorSink: LineSink;
  readonly #least: number;
  readonly #clock: Clock;

  constructor({ sink = stdoutLines, errorSink = sink, level = 'info', clock = systemClock }: JsonLoggerOptions) {
    this.#sink = safeSink(sink);
    this.#errorSink = safeSink(errorSink);
    this.#least = LOG_LEVELS.indexOf(level);
    this.#clock = clock;
  }

  debug(fields: object, message?: string): void {
    if (this.#least === 0) this.#sink(recordLine('debug', fields, message, this.#clock));
  }

  info(fields: object, message?: string): void {
    if (this.#least <= 1) this.#sink(recordLine('info', fields, message, this.#clock));
  }

  warn(fields: object, message?: string): void {
    if (this.#least <= 2) this.#sink(recordLine('warn', fields, message, this.#clock));
  }

  error(fields: object, message?: string): void {
    this.#errorSink(recordLine('error', fields, message, this.#clock));
  }
}

/** The line of a record. The level and the message are what is said here, whatever the fields are called. */
export function recordLine(level: LogLevel, fields: object, message: string | undefined, clock = systemClock): string {
  const own = message === undefined ? { level } : { level, message };
  return jsonLine(Object.assign({ timestamp: isoTime(clock.wall()), level }, fields, own));
}
