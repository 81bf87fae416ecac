import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { GatewayError, isGatewayError, type GatewayErrorCode } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { Body, GatewayResponse, Handler, HeaderMap, MaybePromise } from '../../src/core/types.js';
import { retry, RetryBudget, type RetryOptions } from '../../src/retry/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyBytes, bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';

type Ending = number | GatewayErrorCode | Error | Partial<GatewayResponse>;

interface Upstream {
  readonly handler: Handler;
  /** When each attempt began, in ms since the first. */
  readonly times: number[];
}

/** Ends each attempt in the way that stands in the list, and every further one in the last way. */
function upstream(clock: FakeClock, ...endings: readonly Ending[]): Upstream {
  const times: number[] = [];
  const startedAt = clock.now();
  const handler: Handler = (ctx) => {
    const ending = endings[Math.min(times.length, endings.length - 1)] as Ending;
    times.push(clock.now() - startedAt);
    ctx.attempt++;
    if (typeof ending === 'number') return answer(ending);
    if (typeof ending === 'string') throw fail(ctx, new GatewayError(ending, 'failed'));
    if (ending instanceof Error) throw fail(ctx, ending);
    return { ...answer(200), ...ending };
  };
  return { handler, times };
}

function answer(status: number, headers: HeaderMap = {}, body: Body = `status ${status}`): GatewayResponse {
  return { status, headers, body };
}

function fail(ctx: Context, error: Error): Error {
  ctx.error = error;
  return error;
}

interface Run {
  readonly ctx: Context;
  readonly clock: FakeClock;
  readonly times: readonly number[];
  readonly result: MaybePromise<GatewayResponse>;
}

/** One exchange through a retry that waits half of what it may. */
function run(options: RetryOptions, endings: readonly Ending[], request: FakeRequestOptions = {}): Run {
  const clock = new FakeClock();
  const { handler, times } = upstream(clock, ...endings);
  const ctx = fakeContext(request, { clock });
  const result = started(() => retry({ clock, random: () => 0.5, ...options })(ctx, handler));
  return { ctx, clock, times, result };
}

/** A rejection is looked at later than it happens, and a synchronous throw is one here. */
function started(start: () => MaybePromise<GatewayResponse>): MaybePromise<GatewayResponse> {
  try {
    const result = start();
    if (result instanceof Promise) result.catch(() => undefined);
    return result;
  } catch (error) {
    const result = Promise.reject(error instanceof Error ? error : new Error('what was thrown is no error'));
    result.catch(() => undefined);
    return result;
  }
}

async function finished(started: Run): Promise<GatewayResponse> {
  await started.clock.advanceAsync(60_000);
  return started.result;
}

