import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { rateLimit } from '../../src/rate-limiter/middleware.js';
import {
  describeRateLimit,
  inspectRateLimitOptions,
  type RateLimitOptions,
} from '../../src/rate-limiter/middleware-options.js';
import { RateLimiter } from '../../src/rate-limiter/rate-limiter.js';

const quota = { limit: 100, windowMs: 60_000 };
const limiter = new RateLimiter(quota);

/** `path: message` of every fault. */
function faultsOf(options: unknown): string[] {
  try {
    void rateLimit(options as RateLimitOptions).close();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('options of rateLimit', () => {
  it.each<[string, unknown]>([
    ['a limit alone', quota],
    ['a shared limiter alone', { limiter }],
    ['a shared limiter and the options of the middleware', { limiter, key: 'identity', cost: 2, dryRun: true }],
    ['a header as the key', { ...quota, key: { header: 'x-tenant' } }],
    ['a nested member as the key', { ...quota, key: { body: 'user.email' }, maxBodyBytes: 1 }],
    ['a function as the key', { ...quota, key: () => null }],
    ['no block of IPv6', { ...quota, ipv6Subnet: false }],
    ['the largest cost that fits', { ...quota, cost: 100 }],
    ['a cost that fits into the burst', { ...quota, algorithm: 'token-bucket', burst: 200, cost: 200 }],
    ['every header', { ...quota, standardHeaders: 'draft-6', legacyHeaders: true }],
    ['no header', { ...quota, standardHeaders: false }],
    ['an option that is undefined', { ...quota, limiter: undefined, message: undefined }],
  ])('may be %s', (_case, options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ['a typing slip', { ...quota, keys: 'ip' }, ['keys: unknown option; did you mean key?']],
    ['no limit', { windowMs: 1 }, ['limit: missing, expected a whole number from 1 on']],
    [
      'another name as the key',
      { ...quota, key: 'user' },
      [expect.stringMatching(/^key: got "user", expected one of/)],
    ],
    [
      'a key of two sources',
      { ...quota, key: { header: 'a', body: 'b' } },
      ['key: needs header or body, and only one of them'],
    ],
    ['a key of no source', { ...quota, key: {} }, ['key: needs header or body, and only one of them']],
    [
      'a header in upper case',
      { ...quota, key: { header: 'X-A' } },
      [expect.stringContaining('key.header: got "X-A"')],
    ],
    [
      'an empty part of a name',
      { ...quota, key: { body: 'user.' } },
      [expect.stringContaining('key.body: got "user."')],
    ],
    ['a block of 31 bits', { ...quota, ipv6Subnet: 31 }, [expect.stringContaining('ipv6Subnet: got 31')]],
    ['a block of 129 bits', { ...quota, ipv6Subnet: 129 }, [expect.stringContaining('ipv6Subnet: got 129')]],
    ['a cost of 0', { ...quota, cost: 0 }, [expect.stringContaining('cost: got 0')]],
    ['a cost over the limit', { ...quota, cost: 101 }, ['cost: got 101, but only 100 fit: no request would ever pass']],
    [
      'a cost over the least of several limits',
      { windows: [quota, { limit: 5, windowMs: 1_000 }], cost: 6 },
      ['cost: got 6, but only 5 fit: no request would ever pass'],
    ],
    ['a cost over the limit of a shared limiter', { limiter, cost: 101 }, [expect.stringContaining('cost: got 101')]],
    [
      'an unknown draft',
      { ...quota, standardHeaders: 'draft-9' },
      [expect.stringContaining('standardHeaders: got "draft-9"')],
    ],
    ['a text as skip', { ...quota, skip: '/health' }, ['skip: got "/health", expected a function']],
    ['an empty message', { ...quota, message: '' }, [expect.stringContaining('message: got ""')]],
    [
      'a message that the handler would not send',
      { ...quota, message: 'x', handler: () => null },
      ['options: message and handler both write the answer; keep one'],
    ],
    [
      'both kinds of requests taken back',
      { ...quota, skipSuccessfulRequests: true, skipFailedRequests: true },
      ['options: skipSuccessfulRequests and skipFailedRequests take every request back; keep one'],
    ],
    [
      'a rule that nobody asks',
      { ...quota, requestWasSuccessful: () => true },
      ['requestWasSuccessful: has no effect without skipSuccessfulRequests or skipFailedRequests'],
    ],
    [
      'a size of bodies that nobody reads',
      { ...quota, maxBodyBytes: 10 },
      ["maxBodyBytes: has no effect without a key such as { body: 'email' }"],
    ],
    [
      'a limiter and options of one',
      { limiter, ...quota, name: 'x' },
      [
        'limit: limiter has its own limit; keep one of the two',
        'windowMs: limiter has its own windowMs; keep one of the two',
        'name: limiter has its own name; keep one of the two',
      ],
    ],
    [
      'null as the key, and something that hangs on it',
      { ...quota, key: null, maxBodyBytes: 10 },
      [expect.stringContaining('key: got null'), "maxBodyBytes: has no effect without a key such as { body: 'email' }"],
    ],
    [
      'a function that is no limiter',
      { limiter: { check: () => true } },
      ['limiter: got an object, expected a RateLimiter'],
    ],
    ['a limiter that is none', { limiter: {} }, ['limiter: got an object, expected a RateLimiter']],
    [
      'several faults',
      { max: 0, windowMs: 1, dryRun: 1, onLimited: 'log' },
      [
        'max: got 0, expected a whole number from 1 on',
        'dryRun: got 1, expected true or false',
        'onLimited: got "log", expected a function',
      ],
    ],
  ])('are refused with %s', (_case, options, faults) => {
    expect(faultsOf(options)).toEqual(faults);
  });

  it.each([undefined, null, 100, []])('are refused where they are %j', (options) => {
    expect(() => rateLimit(options as never)).toThrow(ConfigError);
  });

  it('are inspected under the path of a larger config', () => {
    const faults: { path: string; message: string }[] = [];
    inspectRateLimitOptions({ ...quota, cost: 101 }, 'routes[0].rateLimit', faults);
    inspectRateLimitOptions({ ...quota, message: 'x', handler: () => null as never }, 'routes[1].rateLimit', faults);
    expect(faults.map(({ path }) => path)).toEqual(['routes[0].rateLimit.cost', 'routes[1].rateLimit']);
  });
});

describe('describeRateLimit', () => {
  it.each<[RateLimitOptions, string]>([
    [quota, '100 in 60000 ms by ip, sliding-window'],
    [{ max: 5, windowMs: 1_000, key: 'api-key', algorithm: 'sliding-log' }, '5 in 1000 ms by api-key, sliding-log'],
    [
      { ...quota, key: { header: 'x-tenant' }, dryRun: true },
      '100 in 60000 ms by header x-tenant, sliding-window, dry run',
    ],
    [{ ...quota, key: { body: 'email' } }, '100 in 60000 ms by body email, sliding-window'],
    [{ ...quota, key: () => 'x' }, '100 in 60000 ms by a function, sliding-window'],
    [{ ...quota, algorithm: 'token-bucket', burst: 200 }, '100 in 60000 ms with bursts of 200 by ip, token-bucket'],
    [{ windows: [quota, { limit: 5, windowMs: 1_000 }] }, '100 in 60000 ms and 5 in 1000 ms by ip, sliding-window'],
    [{ limiter, key: 'identity' }, '100 in 60000 ms by identity, sliding-window'],
  ])('of %o is %s', (options, text) => {
    expect(describeRateLimit(options)).toBe(text);
  });
});
