import type { Schema } from '../core/options.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** From the least on. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

/** Takes records. A pino logger is one, and so are a winston logger and `console`; see `toLogger`. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export const loggerField: Schema = {
  expected: 'a logger with debug, info, warn and error',
  accepts: (value) => {
    const logger = value as Partial<Record<LogLevel, unknown>> | null | undefined;
    return LOG_LEVELS.every((level) => typeof logger?.[level] === 'function');
  },
};
