export type { AccessRecord } from './access-record.js';
export { jsonLogger, type JsonLoggerOptions } from './json-logger.js';
export type { LineSink } from './line-writer.js';
export type { Logger, LogLevel } from './logger.js';
export { accessLog } from './middleware.js';
export type { AccessLogOptions } from './options.js';
export { flushLines, stderrLines, stdoutLines } from './standard-lines.js';
export { toLogger } from './to-logger.js';