function stream(...chunks: readonly string[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
}

describe('what is tried again', () => {
  it.each<[string, Ending]>([
    ['500', 500],
    ['502', 502],
    ['503', 503],
    ['504', 504],
    ['no connection', 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['a reset', 'ERR_GATEWAY_UPSTREAM_RESET'],
    ['nonsense', 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['a connect timeout', 'ERR_GATEWAY_CONNECT_TIMEOUT'],
    ['no first byte', 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT'],
    ['an error of a handler', new TypeError('oops')],
  ])('%s: 3 attempts, then the last answer goes on', async (_case, ending) => {
    const exchange = run({}, [ending]);
    const last = await finished(exchange).catch((error: unknown) => error);
    expect(exchange.times).toHaveLength(3);
    if (typeof ending === 'number') expect(last).toEqual(answer(ending));
    else expect(last).toBe(exchange.ctx.error);
  });

  it.each<[string, Ending]>([
    ['200', 200],
    ['204', 204],
    ['304', 304],
    ['400', 400],
    ['404', 404],
    ['408', 408],
    ['429', 429],
    ['499', 499],
    ['a busy upstream', 'ERR_GATEWAY_UPSTREAM_BUSY'],
    ['an open circuit', 'ERR_GATEWAY_CIRCUIT_OPEN'],
    ['a client that left', 'ERR_GATEWAY_CLIENT_CLOSED'],
    ['a body that came too late', 'ERR_GATEWAY_BODY_TIMEOUT'],
    ['a body that is too large', 'ERR_GATEWAY_BODY_TOO_LARGE'],
    ['a gateway that drains', 'ERR_GATEWAY_DRAINING'],
  ])('not %s: 1 attempt', async (_case, ending) => {
    const exchange = run({}, [ending]);
    const last = await finished(exchange).catch((error: unknown) => error);
    expect(exchange.times).toHaveLength(1);
    if (typeof ending === 'number') expect(last).toEqual(answer(ending));
    else expect(last).toBe(exchange.ctx.error);
  });

  it('not what the gateway refuses itself, though it is a 503', async () => {
    let attempts = 0;
    const refusing: Handler = (ctx) => {
      attempts++;
      return refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN');
    };
    const { status } = await retry()(fakeContext(), refusing);
    expect([status, attempts]).toEqual([503, 1]);
  });

  it('a refusal at the second attempt ends the retries', async () => {
    const clock = new FakeClock();
    let attempts = 0;
    const opening: Handler = (ctx) => (++attempts === 1 ? answer(500) : refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN'));
    const result = retry({ clock, retries: 5 })(fakeContext({}, { clock }), opening);
    await clock.advanceAsync(60_000);
    expect([(await result).status, attempts]).toEqual([503, 2]);
  });

  it('the statuses of failureStatuses, and no others', async () => {
    const options: RetryOptions = { failureStatuses: [429, 503] };
    for (const [status, attempts] of [
      [429, 3],
      [503, 3],
      [500, 1],
      [200, 1],
    ] as const) {
      const exchange = run(options, [status]);
      await finished(exchange);
      expect(exchange.times).toHaveLength(attempts);
    }
  });

  it.each([0, 1, 2, 10])('%i retries: as many attempts, and one', async (retries) => {
    const exchange = run({ retries, budget: false }, [503]);
    await finished(exchange);
    expect(exchange.times).toHaveLength(retries + 1);
  });

  it('the first success ends it', async () => {
    const exchange = run({ retries: 5 }, ['ERR_GATEWAY_UPSTREAM_RESET', 500, 200]);
    expect((await finished(exchange)).status).toBe(200);
    expect(exchange.times).toHaveLength(3);
  });

  it('a success at the first attempt is synchronous where the layers inside are', () => {
    expect(run({}, [200]).result).toEqual(answer(200));
    expect(run({}, [404]).result).toEqual(answer(404));
  });

  it('a failure that is not tried again is thrown as synchronously as it came', () => {
    const { handler } = upstream(new FakeClock(), 'ERR_GATEWAY_CIRCUIT_OPEN');
    expect(() => retry()(fakeContext(), handler)).toThrow(GatewayError);
  });

  it('answers that come later are looked at, too', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 500, 'ERR_GATEWAY_UPSTREAM_RESET', 200);
    const result = retry({ clock })(fakeContext({}, { clock }), async (ctx) => {
      await Promise.resolve();
      return handler(ctx);
    });
    await clock.advanceAsync(60_000);
    expect((await result).status).toBe(200);
    expect(times).toHaveLength(3);
  });
});

describe('which requests are sent twice', () => {
  const methods: [method: string, headers: HeaderMap, attempts: number][] = [
    ['GET', {}, 3],
    ['HEAD', {}, 3],
    ['OPTIONS', {}, 3],
    ['PUT', {}, 3],
    ['DELETE', {}, 3],
    ['POST', {}, 1],
    ['PATCH', {}, 1],
    ['LOCK', {}, 1],
    ['POST', { 'Idempotency-Key': 'a1' }, 3],
    ['PATCH', { 'Idempotency-Key': 'a1' }, 3],
  ];

  it.each(methods)('%s with %j: %i attempts', async (method, headers, attempts) => {
    for (const ending of [503, 'ERR_GATEWAY_UPSTREAM_RESET'] as const) {
      for (const body of [null, 'text', Buffer.from('bytes'), stream('chunk')]) {
        const exchange = run({}, [ending], { method, headers, body });
        await finished(exchange).catch(() => undefined);
        expect(exchange.times).toHaveLength(attempts);
      }
    }
  });

  it.each<[string, RetryOptions]>([
    ['POST', {}],
    ['PUT', { retries: 0 }],
  ])('a %s stream with %j is not read before it is sent', (method, options) => {
    const body = stream('chunk');
    const { ctx, result } = run(options, [200], { method, body });
    expect(result).toEqual(answer(200));
    expect(body.readableDidRead).toBe(false);
    expect(ctx.drafted).toBeNull();
  });

  it.each([
    ['GET', 'POST', 1],
    ['POST', 'PUT', 3],
  ])('%s that a transform made a %s: %i attempts', async (method, drafted, attempts) => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const ctx = fakeContext({ method }, { clock });
    ctx.draft().method = drafted;
    const result = retry({ clock })(ctx, handler);
    await clock.advanceAsync(60_000);
    await result;
    expect(times).toHaveLength(attempts);
  });

  it('one whose body cannot be forwarded goes straight on', () => {
    const bodyFault = { code: 'ERR_GATEWAY_BODY_CONSUMED', detail: 'Gone.' } as const;
    const exchange = run({}, [503], { method: 'PUT', bodyFault });
    expect(exchange.result).toEqual(answer(503));
    expect(exchange.times).toHaveLength(1);
  });
});

describe('bodies of requests', () => {
  /** The body that each of three failing attempts sends. */
  async function sentBodies(body: Body, options: RetryOptions = {}, headers: HeaderMap = {}): Promise<string[]> {
    const clock = new FakeClock();
    const sent: string[] = [];
    const ctx = fakeContext({ method: 'PUT', body, headers }, { clock });
    const result = retry({ clock, ...options })(ctx, async ({ request, drafted }) => {
      sent.push(await bodyText((drafted ?? request).body));
      return answer(503);
    });
    await clock.advanceAsync(60_000);
    await result;
    return sent;
  }

  it.each<[string, Body]>([
    ['text', 'héllo'],
    ['bytes', Buffer.from('héllo')],
    ['a stream', stream('h', 'él', 'lo')],
  ])('%s is the same at each of 3 attempts', async (_case, body) => {
    expect(await sentBodies(body)).toEqual(['héllo', 'héllo', 'héllo']);
  });

  it('a stream is kept byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 65_536 }, (_, index) => index % 251));
    const parts = [bytes.subarray(0, 1), bytes.subarray(1, 40_000), bytes.subarray(40_000)];
    const ctx = fakeContext({ method: 'PUT', body: Readable.from(parts, { objectMode: false }) });
    await retry()(ctx, () => answer(200));
    expect(ctx.drafted?.body).toEqual(bytes);
  });

  it('up to maxBodyBytes it is kept, and from one byte more on sent once', async () => {
    expect(await sentBodies(stream('12', '34'), { maxBodyBytes: 4 })).toHaveLength(3);
    expect(await sentBodies(stream('12', '345'), { maxBodyBytes: 4 })).toEqual(['12345']);
    expect(await sentBodies(stream('1'), { maxBodyBytes: 0 })).toEqual(['1']);
  });

  it('a stream over maxBodyBytes passes byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    const parts = [bytes.subarray(0, 10), bytes.subarray(10, 100_000), bytes.subarray(100_000)];
    const ctx = fakeContext({ method: 'PUT', body: Readable.from(parts, { objectMode: false }) });
    let received: Uint8Array = Buffer.alloc(0);
    await retry()(ctx, async ({ drafted }) => {
      received = await bodyBytes(drafted?.body ?? null);
      return answer(503);
    });
    expect(bytes.equals(received)).toBe(true);
  });

  it('one that is known to be over maxBodyBytes is not touched', () => {
    const body = stream('12345');
    const exchange = run({ maxBodyBytes: 4 }, [503], { method: 'PUT', body, headers: { 'content-length': '5' } });
    expect(exchange.result).toEqual(answer(503));
    expect(exchange.ctx.drafted).toBeNull();
    expect(body.readableDidRead).toBe(false);
    expect(exchange.times).toHaveLength(1);
  });

  it('a length that belonged to a body before it was replaced says nothing', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const ctx = fakeContext({ method: 'PUT', body: stream('12345'), headers: { 'content-length': '5' } }, { clock });
    ctx.draft().body = stream('12');
    const result = retry({ clock, maxBodyBytes: 4 })(ctx, handler);
    await clock.advanceAsync(60_000);
    await result;
    expect(times).toHaveLength(3);
  });

  it('a client that leaves while it sends is not asked for, and is no failure of the gateway', async () => {
    const body = new Readable({ read: () => undefined });
    const exchange = run({}, [200], { method: 'PUT', body });
    body.push('half of it');
    body.destroy(new Error('connection lost'));
    await expect(exchange.result).rejects.toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    expect(exchange.times).toHaveLength(0);
  });

  it('an error of the gateway in the body is told as it is', async () => {
    const body = new Readable({ read: () => undefined });
    const exchange = run({}, [200], { method: 'PUT', body });
    body.destroy(new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', 'too large'));
    await expect(exchange.result).rejects.toMatchObject({ code: 'ERR_GATEWAY_BODY_TOO_LARGE' });
  });
});

