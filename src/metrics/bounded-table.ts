/** The name that all names beyond a bound share. */
export const OTHER = '(other)';

/** Values by name, made on first use, for so many names; all further ones share one value, that of `(other)`. */
export class BoundedTable<Value> {
  readonly #maxSize: number;
  readonly #make: (name: string) => Value;
  readonly #values = new Map<string, Value>();

  constructor(maxSize: number, make: (name: string) => Value) {
    this.#maxSize = maxSize;
    this.#make = make;
  }

  get(name: string): Value {
    return this.#values.get(name) ?? this.#getOrMake(this.#values.size < this.#maxSize ? name : OTHER);
  }

  /** Names with their values, in the order in which they came. */
  entries(): Iterable<[string, Value]> {
    return this.#values.entries();
  }

  clear(): void {
    this.#values.clear();
  }

  #getOrMake(name: string): Value {
    const found = this.#values.get(name);
    if (found !== undefined) return found;
    const made = this.#make(name);
    this.#values.set(name, made);
    return made;
  }
}
