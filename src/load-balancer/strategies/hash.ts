/** Code units of a text that count: texts come from clients. */
const MAX_LENGTH = 256;

/** FNV-1a over code units, mixed: the same 32 bits in every process. It is no secret, and resists no attack. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  const length = Math.min(text.length, MAX_LENGTH);
  for (let index = 0; index < length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixBits(hash);
}

/** Spreads 32 bits, one to one: the finaliser of MurmurHash3. */
export function mixBits(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A number from 0 on, below 1, that says nothing of {@link hashText}. */
export function hashFraction(text: string): number {
  return fractionOf(hashText(text));
}

/** The same for a hash that is there already. */
export function fractionOf(hash: number): number {
  return mixBits(hash ^ 0x5bd1e995) / 2 ** 32;
}
