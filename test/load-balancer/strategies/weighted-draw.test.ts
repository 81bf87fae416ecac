import { describe, expect, it } from 'vitest';
import { weightTable } from '../../../src/load-balancer/strategies/weighted-draw.js';
import { seededRandom } from '../../support/random.js';

describe('weightTable', () => {
  it('finds what a look at every entry finds', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 200; round++) {
      const weights = Array.from({ length: 1 + random.int(50) }, () => 0.001 + random() ** 8 * 1_000);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const indexAt = weightTable(weights);
      for (let draw = 0; draw < 100; draw++) {
        const point = random();
        let rest = point * sum;
        const expected = weights.findIndex((weight) => (rest -= weight) < 0);
        expect(indexAt(point)).toBe(expected);
      }
    }
  });

  it('finds the last entry at the last point', () => {
    expect(weightTable([0.1, 0.2, 0.3])(1 - Number.EPSILON / 2)).toBe(2);
    expect(weightTable([7])(0)).toBe(0);
  });
});
