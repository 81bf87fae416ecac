import { hasField, headerMap, headerValue } from '../core/headers.js';
import { REDACTED, isSecretField, redactQuery, redactText } from '../core/redact.js';
import type { HeaderMap } from '../core/types.js';
import type { AccessLogOptions } from './options.js';
import { cutWhole } from './plain-fields.js';
import { remembering } from './remembering.js';

/** What of a request may stand in a log, and in which form. Every text that it gives is bounded. */
export class Redaction {
  readonly #fields: readonly string[];
  readonly #more: ReadonlySet<string>;
  readonly #query: ((query: string) => string) | null;
  readonly #text: (text: string) => string;

  constructor({ headers = [], query = false, redact = [] }: Pick<AccessLogOptions, 'headers' | 'query' | 'redact'>) {
    const more = new Set(redact.map((name) => name.toLowerCase()));
    this.#fields = headers.map((name) => name.toLowerCase());
    this.#more = more;
    this.#query = query ? remembering((text) => redactQuery(text, more)) : null;
    this.#text = remembering((text) => redactText(text, more));
  }

  /** A text of unknown origin. */
  text(text: string): string {
    return this.#text(cutWhole(text));
  }

  /** A path: nearly none has room for a credential. */
  path(path: string): string {
    return /eyJ|@|%40/.test(path) ? this.#text(path) : path;
  }

  /** A query with its `?`; `undefined` where there is none, or none is shown. */
  query(query: string): string | undefined {
    return query.length <= 1 || this.#query === null ? undefined : this.#query(cutWhole(query));
  }

  /** A header field that carries no credential by itself. @param name Lower case. */
  field(all: Readonly<HeaderMap>, name: string): string | undefined {
    const value = headerValue(all, name);
    if (value === undefined) return undefined;
    return hasField(this.#more, name) ? REDACTED : this.text(value);
  }

  /** The header fields to show that are there; `undefined` where none is. */
  headers(all: Readonly<HeaderMap>): Readonly<HeaderMap> | undefined {
    let shown: HeaderMap | undefined;
    for (const name of this.#fields) {
      const value = all[name];
      if (value === undefined) continue;
      shown ??= headerMap();
      shown[name] = isSecretField(name, this.#more) ? REDACTED : this.text(String(value));
    }
    return shown;
  }
}
