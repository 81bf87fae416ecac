import type { WindowCount } from './algorithms/window-count.js';

/** What is kept for one key, and its place in the order of use. */
export class KeyEntry {
  readonly key: string;
  readonly counts: readonly WindowCount[];
  /** Whole ms of the clock; 0 = not blocked. */
  blockedUntil = 0;
  isBusy = false;
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
 * Its order is links between the entries: an LRU cache from a package would set aside 3 MB per limiter before the first
 * key is there, and look a key up twice to keep two orders.
 */
export class KeyTable {
  readonly #maxKeys: number;
  readonly #entries = new Map<string, KeyEntry>();
  /** Rings that start and end at an entry without a key: `older` than it is the newest key, `newer` the oldest. */
  readonly #calm = new KeyEntry('', []);
  readonly #busy = new KeyEntry('', []);
  #busyKeys = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
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
    insertNewest(this.#calm, entry);
    return entry;
  }

  /** Notes that a key has been used. */
  touch(entry: KeyEntry, isBusy: boolean): void {
    this.#move(entry, isBusy);
    if (this.#busyKeys > this.#maxKeys / 2) this.#move(this.#busy.newer, false);
  }

  delete(entry: KeyEntry): void {
    this.#entries.delete(entry.key);
    if (entry.isBusy) this.#busyKeys--;
    unlink(entry);
  }

  clear(): void {
    for (const entry of this.#entries.values()) this.delete(entry);
  }

  #move(entry: KeyEntry, isBusy: boolean): void {
    if (entry.isBusy !== isBusy) {
      entry.isBusy = isBusy;
      this.#busyKeys += isBusy ? 1 : -1;
    }
    const ring = isBusy ? this.#busy : this.#calm;
    if (ring.older === entry) return;
    unlink(entry);
    insertNewest(ring, entry);
  }
}

function insertNewest(ring: KeyEntry, entry: KeyEntry): void {
  entry.older = ring.older;
  entry.newer = ring;
  ring.older.newer = entry;
  ring.older = entry;
}

function unlink({ older, newer }: KeyEntry): void {
  older.newer = newer;
  newer.older = older;
}
