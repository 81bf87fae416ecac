export { eventLog, type EventLog } from './event-log.js';
export { accessLog, type AccessLogOptions } from './middleware.js';
export type { LineSink } from './json-lines.js';
