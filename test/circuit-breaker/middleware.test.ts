import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  CircuitBreaker,
  type CircuitBreakerMiddleware,
  type CircuitBreakerMiddlewareOptions,
} from '../../src/circuit-breaker/index.js';
import type { Context } from '../../src/core/context.js';
import { GatewayError, type GatewayErrorCode } from '../../src/core/errors.js';
import { refuse } from '../../src/core/refuse.js';
import type { Body, GatewayResponse, Handler, HeaderMap } from '../../src/core/types.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

/** A breaker that opens with 2 failures of which one has happened: each call leaves its trace in the count. */
function startMiddleware(options: CircuitBreakerMiddlewareOptions = {}): {
  middleware: CircuitBreakerMiddleware;
  breaker: CircuitBreaker;
  clock: FakeClock;
} {
  const clock = new FakeClock();
  const middleware = circuitBreaker({ clock, failureThreshold: 2, ...options });
  const { breaker } = middleware;
  breaker.acquire()?.failure();
  return { middleware, breaker, clock };
}

/** What the last call was counted as: `startMiddleware` leaves 1 failure behind. */
function countedAs({ state, consecutiveFailures }: ReturnType<CircuitBreaker['snapshot']>): string {
  if (state === 'open') return 'failure';
  return consecutiveFailures === 0 ? 'success' : 'neither';
}

function answering(status: number, body: Body = null, headers: HeaderMap = {}): Handler {
  return () => ({ status, headers, body });
}

function throwing(error: unknown): Handler {
  return () => {
    throw error;
  };
}

function failureWith(code: GatewayErrorCode): GatewayError {
  return new GatewayError(code, 'upstream http://10.0.0.1: failed');
}

/** As an adapter ends an exchange whose connection is gone before all of the answer was sent. */
function cutShort(ctx: Context, status: number): void {
  ctx.abort(new Error('the client closed the connection'));
  ctx.finish({ status, aborted: true });
}

