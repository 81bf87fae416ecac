import { VOUCHED_FIELDS, hasField, headerMap } from './headers.js';
import type { HeaderMap } from './types.js';

/**
 * Fields of the request upstream in which the client has no say: the gateway sends them with a value of its own, or
 * nobody does. They are laid out once, for every request that takes them.
 */
export class UpstreamFields {
  /** By lower-case name; `undefined` = nobody sends it. */
  readonly fields: Readonly<HeaderMap>;
  /** Those that are sent, flat: name, value, name, value. */
  readonly lines: readonly (string | string[])[];
  /** What must be kept from the client, beside the fields of identities, of which it has none in any case. */
  readonly #reserved: ReadonlySet<string> | null;
  readonly #joined = new WeakMap<UpstreamFields, UpstreamFields>();

  constructor(fields: Readonly<HeaderMap>) {
    const names = Object.keys(fields);
    const reserved = names.filter((name) => !VOUCHED_FIELDS.has(name));
    this.fields = Object.assign(headerMap(), fields);
    this.lines = names.flatMap((name) => (fields[name] === undefined ? [] : [name, fields[name]]));
    this.#reserved = reserved.length === 0 ? null : new Set(reserved);
  }

  /** True where a field of the client, in whatever spelling, is one of these. */
  takes(name: string): boolean {
    return this.#reserved !== null && hasField(this.#reserved, name);
  }

  /** Puts them in the place of the client's. */
  writeOver(headers: HeaderMap): void {
    for (const name in headers) if (this.takes(name)) delete headers[name];
    Object.assign(headers, this.fields);
  }

  /** These, and those of `later`, which win. */
  with(later: UpstreamFields): UpstreamFields {
    const known = this.#joined.get(later);
    if (known !== undefined) return known;
    const joined = new UpstreamFields({ ...this.fields, ...later.fields });
    this.#joined.set(later, joined);
    return joined;
  }
}

/** Fields that nobody sends. */
export function absentFields(names: Iterable<string>): UpstreamFields {
  return new UpstreamFields(Object.fromEntries([...names].map((name) => [name, undefined])));
}