describe('waits', () => {
  it('grow from backoffMs to maxBackoffMs, by what random says', async () => {
    const exchange = run({ retries: 6, backoffMs: 100, maxBackoffMs: 500 }, [503]);
    await finished(exchange);
    expect(exchange.times).toEqual([0, 50, 150, 350, 600, 850, 1_100]);
  });

  it('are up to 50 and 100 ms where nothing is said', async () => {
    const exchange = run({}, ['ERR_GATEWAY_UPSTREAM_UNREACHABLE']);
    await finished(exchange).catch(() => undefined);
    expect(exchange.times).toEqual([0, 25, 75]);
  });

  it.each([
    ['seconds', '2', 2_000],
    ['a date', 'Thu, 01 Jan 2026 00:00:03 GMT', 3_000],
    ['the date of RFC 850', 'Thursday, 01-Jan-26 00:00:04 GMT', 4_000],
    ['the date of asctime', 'Thu Jan  1 00:00:05 2026', 5_000],
    ['a list of fields', ['1', '2'], 1_000],
  ])('are what Retry-After says: %s', async (_case, value, waitMs) => {
    const exchange = run({}, [{ status: 503, headers: { 'retry-after': value } }, 200]);
    expect((await finished(exchange)).status).toBe(200);
    expect(exchange.times).toEqual([0, waitMs]);
  });

  it.each([
    ['5', 2],
    ['6', 1],
    ['Thu, 01 Jan 2026 00:00:06 GMT', 1],
  ])('Retry-After: %s with the cap of 5000 ms: %i attempts', async (value, attempts) => {
    const exchange = run({ retries: 1 }, [{ status: 503, headers: { 'retry-after': value } }]);
    expect(await finished(exchange)).toMatchObject({ status: 503, headers: { 'retry-after': value } });
    expect(exchange.times).toHaveLength(attempts);
  });

  it('the cap is maxRetryAfterMs', async () => {
    const exchange = run({ maxRetryAfterMs: 30_000 }, [{ status: 503, headers: { 'retry-after': '30' } }, 200]);
    await finished(exchange);
    expect(exchange.times).toEqual([0, 30_000]);
  });

  it('a Retry-After that makes no sense is none', async () => {
    const exchange = run({}, [{ status: 503, headers: { 'retry-after': 'soon' } }, 200]);
    await finished(exchange);
    expect(exchange.times).toEqual([0, 25]);
  });

  it('leave no timer behind', async () => {
    const exchange = run({}, [503]);
    await finished(exchange);
    expect(exchange.clock.pending).toBe(0);
  });
});

