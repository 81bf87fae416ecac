/** Turns of an order at most: weights that need more are approximated. */
const MAX_TURNS = 10_000;

const GOLDEN_SECTION = (Math.sqrt(5) - 1) / 2;

/**
 * An order in which every index comes exactly as often as its weight says, its turns as far apart as can be.
 *
 * @param weights Each above 0.
 * @returns `null` where it would be too long.
 */
export function smoothOrder(weights: readonly number[]): Uint32Array | null {
  const counts = smallestCounts(weights);
  if (counts === null) return null;
  const turns = counts.flatMap((count, index) => {
    // Where its turns begin differs from one index to the next, or those of equal weight would follow each other.
    const offset = (index * GOLDEN_SECTION) % 1;
    return Array.from({ length: count }, (_, turn) => ({ index, at: (turn + offset) / count }));
  });
  turns.sort((a, b) => a.at - b.at);
  return Uint32Array.from(turns, ({ index }) => index);
}

/** The least whole numbers in the proportion of the weights, which may have two decimals; `null` where they are too big. */
function smallestCounts(weights: readonly number[]): number[] | null {
  const hundredths = weights.map((weight) => Math.round(weight * 100));
  if (hundredths.some((count, index) => Math.abs(count / 100 - (weights[index] as number)) > 1e-9)) return null;
  const divisor = hundredths.reduce(greatestCommonDivisor);
  const counts = hundredths.map((count) => count / divisor);
  return counts.reduce((sum, count) => sum + count, 0) <= MAX_TURNS ? counts : null;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
