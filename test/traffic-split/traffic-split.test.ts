import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { TrafficSplit } from '../../src/traffic-split/index.js';
import { seededRandom } from '../support/random.js';

const PICKS = 100_000;
const KEYS = Array.from({ length: PICKS }, (_, index) => `user-${index}`);

/** The part of the keys that each variant gets. */
function sharesOf(split: TrafficSplit, keys: readonly (string | null)[] = KEYS): Record<string, number> {
  const counts = Object.create(null) as Record<string, number>;
  for (const key of keys) {
    const name = split.choose(key);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / keys.length]));
}

/** How large a part of the keys moves between each pair of sides. */
function movesBetween(before: TrafficSplit, after: TrafficSplit): Record<string, number> {
  const moves: Record<string, number> = {};
  for (const key of KEYS) {
    const [from, to] = [before.choose(key), after.choose(key)];
    if (from !== to) moves[`${from} > ${to}`] = (moves[`${from} > ${to}`] ?? 0) + 1 / PICKS;
  }
  return moves;
}

function expectShares(actual: Record<string, number>, wanted: Record<string, number>): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, share] of Object.entries(wanted)) {
    expect(Math.abs((actual[name] as number) - share), name).toBeLessThan(0.01);
  }
}

describe('TrafficSplit', () => {
  const weightings: Record<string, number>[] = [
    { v1: 90, canary: 10 },
    { a: 1, b: 1 },
    { a: 0.2, b: 0.3, c: 0.5 },
    { a: 1, b: 2, c: 3, d: 4, e: 90 },
  ];

  it.each(weightings)('gives each variant its share of keys and of chance: %o', (weights) => {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight);
    const wanted = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight / total]));
    const split = new TrafficSplit({ weights, random: seededRandom(1) });
    expectShares(sharesOf(split), wanted);
    expectShares(sharesOf(split, new Array<null>(PICKS).fill(null)), wanted);
  });

  it('divides keys that differ in little: numbers, addresses, one letter more', () => {
    const split = new TrafficSplit({ weights: { v1: 75, canary: 25 } });
    const wanted = { v1: 0.75, canary: 0.25 };
    expectShares(
      sharesOf(
        split,
        Array.from({ length: PICKS }, (_, index) => String(index)),
      ),
      wanted,
    );
    const addresses = Array.from(
      { length: PICKS },
      (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );
    expectShares(sharesOf(split, addresses), wanted);
    expectShares(
      sharesOf(
        split,
        Array.from({ length: 10_000 }, (_, index) => `${'a'.repeat(index % 1_000)}${index}`),
      ),
      wanted,
    );
  });

  it('keeps a key on its side, in every split of the same name and weights, whatever their order', () => {
    const one = new TrafficSplit({ name: 'shop', weights: { v1: 90, canary: 10 } });
    const other = new TrafficSplit({ name: 'shop', weights: { canary: 10, v1: 90 } });
    expect(movesBetween(one, other)).toEqual({});
  });

  it('stays as it is from version to version', () => {
    const split = new TrafficSplit({ name: 'shop', weights: { v1: 1, v2: 1, v3: 1 } });
    expect(['', 'a', 'b', 'c', 'user-42', 'ü', '😀'].map((key) => split.choose(key))).toMatchInlineSnapshot(`
      [
        "v2",
        "v2",
        "v1",
        "v1",
        "v2",
        "v1",
        "v3",
      ]
    `);
  });

  it('moves a tenth of the keys, all to the canary, from 90/10 to 80/20', () => {
    const moves = movesBetween(
      new TrafficSplit({ weights: { v1: 90, canary: 10 } }),
      new TrafficSplit({ weights: { v1: 80, canary: 20 } }),
    );
    expectShares(moves, { 'v1 > canary': 0.1 });
  });

  it('moves keys to the variant that grows and nowhere else, among three', () => {
    const moves = movesBetween(
      new TrafficSplit({ weights: { v1: 90, a: 5, b: 5 } }),
      new TrafficSplit({ weights: { v1: 80, a: 10, b: 10 } }),
    );
    expectShares(moves, { 'v1 > a': 0.05, 'v1 > b': 0.05 });
  });

  it('moves only the keys of a variant that goes away', () => {
    const moves = movesBetween(
      new TrafficSplit({ weights: { v1: 80, a: 10, b: 10 } }),
      new TrafficSplit({ weights: { v1: 80, a: 0, b: 10 } }),
    );
    expect(Object.keys(moves).sort()).toEqual(['a > b', 'a > v1']);
  });

  it('divides the same keys independently under another name', () => {
    const [one, other] = ['checkout', 'search'].map(
      (name) => new TrafficSplit({ name, weights: { v1: 80, canary: 20 } }),
    );
    const pairs = KEYS.map((key) => `${one?.choose(key)} ${other?.choose(key)}`);
    const counts: Record<string, number> = {};
    for (const pair of pairs) counts[pair] = (counts[pair] ?? 0) + 1 / PICKS;
    expectShares(counts, { 'v1 v1': 0.64, 'v1 canary': 0.16, 'canary v1': 0.16, 'canary canary': 0.04 });
  });

  it('sends nobody to a weight of 0, be it by key or by chance', () => {
    const split = new TrafficSplit({ weights: { v1: 1, dark: 0 }, random: seededRandom(2) });
    expect(Object.keys(sharesOf(split))).toEqual(['v1']);
    expect(Object.keys(sharesOf(split, new Array<null>(1_000).fill(null)))).toEqual(['v1']);
  });

  it.each([0, 1 - 2 ** -53])('chooses with a chance of %d, too', (chance) => {
    const split = new TrafficSplit({ weights: { a: 1, b: 1e-300 }, random: () => chance });
    expect(split.choose(null)).toBe('a');
  });

  it('takes names and keys that are names of an object', () => {
    const weights = JSON.parse('{"__proto__": 1, "constructor": 1, "": 1}') as Record<string, number>;
    const split = new TrafficSplit({ weights });
    expectShares(sharesOf(split), { ['__proto__']: 1 / 3, constructor: 1 / 3, '': 1 / 3 });
    for (const key of ['__proto__', 'constructor', '', '\0']) expect(split.shares.has(split.choose(key))).toBe(true);
  });

  it('tells its shares in words', () => {
    expect(new TrafficSplit({ weights: { v1: 90, canary: 10 } }).describe()).toBe('v1 90 %, canary 10 %');
    expect(new TrafficSplit({ weights: { a: 2, b: 1, off: 0 } }).describe()).toBe('a 66.67 %, b 33.33 %, off 0 %');
  });

  it.each<[string, unknown, string[]]>([
    ['no weights', {}, ['weights']],
    ['no variants', { weights: {} }, ['weights']],
    ['nothing but 0', { weights: { a: 0, b: 0 } }, ['weights']],
    [
      'weights that are none',
      { weights: { a: -1, b: NaN, c: '1', d: Infinity } },
      ['a', 'b', 'c', 'd'].map((name) => `weights.${name}`),
    ],
    [
      'a random that is no function, and a name that is no text',
      { weights: { a: 1 }, name: 1, random: 0.5 },
      ['name', 'random'],
    ],
    ['an unknown option', { weights: { a: 1 }, salt: 'x' }, ['salt']],
  ])('does not start with %s', (_case, options, paths) => {
    expect(faultPaths(options)).toEqual(paths);
  });
});

function faultPaths(options: unknown): string[] {
  try {
    new TrafficSplit(options as never);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path }) => path);
  }
  return [];
}
