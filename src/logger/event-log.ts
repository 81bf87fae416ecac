import type { Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { jsonLine, stdoutLines, type LineSink } from './json-lines.js';

/** Takes something that happened beside the requests, such as a circuit that opened. */
export type EventLog = (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Writes one JSON line per event, among those of the access log. */
export function eventLog(clock: Clock, sink: LineSink = stdoutLines): EventLog {
  return function logEvent(level, message, fields) {
    sink(jsonLine({ timestamp: isoTime(clock.wall()), level, ...fields, message }));
  };
}
