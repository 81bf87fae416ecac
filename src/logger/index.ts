export { accessLog, accessLogFields, accessRecord, type AccessLogOptions } from './middleware.js';
export { jsonLine, stdoutLines, type LineSink } from './json-lines.js';
