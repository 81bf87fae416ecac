import type { BalancerTarget } from '../balancer-target.js';
import { hashText, mixBits } from './hash.js';

/** Of a ring; each member has one at least. */
const MAX_NODES = 100_000;

const GOLDEN = 0x9e3779b9;

/** So many members can be told apart in a node. */
const INDEX_SPAN = 2 ** 20;

/** Points on a circle of 32 bits, many for each member: the same in every process, in whatever order the members come. */
export class HashRing {
  readonly #points: Uint32Array;
  /** The index of the member that each point belongs to. */
  readonly #owners: Uint32Array;

  /** @param virtualNodes Points of a member for each unit of its weight. */
  constructor(members: readonly BalancerTarget[], virtualNodes: number) {
    const nodes: number[] = [];
    const scale = scaleOf(members, virtualNodes);
    for (const [index, { url, weight }] of members.entries()) {
      if (weight === 0) continue;
      const seed = hashText(url);
      const count = Math.max(1, Math.round(weight * virtualNodes * scale));
      for (let node = 0; node < count; node++)
        nodes.push(mixBits((seed + Math.imul(node, GOLDEN)) | 0) * INDEX_SPAN + index);
    }
    const sorted = Float64Array.from(nodes).sort();
    this.#points = Uint32Array.from(sorted, (node) => Math.floor(node / INDEX_SPAN));
    this.#owners = Uint32Array.from(sorted, (node) => node % INDEX_SPAN);
  }

  get size(): number {
    return this.#points.length;
  }

  /** The place of the first point at or after a hash. */
  placeOf(hash: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.#points.length ? 0 : low;
  }

  /** Index of the member at a place; places go on after the last one. */
  ownerAt(place: number): number {
    return this.#owners[place < this.size ? place : place - this.size] as number;
  }
}

/**
 * Fits the number of points. In powers of two: one member that comes or goes hardly ever changes those of the others,
 * whose keys would move.
 */
function scaleOf(members: readonly BalancerTarget[], virtualNodes: number): number {
  const nodes = members.reduce((sum, { weight }) => sum + weight * virtualNodes, 0);
  let scale = 1;
  while (nodes * scale > MAX_NODES) scale /= 2;
  while (nodes * scale * 2 <= Math.min(MAX_NODES, members.length * virtualNodes)) scale *= 2;
  return scale;
}
