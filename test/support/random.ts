/** Pseudo-random numbers that a seed repeats: a failing property fails again. */
export interface SeededRandom {
  /** From 0 on, below 1: stands in for `Math.random`. */
  (): number;
  /** A whole number from 0 on, below `below`. */
  int(below: number): number;
  pick<Item>(list: readonly Item[]): Item;
}

/** mulberry32. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;

  function random(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  function int(below: number): number {
    return Math.floor(random() * below);
  }

  function pick<Item>(list: readonly Item[]): Item {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[int(list.length)] as Item;
  }

  return Object.assign(random, { int, pick });
}
