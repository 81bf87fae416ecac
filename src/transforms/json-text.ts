import { randomUUID } from 'node:crypto';
import { DecodeError } from '../core/decoded-body.js';

/** It takes a byte order mark away, as the parser of a service does. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws {DecodeError} `broken` where the bytes are not UTF-8 (RFC 8259 8.1). */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new DecodeError('broken', 'the body is not UTF-8', error);
  }
}

/** @throws {DecodeError} `broken`, with where it broke in words: the bytes may be anybody's secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Without it as the cause: its message quotes the body.
    throw new DecodeError('broken', `the body is not valid JSON${placeOf((error as Error).message, text)}`);
  }
}

/** V8 tells of a position in most of its messages, not in all. */
function placeOf(message: string, text: string): string {
  const position = Number(/ at position (\d+)/.exec(message)?.[1]);
  if (position === text.length || message === 'Unexpected end of JSON input') return ': it ends too early';
  if (Number.isNaN(position)) return '';
  const before = text.slice(0, position);
  return `: line ${before.split('\n').length}, column ${position - before.lastIndexOf('\n')}`;
}

/**
 * @throws {DecodeError} `broken` where the value is nested more deeply than can be written.
 * @throws {TypeError} where JSON has no way to write it.
 */
export function formatJson(value: unknown): string {
  const text = stringify(value);
  if (text === undefined) throw new TypeError('a function returned a body that JSON cannot carry');
  return text;
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError('broken', 'the body is nested too deeply', error);
    throw error;
  }
}

/** In front of the digits of a number that stands in as a text; nobody outside can know it. */
const MARK = randomUUID();
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g');

/** Most bodies have nothing that looks like a long number, not even inside of a text. */
const MAY_LOSE_DIGITS = /[\d.]{16}|\d[eE]/;
const TOKEN = /\\.|"|-?\d[\d.eE+-]*/gs;

/**
 * As {@link parseJson}, but a number that would lose digits, such as an id beyond 2^53, is kept as a text that
 * {@link formatExactJson} turns into the same number again. It is for rules that look at no number.
 */
export function parseExactJson(text: string): unknown {
  const value = parseJson(text);
  return MAY_LOSE_DIGITS.test(text) ? JSON.parse(withMarkedNumbers(text)) : value;
}

/** Of valid JSON only: what is no JSON could become some. */
function withMarkedNumbers(text: string): string {
  let isInText = false;
  return text.replace(TOKEN, function markNumber(token) {
    if (token === '"') isInText = !isInText;
    else if (!isInText && (token.length > 15 || /[eE]/.test(token))) return `"${MARK}${token}"`;
    return token;
  });
}

export function formatExactJson(value: unknown): string {
  return formatJson(value).replace(MARKED, '$1');
}
