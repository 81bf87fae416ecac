import { guardOutput } from '../core/guard-output.js';
import { validate } from '../core/options.js';
import { JsonLogger, recordLine } from './json-logger.js';
import { loggerField, type Logger, type LogLevel } from './logger.js';
import { cut, escapeUnprintable, plainFields } from './plain-fields.js';
import { tellFailure } from './safe-sink.js';
import { stderrLines } from './standard-lines.js';

/** Hands one record to a logger, in the form that it writes best. */
type Write = (level: LogLevel, fields: object, message?: string) => unknown;

/**
 * Makes a logger that breaks nothing of one that may: a pino or winston logger, `console`, or any other that takes
 * fields and a message, as pino does. winston gets one object, `console` one line of JSON.
 *
 * What it is given is bounded, without control characters, and without the values of header fields that are credentials.
 * Where it throws or rejects, the record goes to standard error as a line of JSON.
 *
 * @throws {ConfigError} where it is no logger.
 *
 * @example
 * const logger = toLogger(pino());
 * logger.info({ upstream: 'http://users:3001' }, 'the circuit is closed');
 */
export function toLogger(given: Logger): Logger {
  if (given instanceof JsonLogger || given instanceof ForeignLogger) return given;
  validate('toLogger', given, loggerField, 'logger');
  guardOutput();
  return new ForeignLogger(writeTo(given));
}

class ForeignLogger implements Logger {
  readonly #write: Write;

  constructor(write: Write) {
    this.#write = write;
  }

  debug(fields: object, message?: string): void {
    this.#log('debug', fields, message);
  }

  info(fields: object, message?: string): void {
    this.#log('info', fields, message);
  }

  warn(fields: object, message?: string): void {
    this.#log('warn', fields, message);
  }

  error(fields: object, message?: string): void {
    this.#log('error', fields, message);
  }

  #log(level: LogLevel, fields: object, message: string | undefined): void {
    try {
      const result = this.#write(level, fields, message);
      if (!(result instanceof Promise)) return;
      result.catch((error: unknown) => {
        rescue(error, level, fields, message);
      });
    } catch (error) {
      rescue(error, level, fields, message);
    }
  }
}

function rescue(error: unknown, level: LogLevel, fields: object, message: string | undefined): void {
  stderrLines(recordLine(level, fields, message));
  tellFailure('ERR_GATEWAY_LOGGER', 'The logger failed; its records go to standard error', error);
}

/** The same methods, which may be of any kind. */
type Methods = Readonly<Record<LogLevel, (this: Methods, fields: unknown, message?: string) => unknown>>;

function writeTo(given: object): Write {
  const methods = given as Methods;
  if (isConsole(given)) return (level, fields, message) => methods[level](recordLine(level, fields, message));
  if (isWinston(given)) return winstonWrite(given);

  return function writeFields(level, fields, message) {
    // A logger of this kind writes time and level itself.
    const { timestamp: _timestamp, level: _level, message: own, ...rest } = plainFields(fields, printable);
    return methods[level](rest, message === undefined ? textOf(own) : printable(message));
  };
}

interface WinstonLogger {
  log(entry: object): unknown;
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  listenerCount?(event: 'error'): number;
}

function winstonWrite(given: WinstonLogger): Write {
  // A transport that fails makes the logger emit an error, which ends a process where nobody listens.
  if (given.listenerCount?.('error') === 0) given.on?.('error', tellTransportFailure);

  return function writeEntry(level, fields, message) {
    const entry = plainFields(fields, printable);
    const text = message === undefined ? textOf(entry.message) : printable(message);
    return given.log({ ...entry, level, message: text ?? '' });
  };
}

function tellTransportFailure(error: unknown): void {
  tellFailure('ERR_GATEWAY_LOGGER', 'A transport of the logger failed', error);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Formats for people write texts as they are. */
function printable(text: string): string {
  return escapeUnprintable(cut(text));
}

function isConsole(given: object): boolean {
  return has(given, 'table') && has(given, 'dir');
}

function isWinston(given: object): given is WinstonLogger {
  return has(given, 'log') && 'transports' in given;
}

function has(given: object, name: string): boolean {
  return typeof (given as Readonly<Record<string, unknown>>)[name] === 'function';
}
