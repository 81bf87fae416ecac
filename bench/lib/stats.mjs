/** @param {number[]} values @param {number} [share] 0.5 is the median; values in between are interpolated */
export function quantile(values, share = 0.5) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** The median of what `pick` reads from each item. @template T @param {T[]} items @param {(item: T) => number} pick */
export const medianOf = (items, pick) => quantile(items.map(pick));

/** The median of values and their middle half. @param {number[]} values */
export const spreadOf = (values) => ({
  median: quantile(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** The median and the middle half of the ratios, round by round: noise that hits a whole round cancels out. */
export const ratios = (rounds, baseRounds, pick) =>
  spreadOf(rounds.map((round, index) => pick(round) / pick(baseRounds[index])));
