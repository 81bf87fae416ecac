import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import {
  compileHeaders,
  retryAfterSeconds,
  windowNames,
  type RateLimitHeaderOptions,
} from '../../src/rate-limiter/headers.js';
import type { RateLimitDecision, RateLimitPolicy } from '../../src/rate-limiter/types.js';
import { fakeContext } from '../support/request.js';

const minute = { limit: 100, windowMs: 60_000, burst: 100 };
const hour = { limit: 10_000, windowMs: 3_600_000, burst: 10_000 };

function policyOf(overrides: Partial<RateLimitPolicy> = {}): RateLimitPolicy {
  return { name: 'api', algorithm: 'sliding-window', windows: [minute], blockMs: 0, ...overrides };
}

const passed: RateLimitDecision = {
  allowed: true,
  window: 0,
  limit: 100,
  remaining: 42,
  resetMs: 16_001,
  retryAfterMs: 0,
  failure: null,
};
const refused: RateLimitDecision = { ...passed, allowed: false, remaining: 0, resetMs: 90_000, retryAfterMs: 12_001 };

function headersOf(
  decision: RateLimitDecision,
  options: RateLimitHeaderOptions = {},
  policy = policyOf(),
  ctx: Context = fakeContext(),
): Record<string, unknown> {
  compileHeaders(policy, options)(ctx, decision);
  return { ...ctx.answerHeaders };
}

describe('standardHeaders', () => {
  it.each(['draft-8', true, undefined] as const)('%s writes structured fields with the name of the limiter', (form) => {
    expect(headersOf(passed, form === undefined ? {} : { standardHeaders: form })).toEqual({
      'ratelimit-policy': '"api";q=100;w=60',
      ratelimit: '"api";r=42;t=17',
    });
  });

  it('draft-7 writes one field with three members', () => {
    expect(headersOf(passed, { standardHeaders: 'draft-7' })).toEqual({
      'ratelimit-policy': '100;w=60',
      ratelimit: 'limit=100, remaining=42, reset=17',
    });
  });

  it('draft-6 writes a field for each', () => {
    expect(headersOf(passed, { standardHeaders: 'draft-6' })).toEqual({
      'ratelimit-policy': '100;w=60',
      'ratelimit-limit': '100',
      'ratelimit-remaining': '42',
      'ratelimit-reset': '17',
    });
  });

  it('false writes nothing', () => {
    expect(headersOf(passed, { standardHeaders: false })).toEqual({});
  });

  it.each([
    ['draft-8', '"api";q=100;w=60, "api-2";q=10000;w=3600', '"api-2";r=7;t=17'],
    ['draft-7', '100;w=60, 10000;w=3600', 'limit=10000, remaining=7, reset=17'],
  ] as const)('%s tells of every window, and of the state of the one that decides', (form, policies, state) => {
    const decision = { ...passed, window: 1, limit: 10_000, remaining: 7 };
    const headers = headersOf(decision, { standardHeaders: form }, policyOf({ windows: [minute, hour] }));
    expect(headers).toEqual({ 'ratelimit-policy': policies, ratelimit: state });
  });

  it('says when a refused call would pass, and in whole seconds that are never too soon', () => {
    expect(headersOf(refused).ratelimit).toBe('"api";r=0;t=13');
    expect(headersOf({ ...refused, retryAfterMs: 12_000 }).ratelimit).toBe('"api";r=0;t=12');
    expect(headersOf({ ...refused, retryAfterMs: 1 }).ratelimit).toBe('"api";r=0;t=1');
    const odd = policyOf({ windows: [{ ...minute, windowMs: 1_500 }] });
    expect(headersOf(passed, {}, odd)['ratelimit-policy']).toBe('"api";q=100;w=2');
  });

  it('says when nothing counts any more where a call will never pass', () => {
    expect(headersOf({ ...refused, retryAfterMs: Infinity }).ratelimit).toBe('"api";r=0;t=90');
  });

  it('escapes a name', () => {
    expect(headersOf(passed, {}, policyOf({ name: 'a"b\\c' })).ratelimit).toBe('"a\\"b\\\\c";r=42;t=17');
  });

  it('adds to the lists that a limiter further out has begun', () => {
    const ctx = fakeContext();
    headersOf(passed, {}, policyOf({ name: 'all' }), ctx);
    expect(headersOf({ ...passed, remaining: 3 }, {}, policyOf(), ctx)).toEqual({
      'ratelimit-policy': '"all";q=100;w=60, "api";q=100;w=60',
      ratelimit: '"all";r=42;t=17, "api";r=3;t=17',
    });
  });

  it('replaces what stands there in the form of an older draft, and lets an older draft replace it', () => {
    const ctx = fakeContext();
    headersOf(passed, { standardHeaders: 'draft-7' }, policyOf(), ctx);
    expect(headersOf(passed, {}, policyOf(), ctx).ratelimit).toBe('"api";r=42;t=17');
    expect(headersOf(passed, { standardHeaders: 'draft-7' }, policyOf(), ctx)).toEqual({
      'ratelimit-policy': '100;w=60',
      ratelimit: 'limit=100, remaining=42, reset=17',
    });
  });

  it('says nothing where the store is down and nobody has counted, and what a local count says', () => {
    expect(headersOf({ ...passed, failure: 'open' }, { legacyHeaders: true })).toEqual({});
    expect(headersOf({ ...refused, failure: 'closed' }, { legacyHeaders: true })).toEqual({});
    expect(headersOf({ ...passed, failure: 'local' }).ratelimit).toBe('"api";r=42;t=17');
  });
});

describe('legacyHeaders', () => {
  it('add the older fields, with the reset as seconds since 1970', () => {
    const ctx = fakeContext();
    const now = ctx.clock.wall() / 1000;
    expect(headersOf(passed, { standardHeaders: false, legacyHeaders: true }, policyOf(), ctx)).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '42',
      'x-ratelimit-reset': String(now + 17),
    });
    expect(headersOf(refused, { legacyHeaders: true })['x-ratelimit-reset']).toBe(String(now + 13));
  });
});

describe('windowNames', () => {
  it('are the name, and the name with a number from 2 on', () => {
    expect(windowNames(policyOf({ windows: [minute, hour, hour] }))).toEqual(['api', 'api-2', 'api-3']);
  });
});

describe('retryAfterSeconds', () => {
  it.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [0, 1],
    [Infinity, null],
  ])('of %s ms are %s', (retryAfterMs, seconds) => {
    expect(retryAfterSeconds({ ...refused, retryAfterMs })).toBe(seconds);
  });
});
