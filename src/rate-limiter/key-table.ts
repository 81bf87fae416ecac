import type { WindowCount } from './algorithms/window-count.js';

/** What is kept for one key, and its place in the order of use. */
export class KeyEntry {
  readonly key: string;
  readonly counts: readonly WindowCount[];
  /** Whole ms of the clock; 0 = not blocked. */
  blockedUntil = 0;
  isBusy = false;
  /** How many keys the table had taken when the entry was put in its place. */
  placedAt = 0;
  older: KeyEntry = this;
  newer: KeyEntry = this;

  constructor(key: string, counts: readonly WindowCount[]) {
    this.key = key;
    this.counts = counts;
  }
}

/**
 * A bounded map that drops the key that has been quiet for longest, and busy keys last: a flood of fresh keys pushes
 * other calm keys out, never an offender. At most half of the keys are busy; the next one makes the oldest of them calm.
 *
 * Its order is links between the entries. A call of a key that is known moves nothing, until an eighth of all keys has
 * come after it; a cache of a package moves on each call and is asked twice, once for calm and once for busy keys.
 */
export class KeyTable {
  readonly #maxKeys: number;
  /** A key that is used keeps its place until this many keys have come after it. */
  readonly #stayKeys: number;
  readonly #entries = new Map<string, KeyEntry>();
  /** Rings that start and end at an entry without a key: `older` than it is the newest key, `newer` the oldest. */
  readonly #calm = new KeyEntry('', []);
  readonly #busy = new KeyEntry('', []);
  #busyKeys = 0;
  #taken = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.#stayKeys = maxKeys >> 3;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): KeyEntry | undefined {
    return this.#entries.get(key);
  }

  /** A new key, calm at first. */
  add(key: string, counts: readonly WindowCount[]): KeyEntry {
    if (this.#entries.size >= this.#maxKeys) this.delete(this.#calm.newer);
    const entry = new KeyEntry(key, counts);
    this.#entries.set(key, entry);
    this.#taken++;
    this.#place(entry, this.#calm);
    return entry;
  }

  /** Notes that a key has been used. */
  touch(entry: KeyEntry, isBusy: boolean): void {
    if (entry.isBusy !== isBusy) this.#turn(entry, isBusy);
    else if (this.#taken - entry.placedAt > this.#stayKeys) this.#move(entry);
  }

  delete(entry: KeyEntry): void {
    this.#entries.delete(entry.key);
    if (entry.isBusy) this.#busyKeys--;
    unlink(entry);
  }

  clear(): void {
    for (const entry of this.#entries.values()) this.delete(entry);
  }

  #turn(entry: KeyEntry, isBusy: boolean): void {
    entry.isBusy = isBusy;
    this.#busyKeys += isBusy ? 1 : -1;
    this.#move(entry);
    if (this.#busyKeys > this.#maxKeys / 2) this.#turn(this.#busy.newer, false);
  }

  #move(entry: KeyEntry): void {
    unlink(entry);
    this.#place(entry, entry.isBusy ? this.#busy : this.#calm);
  }

  #place(entry: KeyEntry, ring: KeyEntry): void {
    entry.placedAt = this.#taken;
    entry.older = ring.older;
    entry.newer = ring;
    ring.older.newer = entry;
    ring.older = entry;
  }
}

function unlink({ older, newer }: KeyEntry): void {
  older.newer = newer;
  newer.older = older;
}
