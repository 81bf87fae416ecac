import type { Context } from '../core/context.js';
import { accessLine } from './access-line.js';
import type { AccessRecord } from './access-record.js';
import { escapeUnprintable } from './plain-fields.js';
import type { Redaction } from './redaction.js';

/** Writes an exchange as a line of text. */
export type AccessFormat = (record: AccessRecord, ctx: Context, redaction: Redaction) => string | null;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Longest line that a format of the user's may write. */
const MAX_LINE = 32_768;

export const ACCESS_FORMATS = { json: accessLine, combined, dev } satisfies Record<string, AccessFormat>;

/** Anything that Apache's logs do not hold as it is, and the space, which ends a field outside of quotation marks. */
const NOT_LOGGED = /[^!#-[\]-~]/g;
const NOT_QUOTED = /[^ !#-[\]-~]/g;

/**
 * The combined log format of Apache: `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`. Its time is the end of
 * the exchange, in UTC.
 */
function combined(record: AccessRecord, ctx: Context, redaction: Redaction): string {
  const { clientIp, identity, method, path, query = '', status, bytesOut, userAgent } = record;
  const { headers, httpVersion } = ctx.request;
  const caller = identity === undefined ? '-' : escaped(identity, NOT_LOGGED);
  const request = `${method} ${path}${query} HTTP/${httpVersion}`;
  const referer = redaction.field(headers, 'referer');
  return (
    `${escaped(clientIp, NOT_LOGGED)} - ${caller} [${apacheTime(record.timestamp)}] ${quoted(request)} ${status} ` +
    `${bytesOut === 0 ? '-' : (bytesOut ?? '-')} ${quoted(referer)} ${quoted(userAgent)}`
  );
}

/** What a developer looks for: `GET /users/42 200 12.3 ms - 512 4f1c...`; the last is the id of the request. */
function dev({ method, path, query = '', status, durationMs, bytesOut, requestId }: AccessRecord): string {
  return oneLine(
    `${method} ${path}${query} ${status} ${durationMs.toFixed(1)} ms - ${bytesOut ?? '-'} ${requestId ?? '-'}`,
  );
}

/** A text as one bounded line, without control characters. */
export function oneLine(text: string): string {
  return escapeUnprintable(text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}...` : text);
}

function quoted(text = '-'): string {
  return `"${escaped(text, NOT_QUOTED)}"`;
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, escapeLikeApache);
}

function escapeLikeApache(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`;
  return Array.from(Buffer.from(char), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** `2026-01-31T12:00:00.000Z` as `31/Jan/2026:12:00:00 +0000` */
function apacheTime(iso: string): string {
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? '-';
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
