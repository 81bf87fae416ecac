/** FNV-1a over code units, mixed: the same 32 bits in every process. It is no secret, and resists no attack. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixBits(hash);
}

/** Spreads 32 bits, one to one: the finaliser of MurmurHash3. From 0 on, below 2 ** 32. */
function mixBits(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * How far a choice is from a key, by the hashes of both: whoever is the nearest gets the key. Each gets as much as its
 * weight is of all weights, and when one goes, comes or changes its weight, no key moves between the others (weighted
 * rendezvous hashing; Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005).
 *
 * @param weight More than 0.
 * @param limit What is as far or farther is `Infinity`.
 */
export function keyDistance(key: number, choice: number, weight: number, limit: number): number {
  // Half a step up, so that the logarithm is of a number between 0 and 1, both excluded.
  const part = (mixBits(key ^ choice) + 0.5) / 2 ** 32;
  // It takes most of the time, and is never less than this.
  if (1 - part >= limit * weight) return Infinity;
  return -Math.log(part) / weight;
}
