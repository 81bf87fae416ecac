import { describe, expect, it } from 'vitest';
import { Context, NO_PARAMS, type Outcome } from '../../src/core/context.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, fakeRequest } from '../support/request.js';

const OUTCOME: Outcome = { status: 200, aborted: false };
const gone = new Error('the client left');

describe('Context', () => {
  it('starts with every slot empty', () => {
    const { requestId, route, params, identity, target, attempt, refusal, error, inform, drafted, aborted } =
      fakeContext();
    expect({ requestId, route, params, identity, target, attempt, refusal, error, inform, drafted, aborted }).toEqual({
      ...{ requestId: '', route: null, params: {}, identity: null, target: null, attempt: 0 },
      ...{ refusal: null, error: null, inform: null, drafted: null, aborted: null },
    });
  });

  it('has one shape: two exchanges have the same own keys in the same order', () => {
    const used = fakeContext();
    used.requestId = 'r1';
    used.state.x = 1;
    used.draft();
    expect(Object.keys(used)).toEqual(Object.keys(fakeContext()));
  });

  it('reads the clock once, at the start', () => {
    const clock = new FakeClock({ now: 5_000 });
    const ctx = fakeContext({}, { clock });
    clock.advance(40);
    expect(ctx.startedAt).toBe(5_000);
    expect(ctx.clock).toBe(clock);
  });

  it('runs on the system clock by default', () => {
    const before = performance.now();
    const { startedAt } = new Context(fakeRequest());
    expect(startedAt).toBeGreaterThanOrEqual(before);
    expect(startedAt).toBeLessThanOrEqual(performance.now());
  });

  it('keeps the function that sends 1xx answers', () => {
    const inform = (): void => undefined;
    expect(fakeContext({}, { inform }).inform).toBe(inform);
  });

  it('has frozen parameters without a prototype where the route has none', () => {
    expect(Object.isFrozen(NO_PARAMS)).toBe(true);
    expect(Object.getPrototypeOf(NO_PARAMS)).toBeNull();
  });

  describe('state', () => {
    it('is the same object each time, without a prototype', () => {
      const ctx = fakeContext();
      ctx.state.user = 'ada';
      expect(ctx.state.user).toBe('ada');
      expect(Object.getPrototypeOf(ctx.state)).toBeNull();
    });

    it('belongs to one exchange', () => {
      fakeContext().state.user = 'ada';
      expect(fakeContext().state.user).toBeUndefined();
    });

    it('takes `__proto__` as an ordinary name', () => {
      const ctx = fakeContext();
      ctx.state['__proto__'] = { polluted: true };
      expect(Object.keys(ctx.state)).toEqual(['__proto__']);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });
  });

  describe('draft', () => {
    const options = { method: 'POST', url: '/a?b=c', headers: { 'X-One': '1' }, body: 'text' };

    it('copies the request on first use and is the same object after that', () => {
      const ctx = fakeContext(options);
      expect(ctx.drafted).toBeNull();
      const draft = ctx.draft();
      expect({ ...draft, headers: { ...draft.headers } }).toEqual({
        ...{ method: 'POST', url: null, body: 'text' },
        headers: { host: 'gateway.test', 'x-one': '1' },
      });
      expect(ctx.draft()).toBe(draft);
      expect(ctx.drafted).toBe(draft);
    });

    it('leaves the request as it is', () => {
      const ctx = fakeContext(options);
      const draft = ctx.draft();
      draft.method = 'PUT';
      draft.headers['x-one'] = '2';
      delete draft.headers.host;
      expect(ctx.request.method).toBe('POST');
      expect(ctx.request.headers).toEqual({ host: 'gateway.test', 'x-one': '1' });
    });

    it('leaves out identity that the client claimed; the request still shows it', () => {
      const claims = { 'X-User-Id': 'root', 'x-consumer-id': 'c', 'X-USER-ROLE': 'admin', 'x-user-roles': 'admin' };
      const ctx = fakeContext({ headers: { ...claims, 'x-user-agent': 'kept' } });
      expect({ ...ctx.draft().headers }).toEqual({ host: 'gateway.test', 'x-user-agent': 'kept' });
      expect(ctx.request.headers['x-user-id']).toBe('root');
    });

    it('has headers without a prototype', () => {
      const { headers } = fakeContext(options).draft();
      expect(Object.prototype.isPrototypeOf.call(Object.prototype, headers)).toBe(false);
      expect(headers.constructor).toBeUndefined();
    });
  });

  describe('onFinish and finish', () => {
    it('calls every listener once, in order, with the context and the outcome', () => {
      const ctx = fakeContext();
      const calls: unknown[][] = [];
      ctx.onFinish((...args) => calls.push(['first', ...args]));
      ctx.onFinish((...args) => calls.push(['second', ...args]));
      ctx.finish(OUTCOME);
      expect(calls).toEqual([
        ['first', ctx, OUTCOME],
        ['second', ctx, OUTCOME],
      ]);
    });

    it('ignores a second finish', () => {
      const ctx = fakeContext();
      const statuses: number[] = [];
      ctx.onFinish((_ctx, { status }) => statuses.push(status));
      ctx.finish(OUTCOME);
      ctx.finish({ status: 499, aborted: true });
      expect(statuses).toEqual([200]);
    });

    it('ignores a finish from inside a listener', () => {
      const ctx = fakeContext();
      let calls = 0;
      ctx.onFinish(() => {
        calls++;
        ctx.finish(OUTCOME);
      });
      ctx.finish(OUTCOME);
      expect(calls).toBe(1);
    });

    it('does nothing without listeners', () => {
      expect(() => {
        fakeContext().finish(OUTCOME);
      }).not.toThrow();
    });

    it('calls a listener that a listener adds', () => {
      const ctx = fakeContext();
      let calls = 0;
      ctx.onFinish(() => {
        ctx.onFinish(() => calls++);
      });
      ctx.finish(OUTCOME);
      expect(calls).toBe(1);
    });

    it('calls a listener at once that comes after the finish, with the outcome', () => {
      const ctx = fakeContext();
      ctx.finish(OUTCOME);
      const calls: unknown[][] = [];
      ctx.onFinish((...args) => calls.push(args));
      expect(calls).toEqual([[ctx, OUTCOME]]);
    });
  });

  describe('abort', () => {
    it('calls the abort listener with the reason, once', () => {
      const ctx = fakeContext();
      const reasons: Error[] = [];
      ctx.setCancellable({ onCancel: (reason) => reasons.push(reason) });
      ctx.abort(gone);
      ctx.abort(new Error('again'));
      expect(reasons).toEqual([gone]);
      expect(ctx.aborted).toBe(gone);
    });

    it('calls a listener at once that comes after it', () => {
      const ctx = fakeContext();
      ctx.abort(gone);
      const reasons: Error[] = [];
      ctx.setCancellable({ onCancel: (reason) => reasons.push(reason) });
      expect(reasons).toEqual([gone]);
    });

    it('calls only the listener that was set last', () => {
      const ctx = fakeContext();
      const calls: string[] = [];
      ctx.setCancellable({ onCancel: () => calls.push('first attempt') });
      ctx.setCancellable({ onCancel: () => calls.push('second attempt') });
      ctx.abort(gone);
      expect(calls).toEqual(['second attempt']);
    });

    it('calls nobody after the listener was taken away', () => {
      const ctx = fakeContext();
      let calls = 0;
      ctx.setCancellable({ onCancel: () => calls++ });
      ctx.setCancellable(null);
      ctx.abort(gone);
      ctx.setCancellable(null);
      expect(calls).toBe(0);
    });
  });

  describe('signal', () => {
    it('is the same signal each time', () => {
      const ctx = fakeContext();
      expect(ctx.signal).toBe(ctx.signal);
      expect(ctx.signal.aborted).toBe(false);
    });

    it('is aborted with the reason when the client leaves', () => {
      const ctx = fakeContext();
      const { signal } = ctx;
      ctx.abort(gone);
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBe(gone);
    });

    it('is aborted from the start where the client has left already', () => {
      const ctx = fakeContext();
      ctx.abort(gone);
      expect(ctx.signal.aborted).toBe(true);
      expect(ctx.signal.reason).toBe(gone);
    });

    it('stays quiet when the exchange simply finishes', () => {
      const ctx = fakeContext();
      const { signal } = ctx;
      ctx.finish(OUTCOME);
      expect(signal.aborted).toBe(false);
    });
  });
});