describe('the budget', () => {
  it('1,000 requests that all fail are at most 1,200 attempts', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const middleware = retry({ clock });
    const results = Array.from({ length: 1_000 }, async () => middleware(fakeContext({}, { clock }), handler));
    await clock.advanceAsync(10_000);
    await Promise.all(results);
    expect(times.length).toBeGreaterThan(1_100);
    expect(times.length).toBeLessThanOrEqual(1_200);
  });

  it('few requests have its floor', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const middleware = retry({ clock, retries: 10, budget: { floor: 4 } });
    const result = middleware(fakeContext({}, { clock }), handler);
    await clock.advanceAsync(9_000);
    await result;
    expect(times).toHaveLength(5);
  });

  it('is shared where it is given', async () => {
    const clock = new FakeClock();
    const budget = new RetryBudget({ clock, floor: 3 });
    const { handler, times } = upstream(clock, 503);
    for (const middleware of [retry({ clock, budget }), retry({ clock, budget })]) {
      const result = middleware(fakeContext({}, { clock }), handler);
      await clock.advanceAsync(1_000);
      await result;
    }
    expect(times).toHaveLength(2 + 3);
    expect(budget.snapshot()).toEqual({ requests: 2, retries: 3, remaining: 0 });
  });

  it('counts requests that are never sent twice, for they are load, too', async () => {
    const clock = new FakeClock();
    const budget = new RetryBudget({ clock, floor: 0 });
    const { handler } = upstream(clock, 503);
    for (let i = 0; i < 5; i++) await retry({ clock, budget })(fakeContext({ method: 'POST' }, { clock }), handler);
    expect(budget.snapshot()).toEqual({ requests: 5, retries: 0, remaining: 1 });
  });

  it('is asked only where a retry would follow', async () => {
    const clock = new FakeClock();
    const budget = new RetryBudget({ clock });
    const late = { status: 503, headers: { 'retry-after': '60' } };
    for (const [ending, retries] of [
      [404, 2],
      [late, 2],
      [503, 0],
    ] as const) {
      await retry({ clock, budget, retries })(fakeContext({}, { clock }), upstream(clock, ending).handler);
    }
    expect(budget.snapshot().retries).toBe(0);
  });

  it('false is none', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const middleware = retry({ clock, budget: false });
    const results = Array.from({ length: 100 }, async () => middleware(fakeContext({}, { clock }), handler));
    await clock.advanceAsync(10_000);
    await Promise.all(results);
    expect(times).toHaveLength(300);
  });
});

