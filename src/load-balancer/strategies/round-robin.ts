import { drawTarget, type Chooser, type Strategy } from './strategy.js';
import { smoothOrder } from './smooth-order.js';
import { areEqual, weightTable } from './weighted-draw.js';

/** 2^32 divided by the golden ratio. */
const GOLDEN = 0x9e3779b9;

/** Turns that come again and again. */
interface Rotation {
  readonly turns: number;
  /** The index whose turn it is. */
  readonly indexAt: (turn: number) => number;
}

/** In turn. Where weights differ, each comes as often as its weight says, its turns spread out evenly. */
export function roundRobin(): Strategy {
  /** Turn of the pool that was asked last: a new one goes on there, so that changes favour nobody. */
  let latest = -1;

  return function compileRoundRobin({ targets, weights }): Chooser {
    const { turns, indexAt } = rotation(weights);
    let turn = latest % turns;
    function draw(): number {
      latest = turn = turn + 1 < turns ? turn + 1 : 0;
      return indexAt(turn);
    }
    return { choose: (_key, exclude) => drawTarget(targets, draw, exclude) };
  };
}

function rotation(weights: readonly number[]): Rotation {
  if (areEqual(weights)) return { turns: weights.length, indexAt: (turn) => turn };
  const order = smoothOrder(weights);
  if (order !== null) return { turns: order.length, indexAt: (turn) => order[turn] as number };
  const indexOf = weightTable(weights);
  // No short order has these weights. Steps of the golden section meet any, and are never far from even.
  return { turns: 2 ** 30, indexAt: (turn) => indexOf((Math.imul(turn, GOLDEN) >>> 0) / 2 ** 32) };
}
