import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import type { Context } from '../../src/core/context.js';
import type { Destination } from '../../src/core/destination.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { AttemptRecord } from '../../src/proxy/attempt-record.js';
import type { Connection, DispatchController, DispatchHandler, DispatchOptions } from '../../src/proxy/dispatcher.js';
import { HttpProxy } from '../../src/proxy/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

const options: DispatchOptions = {
  origin: 'http://users:3001',
  path: '/users',
  method: 'GET',
  headers: [],
  body: null,
  servername: 'users',
  exchange: null,
};

/** Writes down what it is told of, and what could be read of the call at that time. */
class Place implements Destination {
  readonly url = 'http://users:3001';
  readonly told: string[] = [];
  readonly attempts: Attempt[] = [];

  onDeparture(): void {}

  onAttemptStart(ctx: Context, attempt: Attempt): void {
    expect(ctx.lastAttempt).toBe(attempt);
    expect(attempt.endedAt).toBeNaN();
    this.told.push(`start ${attempt.number}`);
  }

  onAttemptEnd(_ctx: Context, attempt: Attempt): void {
    this.told.push(`end ${attempt.number}`);
    this.attempts.push(attempt);
  }
}

describe('an AttemptRecord', () => {
  it('tells the destination that it goes to of its start and of its end, whatever the exchange has got since', () => {
    const ctx = fakeContext();
    const [first, second] = [new Place(), new Place()];
    const attempt = new AttemptRecord(ctx, options, first);
    ctx.destination = second;
    attempt.end(ctx, null);
    expect([first.told, second.told]).toEqual([['start 1', 'end 1'], []]);
    new AttemptRecord(ctx, options, null).end(ctx, null);
    expect([first.told, second.told]).toEqual([['start 1', 'end 1'], []]);
  });

  it('tells calls that overlap each to its own destination', () => {
    const ctx = fakeContext();
    const [first, second] = [new Place(), new Place()];
    const slow = new AttemptRecord(ctx, options, first);
    const fast = new AttemptRecord(ctx, options, second);
    fast.end(ctx, null);
    slow.end(ctx, new Error('too late'));
    expect([first.told, second.told]).toEqual([
      ['start 1', 'end 1'],
      ['start 2', 'end 2'],
    ]);
    expect([first.attempts, second.attempts]).toEqual([[slow], [fast]]);
  });

  it('tells the destination before the observers of the exchange', () => {
    const ctx = fakeContext();
    const order: string[] = [];
    const destination = { url: options.origin, onDeparture() {}, onAttemptStart: () => order.push('destination') };
    ctx.observeAttempts({ onAttemptStart: () => order.push('observer') });
    new AttemptRecord(ctx, options, destination).end(ctx, null);
    expect(order).toEqual(['destination', 'observer']);
  });
});

/** Stands in for undici: the test says what comes of a call. */
class FakeDispatcher {
  readonly controller: DispatchController & { reason: Error | null } = {
    reason: null,
    abort(reason) {
      this.reason = reason;
    },
    pause() {},
    resume() {},
  };
  /** What the pool would run the call on. */
  connection: Connection | null = null;
  readonly handlers: DispatchHandler[] = [];

  dispatch(given: DispatchOptions, handler: DispatchHandler): boolean {
    if (given.exchange !== null) given.exchange.connection = this.connection;
    this.handlers.push(handler);
    handler.onRequestStart(this.controller, null);
    return true;
  }

  get handler(): DispatchHandler {
    const last = this.handlers.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last;
  }

  answer(length = '0'): void {
    this.handler.onResponseStart(this.controller, 200, { 'content-length': length });
  }
}

/** A call that is under way to a place. */
function sent({ leftBefore = false, connection = null as Connection | null } = {}) {
  const clock = new FakeClock();
  const dispatcher = new FakeDispatcher();
  dispatcher.connection = connection;
  const proxy = new HttpProxy({ target: 'http://unused', dispatcher, timeouts: { firstByteMs: 100 } }, { clock });
  const ctx = fakeContext({}, { clock });
  const place = new Place();
  ctx.destination = place;
  if (leftBefore) ctx.abort(new Error('left'));
  const answer = proxy.forward(ctx) as Promise<GatewayResponse>;
  answer.catch(() => undefined);
  return { clock, dispatcher, ctx, place, answer };
}

