import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { ConfigError } from '../../src/core/options.js';
import type { Handler, IdentityRateLimit } from '../../src/core/types.js';
import { identityRateLimit, MemoryStore, type IdentityRateLimitOptions } from '../../src/rate-limiter/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

const served: Handler = () => ({ status: 200, headers: {}, body: null });

function callerOf(clock: FakeClock, id: string | null, rateLimit?: IdentityRateLimit): Context {
  const ctx = fakeContext({}, { clock });
  const known = { scheme: 'api-key', claims: {}, scopes: [], roles: [] };
  if (id !== null) ctx.identity = rateLimit === undefined ? { id, ...known } : { id, ...known, rateLimit };
  return ctx;
}

function limits(options: IdentityRateLimitOptions = {}) {
  const clock = new FakeClock();
  const middleware = identityRateLimit({ clock, ...options });
  const statusOf = async (id: string | null, rateLimit?: IdentityRateLimit): Promise<number> =>
    (await middleware(callerOf(clock, id, rateLimit), served)).status;
  return { clock, middleware, statusOf };
}

const twice = { limit: 2, windowMs: 1_000 };

describe('identityRateLimit', () => {
  it('holds each caller to the limit of its own identity', async () => {
    const { statusOf } = limits();
    expect(await statusOf('ada', twice)).toBe(200);
    expect(await statusOf('ada', twice)).toBe(200);
    expect(await statusOf('ada', twice)).toBe(429);
    expect(await statusOf('bob', twice)).toBe(200);
    expect(await statusOf('eve', { limit: 1, windowMs: 1_000 })).toBe(200);
    expect(await statusOf('eve', { limit: 1, windowMs: 1_000 })).toBe(429);
  });

  it('counts nobody who brings no limit', async () => {
    const { statusOf } = limits();
    for (let call = 0; call < 10; call++) {
      expect(await statusOf(null)).toBe(200);
      expect(await statusOf('ada')).toBe(200);
    }
  });

  it('lets the caller in again when the window is over', async () => {
    const { clock, statusOf } = limits({ algorithm: 'fixed-window' });
    const once = { limit: 1, windowMs: 1_000 };
    expect(await statusOf('ada', once)).toBe(200);
    expect(await statusOf('ada', once)).toBe(429);
    clock.advance(1_000);
    expect(await statusOf('ada', once)).toBe(200);
  });

  it('counts at most 100 distinct limits at a time: the oldest starts anew', async () => {
    const { statusOf } = limits();
    const first = { limit: 1, windowMs: 60_000 };
    expect(await statusOf('ada', first)).toBe(200);
    for (let limit = 2; limit <= 100; limit++) await statusOf('ada', { limit, windowMs: 60_000 });
    expect(await statusOf('ada', first)).toBe(429);
    await statusOf('ada', { limit: 101, windowMs: 60_000 });
    expect(await statusOf('ada', first)).toBe(200);
  });

  it('says how many requests it has refused, those of limits that are forgotten too', async () => {
    const { middleware, statusOf } = limits();
    const first = { limit: 1, windowMs: 60_000 };
    for (let call = 0; call < 3; call++) await statusOf('ada', first);
    expect(middleware.refused()).toBe(2);
    for (let limit = 2; limit <= 101; limit++) await statusOf('ada', { limit, windowMs: 60_000 });
    expect([...middleware.limits()]).toHaveLength(100);
    expect(middleware.refused()).toBe(2);
  });

  it('tells of the limit in the header of the answer', async () => {
    const clock = new FakeClock();
    const ctx = callerOf(clock, 'ada', twice);
    await identityRateLimit({ clock })(ctx, served);
    expect(ctx.answerHeaders?.['ratelimit-policy']).toBe('"identity-2-1000";q=2;w=1');
  });

  it('gives the names in a shared store back when it is closed', async () => {
    const store = new MemoryStore();
    const { middleware, statusOf } = limits({ store });
    await statusOf('ada', twice);
    await middleware.close();
    const again = limits({ store });
    expect(await again.statusOf('ada', twice)).toBe(200);
  });

  it.each([
    [{ limit: 5 }, 'limit: unknown option'],
    [{ key: 'ip' }, 'key: unknown option'],
    [{ windowMs: 5 }, 'windowMs: unknown option'],
    [{ skipFailedRequests: true, skipSuccessfulRequests: true }, 'take every request back'],
    [{ algorithm: 'none' }, 'algorithm: got "none"'],
  ])('refuses %j', (options, message) => {
    const build = () => identityRateLimit(options as IdentityRateLimitOptions);
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });
});
