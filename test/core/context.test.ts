import { describe, expect, it, vi } from 'vitest';
import { Context, NO_PARAMS, type Outcome } from '../../src/core/context.js';
import { absentFields, UpstreamFields } from '../../src/core/upstream-fields.js';
import type { HeaderMap } from '../../src/core/types.js';
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
    const { reason, dryRefusal, answerHeaders, upstreamFields } = fakeContext();
    expect([reason, dryRefusal, answerHeaders, upstreamFields]).toEqual([null, null, null, null]);
  });

  it('has one shape: two exchanges have the same own keys in the same order', () => {
    const used = fakeContext();
    used.requestId = 'r1';
    used.state.x = 1;
    used.setAnswerHeader('x-a', '1');
    used.setUpstreamFields(absentFields([]));
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
        ...{ method: 'POST', url: null, query: '?b=c', body: 'text' },
        headers: { host: 'gateway.test', 'x-one': '1' },
      });
      expect(ctx.draft()).toBe(draft);
      expect(ctx.drafted).toBe(draft);
    });

    it('leaves the request as it is', () => {
      const ctx = fakeContext(options);
      const draft = ctx.draft();
      draft.method = 'PUT';
      draft.query = '';
      draft.headers['x-one'] = '2';
      delete draft.headers.host;
      expect(ctx.request.method).toBe('POST');
      expect(ctx.request.query).toBe('?b=c');
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

  describe('setUpstreamFields', () => {
    const client = { 'x-a': 'client', x_a: 'client', 'x-b': 'client', 'x-c': 'client' };

    const fields = (given: HeaderMap): UpstreamFields => new UpstreamFields(given);

    it('makes no draft, and keeps the very fields where they are the only ones', () => {
      const ctx = fakeContext({ headers: client });
      const given = fields({ 'x-a': '1' });
      ctx.setUpstreamFields(given);
      expect(ctx.upstreamFields).toBe(given);
      expect(ctx.drafted).toBeNull();
    });

    it('joins several, of which the later wins, and changes none of them', () => {
      const ctx = fakeContext();
      const [first, second] = [fields({ 'x-a': '1', 'x-b': '1' }), fields({ 'x-a': undefined, 'x-c': '2' })];
      ctx.setUpstreamFields(first);
      ctx.setUpstreamFields(second);
      expect({ ...ctx.upstreamFields?.fields }).toEqual({ 'x-a': undefined, 'x-b': '1', 'x-c': '2' });
      expect([{ ...first.fields }, { ...second.fields }]).toEqual([
        { 'x-a': '1', 'x-b': '1' },
        { 'x-a': undefined, 'x-c': '2' },
      ]);
    });

    it.each(['before', 'after'])(
      'writes them into a draft that is made %s, over every spelling of the client',
      (when) => {
        const ctx = fakeContext({ headers: { ...client, connection: 'x-c' } });
        if (when === 'before') ctx.draft();
        ctx.setUpstreamFields(fields({ 'x-a': '1', 'x-b': undefined, 'x-c': '3' }));
        const { headers } = ctx.draft();
        expect([headers['x-a'], headers.x_a, headers['x-b'], headers['x-c']]).toEqual(['1', undefined, undefined, '3']);
      },
    );

    it('leaves what a piece writes into the draft after that', () => {
      const ctx = fakeContext({ headers: client });
      ctx.setUpstreamFields(fields({ 'x-a': '1' }));
      ctx.draft().headers['x-a'] = '2';
      expect(ctx.draft().headers['x-a']).toBe('2');
    });

    it('takes no field of the client for another because of what every object inherits', () => {
      const ctx = fakeContext({ headers: { constructor: 'kept' } });
      ctx.draft();
      ctx.setUpstreamFields(fields({ 'x-a': '1' }));
      expect(ctx.draft().headers.constructor).toBe('kept');
    });
  });

  describe('the header fields of every answer', () => {
    it('win over those of the answer', () => {
      const ctx = fakeContext();
      ctx.setAnswerHeader('x-a', '1');
      ctx.setAnswerHeaders({ 'x-b': '2', 'x-c': ['3', '4'] });
      const headers: HeaderMap = { 'x-a': 'upstream', 'x-d': 'upstream' };
      ctx.completeAnswer(headers);
      expect(headers).toEqual({ 'x-a': '1', 'x-b': '2', 'x-c': ['3', '4'], 'x-d': 'upstream' });
    });

    it('are none where nobody has set any', () => {
      const ctx = fakeContext();
      const headers: HeaderMap = { vary: 'Accept' };
      ctx.completeAnswer(headers);
      expect(headers).toEqual({ vary: 'Accept' });
      expect(ctx.answerHeaders).toBeNull();
    });

    it('are the last that were set, one by one or together', () => {
      const ctx = fakeContext();
      ctx.setAnswerHeaders({ 'x-a': '1', 'x-b': '1' });
      ctx.setAnswerHeader('x-a', '2');
      ctx.setAnswerHeaders({ 'x-b': undefined });
      expect({ ...ctx.answerHeaders }).toEqual({ 'x-a': '2', 'x-b': undefined });
    });

    it('take a field from the answer by undefined', () => {
      const ctx = fakeContext();
      ctx.setAnswerHeader('server', undefined);
      const headers: HeaderMap = { server: 'upstream' };
      ctx.completeAnswer(headers);
      expect(headers.server).toBeUndefined();
    });

    it.each<[string | string[] | undefined, string | undefined, string | undefined]>([
      ['Accept', 'Origin', 'Accept, Origin'],
      ['origin, Accept', 'Origin', 'origin, Accept'],
      [['Accept', 'Cookie'], 'Origin', 'Accept, Cookie, Origin'],
      [undefined, 'Origin', 'Origin'],
      ['Accept', undefined, undefined],
    ])('join Vary %j with %j to %j', (own, every, vary) => {
      const ctx = fakeContext();
      ctx.setAnswerHeader('vary', every);
      const headers: HeaderMap = { vary: own };
      ctx.completeAnswer(headers);
      expect(headers.vary).toBe(vary);
      ctx.completeAnswer(headers);
      expect(headers.vary).toBe(vary);
    });

    it('leave the Vary of an answer where only others were set', () => {
      const ctx = fakeContext();
      ctx.setAnswerHeader('x-a', '1');
      const headers: HeaderMap = { vary: 'Accept' };
      ctx.completeAnswer(headers);
      expect(headers.vary).toBe('Accept');
    });

    it('are all that is left of a field that is withheld, whoever withholds it', () => {
      const ctx = fakeContext();
      ctx.withholdAnswerHeaders(['server', 'x-a']);
      ctx.withholdAnswerHeaders(['x-powered-by']);
      ctx.setAnswerHeader('x-a', 'own');
      const headers: HeaderMap = {
        server: 'upstream',
        'x-a': 'upstream',
        'x-powered-by': 'upstream',
        'x-b': 'upstream',
      };
      ctx.completeAnswer(headers);
      expect(headers).toEqual({ 'x-a': 'own', 'x-b': 'upstream' });
    });

    it('withhold what no answer has without a trace', () => {
      const ctx = fakeContext();
      ctx.withholdAnswerHeaders(['server']);
      const headers: HeaderMap = { 'x-a': '1' };
      ctx.completeAnswer(headers);
      expect(Object.keys(headers)).toEqual(['x-a']);
    });

    it('belong to one exchange', () => {
      fakeContext().setAnswerHeaders({ 'x-a': '1' });
      expect(fakeContext().answerHeaders).toBeNull();
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

    it('calls the others where one fails, and tells of it in a warning', () => {
      const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const ctx = fakeContext();
      let calls = 0;
      ctx.onFinish(() => {
        throw new Error('no disk');
      });
      ctx.onFinish(() => calls++);
      ctx.finish(OUTCOME);
      expect(calls).toBe(1);
      expect(emitWarning).toHaveBeenCalledWith(
        expect.stringContaining('no disk'),
        expect.objectContaining({ code: 'ERR_GATEWAY_HOOK' }),
      );
      emitWarning.mockRestore();
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
