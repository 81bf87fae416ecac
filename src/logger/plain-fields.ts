/** What a line may hold: bounded, plain, without credentials, and readable by every logger. */
import { REDACTED, isSecretField, redactText } from '../core/redact.js';

/** Longest text inside a line; what a client sends must not fill a disk. */
export const MAX_TEXT = 2_048;
/** Of a whole record, at every depth. */
const MAX_MEMBERS = 500;
const MAX_DEPTH = 5;

/** A text of at most 2048 characters, and three dots where there was more. */
export function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}

/** The same, cut between words or parameters, for what is redacted next: half a credential is not known for one. */
export function cutWhole(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const borders = [' ', '&', '?'].map((border) => text.lastIndexOf(border, MAX_TEXT));
  return `${text.slice(0, Math.max(0, ...borders))}...`;
}

/** Control characters, and everything that some viewer takes for the end of a line or does not show. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff]/g;

/** Each as `\u001b`. */
export function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, escapeChar);
}

/** As JSON writes a character that it escapes. */
export function escapeChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * A copy of a record that `JSON.stringify` and every logger can take, whatever is in the record: bounded at any depth,
 * without cycles, with errors as objects and credentials in header fields kept back. It never throws.
 *
 * @param text What becomes of each text and name.
 */
export function plainFields(fields: object, text: (text: string) => string = cut): Record<string, unknown> {
  return new Copier(text).members(fields, 0);
}

class Copier {
  readonly #text: (text: string) => string;
  #left = MAX_MEMBERS;

  constructor(text: (text: string) => string) {
    this.#text = text;
  }

  members(source: object, depth: number): Record<string, unknown> {
    const copy = Object.create(null) as Record<string, unknown>;
    for (const name of Object.keys(source)) {
      if (this.#left-- <= 0) break;
      const value = isSecretField(name) ? REDACTED : this.#read(source, name, depth);
      if (value !== undefined) copy[this.#text(name)] = value;
    }
    return copy;
  }

  #read(source: object, name: string, depth: number): unknown {
    try {
      return this.#value((source as Readonly<Record<string, unknown>>)[name], depth);
    } catch {
      return '[unreadable]';
    }
  }

  #value(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (depth === MAX_DEPTH) return Array.isArray(value) ? '[list]' : '[object]';
    if (value instanceof Error) return this.#error(value);
    const { toJSON } = value as { toJSON?: () => unknown };
    if (typeof toJSON === 'function') return this.#value(toJSON.call(value), depth + 1);
    if (Array.isArray(value)) return this.#items(value, depth + 1);
    return this.members(value, depth + 1);
  }

  #items(values: readonly unknown[], depth: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < values.length && this.#left-- > 0; i++) items.push(this.#value(values[i], depth));
    return items;
  }

  #error({ name, message, stack }: Error): Record<string, unknown> {
    const told = (text: string): string => this.#text(redactText(cutWhole(text)));
    return { name: told(name), message: told(message), stack: stack === undefined ? undefined : told(stack) };
  }
}