describe('the total deadline', () => {
  it.each([
    [24, 1],
    [25, 1],
    [26, 2],
    [75, 2],
    [76, 3],
  ])('of %i ms leaves room for %i attempts', async (deadlineMs, attempts) => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, 503);
    const ctx = fakeContext({}, { clock });
    ctx.deadline = clock.now() + deadlineMs;
    const result = retry({ clock, random: () => 0.5 })(ctx, handler);
    await clock.advanceAsync(10_000);
    expect((await result).status).toBe(503);
    expect(times).toHaveLength(attempts);
  });

  it('is not tried again once it has passed, be it that its timer was early', async () => {
    const { ctx, clock, times, result } = run({}, ['ERR_GATEWAY_TOTAL_TIMEOUT']);
    const failed = expect(result).rejects.toMatchObject({ code: 'ERR_GATEWAY_TOTAL_TIMEOUT' });
    await clock.advanceAsync(10_000);
    await failed;
    expect(ctx.error).toMatchObject({ code: 'ERR_GATEWAY_TOTAL_TIMEOUT' });
    expect(times).toHaveLength(1);
  });

  it('ends the wait for a Retry-After before it begins', async () => {
    const clock = new FakeClock();
    const { handler, times } = upstream(clock, { status: 503, headers: { 'retry-after': '2' } });
    const ctx = fakeContext({}, { clock });
    ctx.deadline = clock.now() + 2_000;
    expect((await retry({ clock })(ctx, handler)).status).toBe(503);
    expect(times).toHaveLength(1);
  });
});

