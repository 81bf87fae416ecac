import { describe, expect, it, vi } from 'vitest';
import { concurrency, ConcurrencyLimiter, type ConcurrencyOptions } from '../../src/concurrency/index.js';
import type { Context } from '../../src/core/context.js';
import { GatewayError } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import type { Handler } from '../../src/core/types.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });

function finish(ctx: Context): void {
  ctx.finish({ status: 200, aborted: false });
}

/** The client leaves, as an adapter tells it. */
function leave(ctx: Context): void {
  ctx.abort(new Error('the client closed the connection'));
  ctx.finish({ status: 499, aborted: true });
}

describe('concurrency', () => {
  it('holds a slot until the exchange is over, and not only until its answer begins', async () => {
    const gate = concurrency({ limit: 1 });
    const [first, second, third] = [fakeContext(), fakeContext(), fakeContext()];
    expect((await gate(first, answer)).status).toBe(200);
    expect((await gate(second, answer)).status).toBe(503);
    finish(first);
    expect((await gate(third, answer)).status).toBe(200);
    expect(gate.limiter.inFlight).toBe(1);
  });

  it('stays synchronous where nobody waits', () => {
    const gate = concurrency({ limit: 1, maxQueue: 5 });
    expect(gate(fakeContext(), answer)).toEqual({ status: 200, headers: {}, body: 'ok' });
  });

  it('refuses with 503, when to come again, and a problem that says why', async () => {
    const gate = concurrency({ limit: 1 });
    await gate(fakeContext(), answer);
    const ctx = fakeContext();
    const { status, headers, body } = await gate(ctx, answer);
    expect([status, headers['retry-after'], ctx.refusal]).toEqual([503, '1', 'ERR_GATEWAY_CONCURRENCY_LIMITED']);
    expect(JSON.parse(body as string)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code: 'ERR_GATEWAY_CONCURRENCY_LIMITED',
    });
  });

  it('a refused exchange frees nothing when it is over', async () => {
    const gate = concurrency({ limit: 1 });
    await gate(fakeContext(), answer);
    const refused = fakeContext();
    await gate(refused, answer);
    finish(refused);
    expect(gate.limiter.inFlight).toBe(1);
  });

  it('frees the slot once, however the exchange ends', async () => {
    const gate = concurrency({ limit: 2 });
    await gate(fakeContext(), answer);
    const broken = fakeContext();
    const failing: Handler = () => {
      throw new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset');
    };
    expect(() => gate(broken, failing)).toThrow('reset');
    expect(gate.limiter.inFlight).toBe(2);
    finish(broken);
    leave(broken);
    expect(gate.limiter.inFlight).toBe(1);
  });

  it('frees the slot when the answer is rejected', async () => {
    const gate = concurrency({ limit: 1 });
    const ctx = fakeContext();
    await expect(gate(ctx, () => Promise.reject(new Error('later')))).rejects.toThrow('later');
    finish(ctx);
    expect(gate.limiter.inFlight).toBe(0);
  });

  it('lets those who wait in, one for each that is over', async () => {
    const clock = new FakeClock();
    const gate = concurrency({ limit: 1, maxQueue: 2, clock });
    const contexts = [fakeContext(), fakeContext(), fakeContext()] as const;
    const seen: number[] = [];
    const results = contexts.map(async (ctx, index) =>
      gate(ctx, () => {
        seen.push(index);
        return { status: 200, headers: {}, body: null };
      }),
    );
    await clock.advanceAsync(10);
    expect(seen).toEqual([0]);
    finish(contexts[0]);
    await clock.advanceAsync(0);
    expect(seen).toEqual([0, 1]);
    finish(contexts[1]);
    await clock.advanceAsync(0);
    expect(seen).toEqual([0, 1, 2]);
    finish(contexts[2]);
    await Promise.all(results);
    expect(gate.limiter).toMatchObject({ inFlight: 0, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  it('refuses those who have waited for queueTimeoutMs', async () => {
    const clock = new FakeClock();
    const gate = concurrency({ limit: 1, maxQueue: 1, queueTimeoutMs: 250, clock });
    await gate(fakeContext(), answer);
    const ctx = fakeContext();
    const result = gate(ctx, answer);
    await clock.advanceAsync(249);
    expect(gate.limiter.queued).toBe(1);
    await clock.advanceAsync(1);
    expect((await result).status).toBe(503);
    finish(ctx);
    expect(gate.limiter.inFlight).toBe(1);
  });

  it('a client that leaves frees its place in the queue, and never gets a slot', async () => {
    const clock = new FakeClock();
    const gate = concurrency({ limit: 1, maxQueue: 1, clock });
    const first = fakeContext();
    await gate(first, answer);
    const ctx = fakeContext();
    const result = gate(ctx, forbidden);
    leave(ctx);
    expect(gate.limiter.queued).toBe(0);
    expect(clock.pending).toBe(0);
    expect((await result).status).toBe(499);
    expect(ctx.refusal).toBe('ERR_GATEWAY_CLIENT_CLOSED');
    finish(first);
    expect(gate.limiter.inFlight).toBe(0);
  });

  it('a client that leaves in the moment in which its turn comes gives the slot back', async () => {
    const clock = new FakeClock();
    const gate = concurrency({ limit: 1, maxQueue: 2, clock });
    const [first, second, third] = [fakeContext(), fakeContext(), fakeContext()];
    await gate(first, answer);
    const left = gate(second, forbidden);
    const next = gate(third, answer);
    finish(first);
    leave(second);
    expect((await left).status).toBe(499);
    expect((await next).status).toBe(200);
    finish(third);
    expect(gate.limiter).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('a client that has left already does not enter', async () => {
    const gate = concurrency({ limit: 1 });
    const ctx = fakeContext();
    ctx.abort(new Error('left'));
    expect((await gate(ctx, forbidden)).status).toBe(499);
    expect(gate.limiter.inFlight).toBe(0);
  });

  it('has nothing to cancel any more when its turn has come', async () => {
    const gate = concurrency({ limit: 1, maxQueue: 1 });
    const [first, second] = [fakeContext(), fakeContext()];
    await gate(first, answer);
    const setCancellable = vi.spyOn(second, 'setCancellable');
    const result = gate(second, (ctx) => {
      expect(setCancellable).toHaveBeenLastCalledWith(null);
      return answer(ctx);
    });
    finish(first);
    expect((await result).status).toBe(200);
  });

  it('shares a limiter', async () => {
    const limiter = new ConcurrencyLimiter({ limit: 1 });
    const [one, other] = [concurrency({ limiter }), concurrency({ limiter })];
    expect((await one(fakeContext(), answer)).status).toBe(200);
    expect((await other(fakeContext(), answer)).status).toBe(503);
    expect([one.limiter, other.limiter]).toEqual([limiter, limiter]);
  });

  it.each<[string, unknown, string[]]>([
    ['no limit', {}, ['limit']],
    ['a limit of 0, and a queue of a half', { limit: 0, maxQueue: 0.5 }, ['limit', 'maxQueue']],
    ['a limiter that is none', { limiter: { limit: 5 } }, ['limiter']],
    ['a limiter and a limit', { limiter: new ConcurrencyLimiter({ limit: 1 }), limit: 2 }, ['limit']],
    ['an unknown option', { limit: 1, size: 5 }, ['size']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      concurrency(options as ConcurrencyOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});

const forbidden: Handler = () => {
  throw new Error('nobody is to get here');
};
