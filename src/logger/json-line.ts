import { MAX_TEXT, cut, escapeChar, plainFields } from './plain-fields.js';

/** What JSON leaves as it is, and some viewer takes for the end of a line or does not show. */
const LEFT_BY_JSON = /[\x7f-\x9f\u2028\u2029\ufeff]/g;

/** Anything but what stands in JSON as it is. */
const NEEDS_CARE = /[^ !#-[\]-~]/;

/**
 * One bounded line of JSON, without its line end. Control characters and every kind of line break are escaped, so that
 * one record stays one line in any viewer. Members that are `undefined` are left out.
 */
export function jsonLine(record: object): string {
  return JSON.stringify(plainFields(record)).replace(LEFT_BY_JSON, escapeChar);
}

/** A text as JSON, bounded and escaped the same way. Nearly every one needs no more than quotation marks. */
export function jsonText(text: string): string {
  if (text.length <= MAX_TEXT && !NEEDS_CARE.test(text)) return `"${text}"`;
  return JSON.stringify(cut(text)).replace(LEFT_BY_JSON, escapeChar);
}