describe('an answer', () => {
  it.each([
    [200, 'success'],
    [304, 'success'],
    [400, 'success'],
    [401, 'success'],
    [404, 'success'],
    [408, 'success'],
    [429, 'success'],
    [499, 'success'],
    [500, 'failure'],
    [502, 'failure'],
    [503, 'failure'],
    [504, 'failure'],
    [599, 'failure'],
  ])('of %i is a %s, at its head', (status, result) => {
    const { middleware, breaker } = startMiddleware();
    const answer = middleware(fakeContext(), answering(status, 'text'));
    expect(answer).toEqual({ status, headers: {}, body: 'text' });
    expect(countedAs(breaker.snapshot())).toBe(result);
  });

  it.each([
    [503, 'failure'],
    [429, 'failure'],
    [500, 'success'],
  ])('of %i with failureStatuses 429 and 503 is a %s', async (status, result) => {
    const { middleware, breaker } = startMiddleware({ failureStatuses: [429, 503] });
    await middleware(fakeContext(), answering(status));
    expect(countedAs(breaker.snapshot())).toBe(result);
  });

  it('that comes later counts the same, and goes on as it is', async () => {
    const { middleware, breaker } = startMiddleware();
    const response: GatewayResponse = { status: 503, headers: {}, body: null };
    expect(await middleware(fakeContext(), () => Promise.resolve(response))).toBe(response);
    expect(countedAs(breaker.snapshot())).toBe('failure');
  });

  it('of the gateway itself says nothing', async () => {
    const { middleware, breaker } = startMiddleware();
    await middleware(fakeContext(), (ctx) => refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY'));
    expect(countedAs(breaker.snapshot())).toBe('neither');
  });

  it.each<[string, Body]>([
    ['nothing', null],
    ['a text', 'text'],
    ['bytes', Buffer.from('bytes')],
  ])('with %s as its body is a success at its head', async (_kind, body) => {
    const { middleware, breaker } = startMiddleware();
    await middleware(fakeContext(), answering(200, body));
    expect(countedAs(breaker.snapshot())).toBe('success');
  });

  it.each(['text/event-stream', 'Text/Event-Stream; charset=utf-8'])('of %s is a success at its head', async (type) => {
    const { middleware, breaker } = startMiddleware();
    await middleware(fakeContext(), answering(200, Readable.from([]), { 'content-type': type }));
    expect(countedAs(breaker.snapshot())).toBe('success');
  });

  it('with a stream fails at its head where its status does', async () => {
    const { middleware, breaker } = startMiddleware();
    await middleware(fakeContext(), answering(500, Readable.from([])));
    expect(countedAs(breaker.snapshot())).toBe('failure');
  });
});

describe('a streamed answer', () => {
  async function streamed(): Promise<{ breaker: CircuitBreaker; ctx: Context }> {
    const { middleware, breaker } = startMiddleware();
    const ctx = fakeContext();
    await middleware(ctx, answering(200, Readable.from([]), { 'content-type': 'text/plain' }));
    expect(countedAs(breaker.snapshot())).toBe('neither');
    return { breaker, ctx };
  }

  it('is a success when the client has it all', async () => {
    const { breaker, ctx } = await streamed();
    ctx.finish({ status: 200, aborted: false });
    expect(countedAs(breaker.snapshot())).toBe('success');
  });

  it.each<[GatewayErrorCode, string]>([
    ['ERR_GATEWAY_UPSTREAM_RESET', 'failure'],
    ['ERR_GATEWAY_UPSTREAM_PROTOCOL', 'failure'],
    ['ERR_GATEWAY_IDLE_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_TOTAL_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_UPSTREAM_TOO_LARGE', 'neither'],
    ['ERR_GATEWAY_CLIENT_CLOSED', 'neither'],
    ['ERR_GATEWAY_DRAINING', 'neither'],
  ])('that breaks off with %s is a %s', async (code, result) => {
    const { breaker, ctx } = await streamed();
    ctx.error = failureWith(code);
    cutShort(ctx, code === 'ERR_GATEWAY_CLIENT_CLOSED' ? 499 : 200);
    expect(countedAs(breaker.snapshot())).toBe(result);
  });

  it('that breaks off before its head is sent is a failure, though the refusal in its place is sent in full', async () => {
    const { breaker, ctx } = await streamed();
    ctx.error = failureWith('ERR_GATEWAY_UPSTREAM_RESET');
    refuse(ctx, 'ERR_GATEWAY_UPSTREAM_RESET');
    ctx.finish({ status: 502, aborted: false });
    expect(countedAs(breaker.snapshot())).toBe('failure');
  });

  it('says nothing where the client left', async () => {
    const { breaker, ctx } = await streamed();
    cutShort(ctx, 499);
    expect(countedAs(breaker.snapshot())).toBe('neither');
  });

  it('says nothing where a reader in this process has had enough', async () => {
    const { breaker, ctx } = await streamed();
    ctx.error = new Error('the reader left');
    ctx.finish({ status: 200, aborted: true });
    expect(countedAs(breaker.snapshot())).toBe('neither');
  });

  it('is a success though an earlier attempt has left its error', async () => {
    const { breaker, ctx } = await streamed();
    ctx.error = failureWith('ERR_GATEWAY_UPSTREAM_RESET');
    ctx.finish({ status: 200, aborted: false });
    expect(countedAs(breaker.snapshot())).toBe('success');
  });

  it('is no slower for a client that reads slowly', async () => {
    const { middleware, breaker, clock } = startMiddleware({ slowCallMs: 100, failureThreshold: 2 });
    const ctx = fakeContext();
    await middleware(ctx, answering(200, Readable.from([])));
    clock.advance(10_000);
    ctx.finish({ status: 200, aborted: false });
    expect(breaker.snapshot()).toMatchObject({ calls: 1, slowCalls: 0 });
  });

  it('closes a half-open circuit at its head: a client that reads slowly does not keep others out', async () => {
    const { middleware, breaker, clock } = startMiddleware();
    breaker.open();
    clock.advance(30_000);
    await middleware(fakeContext(), answering(200, Readable.from([])));
    expect(breaker.state).toBe('closed');
  });
});

describe('an error', () => {
  it.each<[GatewayErrorCode, string]>([
    ['ERR_GATEWAY_UPSTREAM_UNREACHABLE', 'failure'],
    ['ERR_GATEWAY_UPSTREAM_RESET', 'failure'],
    ['ERR_GATEWAY_UPSTREAM_PROTOCOL', 'failure'],
    ['ERR_GATEWAY_CONNECT_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_FIRST_BYTE_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_IDLE_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_TOTAL_TIMEOUT', 'failure'],
    ['ERR_GATEWAY_UPSTREAM_TOO_LARGE', 'neither'],
    ['ERR_GATEWAY_BODY_TOO_LARGE', 'neither'],
    ['ERR_GATEWAY_BODY_TIMEOUT', 'neither'],
    ['ERR_GATEWAY_CLIENT_CLOSED', 'neither'],
    ['ERR_GATEWAY_DRAINING', 'neither'],
    ['ERR_GATEWAY_INTERNAL', 'neither'],
  ])('of %s is a %s, and goes on', async (code, result) => {
    const error = failureWith(code);
    for (const handler of [throwing(error), () => Promise.reject(error)]) {
      const { middleware, breaker } = startMiddleware();
      await expect((async () => middleware(fakeContext(), handler))()).rejects.toBe(error);
      expect(countedAs(breaker.snapshot())).toBe(result);
    }
  });

  it('of a handler in the place of a service is a failure', () => {
    const { middleware, breaker } = startMiddleware();
    expect(() => middleware(fakeContext(), throwing(new TypeError('fetch failed')))).toThrow('fetch failed');
    expect(countedAs(breaker.snapshot())).toBe('failure');
  });

  it('after the client has left says nothing', () => {
    const { middleware, breaker } = startMiddleware();
    const ctx = fakeContext();
    ctx.abort(new Error('left'));
    expect(() => middleware(ctx, throwing(new TypeError('aborted')))).toThrow('aborted');
    expect(countedAs(breaker.snapshot())).toBe('neither');
  });
});

describe('circuitBreaker', () => {
  it.each([
    [30_000, 0, '30'],
    [30_000, 28_999, '2'],
    [30_000, 29_000, '1'],
    [30_000, 29_999, '1'],
    [1_001, 0, '2'],
    [1, 0, '1'],
  ])(
    'refuses at once, with Retry-After: open for %i ms, %i ms of it gone, gives %s',
    (resetTimeout, passedMs, seconds) => {
      const { middleware, breaker, clock } = startMiddleware({ resetTimeout });
      breaker.open();
      clock.advance(passedMs);
      const ctx = fakeContext();
      const answer = middleware(ctx, throwing(new Error('asked'))) as GatewayResponse;
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, seconds]);
      expect(JSON.parse(answer.body as string)).toMatchObject({ code: 'ERR_GATEWAY_CIRCUIT_OPEN' });
      expect(ctx.refusal).toBe('ERR_GATEWAY_CIRCUIT_OPEN');
    },
  );

  it.each([
    [false, 0],
    [true, 1],
  ])('counts the body of a probe once the circuit is closed: it breaks off %s, failures %i', async (aborted, count) => {
    const { middleware, breaker, clock } = startMiddleware();
    breaker.open();
    clock.advance(30_000);
    const ctx = fakeContext();
    await middleware(ctx, answering(200, Readable.from([])));
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', consecutiveFailures: 0 });
    if (aborted) ctx.error = failureWith('ERR_GATEWAY_UPSTREAM_RESET');
    ctx.finish({ status: 200, aborted });
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', consecutiveFailures: count });
  });

  it('lets 1 of 200 requests pass where it is half-open, and refuses 199 with Retry-After: 1', async () => {
    const { middleware, breaker, clock } = startMiddleware();
    breaker.open();
    clock.advance(30_000);
    let asked = 0;
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () =>
        middleware(fakeContext(), async () => {
          asked++;
          await new Promise(setImmediate);
          return { status: 200, headers: {}, body: null };
        }),
      ),
    );
    expect(asked).toBe(1);
    expect(answers.filter(({ status, headers }) => status === 503 && headers['retry-after'] === '1')).toHaveLength(199);
    expect(breaker.state).toBe('closed');
  });

  it('lets the next request pass where the client of a probe left', async () => {
    const { middleware, breaker, clock } = startMiddleware();
    breaker.open();
    clock.advance(30_000);
    const ctx = fakeContext();
    const probe = middleware(ctx, () => Promise.reject(failureWith('ERR_GATEWAY_CLIENT_CLOSED')));
    expect(middleware(fakeContext(), answering(200))).toMatchObject({ status: 503 });
    await expect(probe).rejects.toThrow();
    expect(middleware(fakeContext(), answering(200))).toMatchObject({ status: 200 });
    expect(breaker.state).toBe('closed');
  });

  it('counts every attempt of a request', async () => {
    const { middleware, breaker } = startMiddleware({ failureThreshold: 3 });
    const ctx = fakeContext();
    await middleware(ctx, answering(503, Readable.from([])));
    expect(breaker.snapshot().consecutiveFailures).toBe(2);
    await middleware(ctx, answering(200, Readable.from([])));
    ctx.finish({ status: 200, aborted: false });
    expect(breaker.snapshot().consecutiveFailures).toBe(0);
  });

  it('shares a circuit', async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 2, clock: new FakeClock() });
    const [one, other] = [circuitBreaker({ breaker }), circuitBreaker({ breaker, failureStatuses: [429] })];
    expect(one.breaker).toBe(breaker);
    await one(fakeContext(), answering(500));
    await other(fakeContext(), answering(429));
    expect(breaker.state).toBe('open');
    expect(one(fakeContext(), answering(200))).toMatchObject({ status: 503 });
  });

  it('stays synchronous where the layers inside are', () => {
    expect(circuitBreaker()(fakeContext(), answering(200))).not.toBeInstanceOf(Promise);
  });
});
