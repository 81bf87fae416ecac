/**
 * Finds what a number from 0 to 1 falls on, where each entry covers its part of the weight, in about one step however
 * many entries there are: a guide table says where to begin (Chen and Asau, 1974).
 *
 * @param weights Each above 0.
 * @returns The index at a number from 0 on, below 1.
 */
export function weightTable(weights: readonly number[]): (point: number) => number {
  const size = weights.length;
  const ends = new Float64Array(size);
  let sum = 0;
  for (const [index, weight] of weights.entries()) ends[index] = sum += weight;
  for (let index = 0; index < size; index++) ends[index] = (ends[index] as number) / sum;
  ends[size - 1] = Infinity;

  const guide = new Uint32Array(size);
  for (let slot = 0, index = 0; slot < size; slot++) {
    while ((ends[index] as number) <= slot / size) index++;
    guide[slot] = index;
  }

  return function indexAt(point) {
    let index = guide[Math.floor(point * size)] as number;
    while ((ends[index] as number) <= point) index++;
    return index;
  };
}

export function areEqual(weights: readonly number[]): boolean {
  return weights.every((weight) => weight === weights[0]);
}

/** Draws an index by weight. */
export function weightedDraw(weights: readonly number[], random: () => number): () => number {
  const size = weights.length;
  if (areEqual(weights))
    return function drawAny() {
      return Math.floor(random() * size);
    };
  const indexAt = weightTable(weights);
  return function drawByWeight() {
    return indexAt(random());
  };
}
