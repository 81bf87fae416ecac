import type { Chooser, Strategy } from './strategy.js';
import { drawTarget } from './strategy.js';
import { weightedDraw } from './weighted-draw.js';

/** Draws a target by weight. */
export function randomChoice(random: () => number): Strategy {
  return function compileRandom({ targets, weights }): Chooser {
    const draw = weightedDraw(weights, random);
    return { choose: (_key, exclude) => drawTarget(targets, draw, exclude) };
  };
}
