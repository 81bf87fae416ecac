/**
 * Joins items that stand side by side.
 *
 * @param join Makes one of two; `null` = they stay apart.
 */
export function joinNeighbours<Item>(items: readonly Item[], join: (first: Item, second: Item) => Item | null): Item[] {
  const joined: Item[] = [];
  for (const item of items) {
    const last = joined.at(-1);
    const one = last === undefined ? null : join(last, item);
    if (one === null) joined.push(item);
    else joined[joined.length - 1] = one;
  }
  return joined;
}
