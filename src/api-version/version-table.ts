/** A version under the name that the config gives it. */
export interface NamedVersion<Value> {
  readonly name: string;
  readonly value: Value;
}

/** What there is for requests that name no version, or one that is not in the table. */
export interface VersionTableRules {
  /** Name of the version for requests that name none; `null` = there is none. */
  readonly usual: string | null;
  /** True where that version is also for requests that name an unknown one. */
  readonly takesUnknown: boolean;
}

/** The name in the form in which two are compared: `V2`, `v2` and `2` are the same. */
export function versionKey(name: string): string {
  return name.toLowerCase().replace(/^v(?=\d)/, '');
}

/** Versions by name, each looked up in one step. */
export class VersionTable<Value> {
  readonly #byKey: ReadonlyMap<string, NamedVersion<Value>>;
  readonly #ofUnnamed: NamedVersion<Value> | null;
  readonly #ofUnknown: NamedVersion<Value> | null;

  constructor(versions: Iterable<readonly [name: string, value: Value]>, { usual, takesUnknown }: VersionTableRules) {
    this.#byKey = new Map(Array.from(versions, ([name, value]) => [versionKey(name), { name, value }]));
    this.#ofUnnamed = usual === null ? null : this.#at(usual);
    this.#ofUnknown = takesUnknown ? this.#ofUnnamed : null;
  }

  /** The version of this name, or what stands in for it; `null` where nothing does. @param name `null` = none. */
  find(name: string | null): NamedVersion<Value> | null {
    return name === null ? this.#ofUnnamed : (this.#at(name) ?? this.#ofUnknown);
  }

  #at(name: string): NamedVersion<Value> | null {
    return this.#byKey.get(versionKey(name)) ?? null;
  }
}