describe('a client that leaves', () => {
  it('ends the wait at once', async () => {
    const { ctx, clock, times, result } = run({}, [503]);
    expect(clock.pending).toBe(1);
    const reason = new Error('the client closed the connection');
    ctx.abort(reason);
    expect(clock.pending).toBe(0);
    expect(ctx.error).toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    const error = await Promise.resolve(result).catch((failure: unknown) => failure);
    expect(isGatewayError(error) && error.code).toBe('ERR_GATEWAY_CLIENT_CLOSED');
    expect((error as Error).cause).toBe(reason);
    await clock.advanceAsync(10_000);
    expect(times).toHaveLength(1);
  });

  it('is no failure of the service that failed before', () => {
    const { ctx } = run({}, ['ERR_GATEWAY_UPSTREAM_RESET']);
    expect(ctx.error).toBeNull();
  });

  it('has no second attempt where it has left before the first one failed', async () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    let attempts = 0;
    const result = await retry({ clock })(ctx, () => {
      attempts++;
      ctx.abort(new Error('left'));
      return answer(503);
    });
    expect([result.status, attempts, clock.pending]).toEqual([503, 1, 0]);
  });

  it('is not answered by the wait any more when the next attempt runs', async () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    let attempts = 0;
    const result = retry({ clock })(ctx, () => {
      if (++attempts === 1) return answer(503);
      ctx.abort(new Error('left'));
      return answer(200);
    });
    await clock.advanceAsync(1_000);
    expect((await result).status).toBe(200);
    expect([attempts, ctx.error]).toEqual([2, null]);
  });
});

describe('what is dropped', () => {
  it('bodies of dropped answers are destroyed, and the last one is not', async () => {
    const bodies = [stream('first'), stream('second'), stream('third')];
    const exchange = run(
      {},
      bodies.map((body) => ({ status: 503, body })),
    );
    const last = await finished(exchange);
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    expect(last.body).toBe(bodies[2]);
  });

  it('the error of a dropped attempt is forgotten, with what destroying its body leaves', async () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    const errors: unknown[] = [];
    const body = stream('first').on('close', () => undefined);
    const destroy = body.destroy.bind(body);
    body.destroy = (error) => {
      ctx.error = new Error('the reader left');
      return destroy(error);
    };
    let attempts = 0;
    const result = retry({ clock })(ctx, () => {
      errors.push(ctx.error);
      if (++attempts === 1) return answer(503, {}, body);
      if (attempts === 2) throw fail(ctx, new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset'));
      return answer(200);
    });
    await clock.advanceAsync(1_000);
    expect((await result).status).toBe(200);
    expect(errors).toEqual([null, null, null]);
    expect(ctx.error).toBeNull();
  });

  it('the error of the last attempt stays', async () => {
    const exchange = run({ retries: 1 }, [503, 'ERR_GATEWAY_UPSTREAM_RESET']);
    const error: unknown = await finished(exchange).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_RESET' });
    expect(exchange.ctx.error).toBe(error);
  });
});

describe('options', () => {
  it.each<[string, unknown, string]>([
    ['retries below 0', { retries: -1 }, 'retries'],
    ['retries above 10', { retries: 11 }, 'retries'],
    ['a text as backoffMs', { backoffMs: '50' }, 'backoffMs'],
    ['a backoff above its ceiling', { backoffMs: 200, maxBackoffMs: 100 }, 'maxBackoffMs'],
    ['a backoff above the default ceiling', { backoffMs: 2_000 }, 'maxBackoffMs'],
    ['a ceiling below the default backoff', { maxBackoffMs: 10 }, 'maxBackoffMs'],
    ['an endless Retry-After', { maxRetryAfterMs: Infinity }, 'maxRetryAfterMs'],
    ['an endless body', { maxBodyBytes: Infinity }, 'maxBodyBytes'],
    ['a status that is no failure', { failureStatuses: [200] }, 'failureStatuses[0]'],
    ['budget: true', { budget: true }, 'budget'],
    ['a typo in the budget', { budget: { percent: 10 } }, 'budget.percent'],
    ['a number as random', { random: 4 }, 'random'],
    ['an unknown option', { retry: 2 }, 'retry'],
  ])('do not start with %s', (_case, options, path) => {
    expect(faultPaths(options)).toEqual([path]);
  });

  it('tell all faults at once', () => {
    expect(faultPaths({ retries: 1.5, backoffMs: 2_000, budget: { floor: -1 } })).toEqual([
      'retries',
      'budget.floor',
      'maxBackoffMs',
    ]);
  });

  it('need not be given', () => {
    expect(() => retry()).not.toThrow();
    expect(() => retry({ backoffMs: 0, maxBackoffMs: 0, maxRetryAfterMs: 0, maxBodyBytes: 0 })).not.toThrow();
  });
});

function faultPaths(options: unknown): string[] {
  try {
    retry(options as RetryOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}
