import { writeSync } from 'node:fs';

/** Takes one line of text, without the line end. */
export type LineSink = (line: string) => void;

/** Longest text inside a line; what a client sends must not fill a disk. */
const MAX_TEXT = 2_048;
const LINE_BREAKS = /[\u2028\u2029\u0085\u007f-\u009f]/g;

/**
 * One bounded line of JSON. Control characters and every kind of line break are escaped, so one record stays one line in
 * any viewer.
 */
export function jsonLine(record: Readonly<Record<string, unknown>>): string {
  // A replacer is called for every value and makes the usual line four times as dear.
  const text = isPlain(record) ? JSON.stringify(record) : JSON.stringify(record, bounded);
  return text.replace(LINE_BREAKS, escapeChar);
}

function isPlain(record: Readonly<Record<string, unknown>>): boolean {
  for (const name in record) {
    const value = record[name];
    if (typeof value === 'object' || (typeof value === 'string' && value.length > MAX_TEXT)) return false;
  }
  return true;
}

function bounded(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value;
}

function escapeChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Lines wait this long for company: a write for each would cost more than the request that it tells of. */
const FLUSH_MS = 20;

let pending = '';
let scheduled = false;

/** Standard output, in one write for all lines of some milliseconds. What waits when the process exits is written then. */
export const stdoutLines: LineSink = (line) => {
  pending += `${line}\n`;
  if (scheduled) return;
  scheduled = true;
  setTimeout(flushLines, FLUSH_MS).unref();
  if (process.listenerCount('exit', flushAtExit) === 0) process.on('exit', flushAtExit);
};

/** Writes what waits to standard output. */
export function flushLines(): void {
  scheduled = false;
  const text = pending;
  pending = '';
  if (text !== '') process.stdout.write(text);
}

function flushAtExit(): void {
  if (pending !== '') writeSync(1, pending);
  pending = '';
}