const REFUSED = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

describe('the destination of a call hears of its end once', () => {
  it('when the answer is complete', async () => {
    const { dispatcher, place, answer } = sent();
    dispatcher.answer();
    await answer;
    expect(place.told).toEqual(['start 1']);
    dispatcher.handler.onResponseEnd(dispatcher.controller, null);
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(place.attempts[0]).toMatchObject({ status: 200, error: null, origin: 'http://users:3001' });
  });

  it('when the answer has no body, though more of it is told', async () => {
    const { dispatcher, place, answer } = sent();
    dispatcher.handler.onResponseStart(dispatcher.controller, 204, {});
    dispatcher.handler.onResponseEnd(dispatcher.controller, null);
    await answer;
    expect(place.told).toEqual(['start 1', 'end 1']);
  });

  it('when the upstream fails', async () => {
    const { dispatcher, place, answer } = sent();
    dispatcher.handler.onResponseError(dispatcher.controller, REFUSED);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(place.attempts[0]).toMatchObject({ status: 0, error: { code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' } });
  });

  it('when a deadline passes, whatever the upstream says after that', async () => {
    const { clock, dispatcher, place, answer } = sent();
    await clock.advanceAsync(1_100);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT' });
    dispatcher.handler.onResponseError(dispatcher.controller, dispatcher.controller.reason as Error);
    expect(place.told).toEqual(['start 1', 'end 1']);
  });

  it('when the client leaves before there is an answer', async () => {
    const { ctx, dispatcher, place, answer } = sent();
    ctx.abort(new Error('left'));
    expect(place.told).toEqual(['start 1', 'end 1']);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    expect(dispatcher.controller.reason).toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    dispatcher.handler.onResponseError(dispatcher.controller, dispatcher.controller.reason as Error);
    ctx.abort(new Error('again'));
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(place.attempts[0]).toMatchObject({ status: 0, error: { code: 'ERR_GATEWAY_CLIENT_CLOSED' } });
  });

  it('when the client leaves in the middle of the answer', async () => {
    const { ctx, dispatcher, place, answer } = sent();
    dispatcher.answer('10');
    await answer;
    ctx.abort(new Error('left'));
    dispatcher.handler.onResponseError(dispatcher.controller, new Error('aborted'));
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(place.attempts[0]).toMatchObject({ status: 200, error: { code: 'ERR_GATEWAY_CLIENT_CLOSED' } });
  });

  it('when the client leaves after the answer is complete', async () => {
    const { ctx, dispatcher, place, answer } = sent();
    dispatcher.answer();
    dispatcher.handler.onResponseEnd(dispatcher.controller, null);
    await answer;
    ctx.abort(new Error('left'));
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(place.attempts[0]?.error).toBeNull();
  });

  it('when the client had left already, and nothing is sent', async () => {
    const { dispatcher, place, answer } = sent({ leftBefore: true });
    await expect(answer).rejects.toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    expect(place.told).toEqual(['start 1', 'end 1']);
    expect(dispatcher.handlers).toEqual([]);
  });

  it('and not the one that the exchange has got since', async () => {
    const { ctx, dispatcher, place, answer } = sent();
    const next = new Place();
    ctx.destination = next;
    dispatcher.answer();
    dispatcher.handler.onResponseEnd(dispatcher.controller, null);
    await answer;
    expect([place.told, next.told]).toEqual([['start 1', 'end 1'], []]);
  });

  it('for each call, where a connection of the pool was dead and the request is sent again', async () => {
    const connection = { answers: 1, broken: false, bytesRead: 0, openedAt: 0, connectMs: 0 };
    const { ctx, dispatcher, place, answer } = sent({ connection });
    ctx.destination = new Place();
    dispatcher.handler.onResponseError(dispatcher.controller, new Error('closed'));
    await expect(answer).rejects.toThrow();
    expect(place.told).toEqual(['start 1', 'end 1', 'start 2', 'end 2']);
  });
});
