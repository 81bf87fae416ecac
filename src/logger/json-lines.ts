import { writeSync } from 'node:fs';

/** Takes one line of text, without the line end. */
export type LineSink = (line: string) => void;

/** Longest text inside a line; what a client sends must not fill a disk. */
const MAX_TEXT = 2_048;
const LINE_BREAKS = /[\u2028\u2029\u0085\u007f-\u009f]/g;

/**
 * One bounded line of JSON. Control characters and every kind of line break are escaped, so one record stays one line
 * in any viewer.
 */
export function jsonLine(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(record, bounded).replace(LINE_BREAKS, escapeChar);
}

function bounded(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value;
}

function escapeChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

let pending = '';
let scheduled = false;

/**
 * Standard output, one write per turn of the event loop. Lines that are pending when the process exits are written
 * then.
 */
export const stdoutLines: LineSink = (line) => {
  pending += `${line}\n`;
  if (scheduled) return;
  scheduled = true;
  setImmediate(flush);
  if (process.listeners('exit').includes(flushAtExit)) return;
  process.on('exit', flushAtExit);
};

function flush(): void {
  scheduled = false;
  const text = pending;
  pending = '';
  if (text !== '') process.stdout.write(text);
}

function flushAtExit(): void {
  if (pending !== '') writeSync(1, pending);
  pending = '';
}
