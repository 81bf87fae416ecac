import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { RateLimiter, type RateLimiterOptions } from '../../src/rate-limiter/index.js';
import { rateLimiterSchema } from '../../src/rate-limiter/options.js';
import { inspect, type Fault } from '../../src/core/options.js';

const VALID = { limit: 10, windowMs: 1000 };
const WINDOW = { limit: 10, windowMs: 1000 };
const remote = { remote: true, open: () => ({}) };

function faultsOf(options: unknown): string[] {
  try {
    new RateLimiter(options as RateLimiterOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('the options of RateLimiter', () => {
  it.each<[string, unknown]>([
    ['the least', VALID],
    ['a limit of 1 in 1 ms', { limit: 1, windowMs: 1 }],
    ['max', { max: 1, windowMs: 1 }],
    ['maxRequests', { maxRequests: 1, windowMs: 1 }],
    ['a burst below the limit', { ...VALID, algorithm: 'token-bucket', burst: 1 }],
    ['a log of 10,000 calls', { limit: 10_000, windowMs: 1, algorithm: 'sliding-log' }],
    ['the largest product', { limit: Number.MAX_SAFE_INTEGER, windowMs: 1 }],
    ['the id of a route as its name', { ...VALID, name: 'GET:/api/users/:id/*' }],
    ['8 windows', { windows: Array.from({ length: 8 }, (_, i) => ({ limit: 1, windowMs: i + 1 })) }],
    ['a remote store', { ...VALID, store: remote, onStoreError: 'open', storeTimeoutMs: 1, onOutage: () => 0 }],
  ])('may be %s', (_case, options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['limit: missing, expected a whole', 'windowMs: missing, expected a whole']],
    ['no window', { limit: 1 }, ['windowMs: missing']],
    ['a limit of 0', { ...VALID, limit: 0 }, ['limit: got 0, expected a whole number from 1 on']],
    ['a negative window', { ...VALID, windowMs: -1 }, ['windowMs: got -1']],
    ['NaN', { ...VALID, limit: NaN }, ['limit: got NaN']],
    ['an endless window', { ...VALID, windowMs: Infinity }, ['windowMs: got Infinity']],
    ['half a call', { ...VALID, limit: 0.5 }, ['limit: got 0.5']],
    ['a text', { ...VALID, limit: '10' }, ['limit: got "10"']],
    ['two names of one option', { ...VALID, max: 5 }, ['options: limit and max mean the same; keep one']],
    ['too large a product', { limit: 2 ** 52, windowMs: 3 }, ['limit: 4503599627370496 calls in 3 ms cannot']],
    ['the same by another name', { max: 2 ** 52, windowMs: 3 }, ['max: 4503599627370496 calls in 3 ms cannot']],
    [
      'too large a burst',
      { limit: 1, windowMs: 3, burst: 2 ** 52, algorithm: 'token-bucket' },
      ['burst: 4503599627370496 calls in 3 ms cannot be counted exactly; burst * windowMs'],
    ],
    ['a burst without a bucket', { ...VALID, burst: 20 }, ["burst: has no effect without algorithm: 'token-bucket'"]],
    [
      'a long log',
      { limit: 10_001, windowMs: 1, algorithm: 'sliding-log' },
      ['limit: got 10001, but sliding-log keeps a number for each call; up to 10000, or use sliding-window or'],
    ],
    ['an unknown algorithm', { ...VALID, algorithm: 'leaky' }, ['algorithm: got "leaky", expected one of \'sliding']],
    ['a negative block', { ...VALID, blockMs: -1 }, ['blockMs: got -1']],
    ['a name with a quote', { ...VALID, name: 'a"b' }, ['name: got "a\\"b", expected 1 to 64 visible']],
    ['a name with a brace', { ...VALID, name: '{a}' }, ['name: got']],
    ['a name with a space', { ...VALID, name: 'a b' }, ['name: got']],
    ['a long name', { ...VALID, name: 'x'.repeat(65) }, ['name: got']],
    ['no name', { ...VALID, name: '' }, ['name: got']],
    ['a typing slip', { ...VALID, windwoMs: 5 }, ['windwoMs: unknown option; did you mean windowMs?']],
    ['a store that is none', { ...VALID, store: {} }, ['store: got an object, expected a store such as']],
    [
      'what only a remote store needs',
      { ...VALID, onStoreError: 'open', storeTimeoutMs: 5, onOutage: () => 0 },
      [
        'onStoreError: has no effect without a store that leaves the process',
        'storeTimeoutMs: has no effect',
        'onOutage: has no effect',
      ],
    ],
    ['a deadline of 0', { ...VALID, store: remote, storeTimeoutMs: 0 }, ['storeTimeoutMs: got 0']],
    ['a deadline without end', { ...VALID, store: remote, storeTimeoutMs: Infinity }, ['storeTimeoutMs: got Inf']],
    ['no windows', { windows: [] }, ['windows: got an empty list']],
    [
      '9 windows',
      { windows: Array.from({ length: 9 }, (_, i) => ({ limit: 1, windowMs: i + 1 })) },
      ['windows: got 9'],
    ],
    [
      'windows and a limit',
      { ...VALID, windows: [WINDOW] },
      ['options: windows and limit, windowMs exclude each other; keep one'],
    ],
    ['one length twice', { windows: [WINDOW, { ...WINDOW, limit: 5 }] }, ['windows[1].windowMs: 1000 is there twice']],
    ['a window without a limit', { windows: [{ windowMs: 5 }] }, ['windows[0].limit: missing']],
    [
      'a window by another name',
      { windows: [{ max: 5, windowMs: 5 }] },
      ['windows[0].max: unknown', 'windows[0].limit'],
    ],
    ['a window that is none', { windows: [null, 5] }, ['windows[0]: got null', 'windows[1]: got 5']],
    ['a burst in a window', { windows: [{ ...WINDOW, burst: 5 }] }, ['windows[0].burst: has no effect']],
    ['windows that are no list', { windows: 5 }, ['windows: got 5']],
  ])('cannot be %s', (_case, options, expected) => {
    const faults = faultsOf(options);
    expect(faults).toEqual(expected.map((start) => expect.stringContaining(start) as string));
    for (const [index, start] of expected.entries()) expect(faults[index]?.startsWith(start)).toBe(true);
  });

  it('are told with the path at which they stand in a larger config', () => {
    const faults: Fault[] = [];
    inspect(rateLimiterSchema, { limit: 5, max: 5, burst: 5 }, 'routes[2].rateLimit', faults);
    expect(faults.map(({ path }) => path)).toEqual([
      'routes[2].rateLimit',
      'routes[2].rateLimit.windowMs',
      'routes[2].rateLimit.burst',
    ]);
  });
});
