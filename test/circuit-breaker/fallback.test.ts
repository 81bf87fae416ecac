import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import {
  circuitBreaker,
  CircuitOpenError,
  fallback,
  type FallbackAnswer,
  type FallbackFailure,
} from '../../src/circuit-breaker/index.js';
import { compose } from '../../src/core/compose.js';
import { GatewayError, type GatewayErrorCode, type RefusalCode } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse, Handler, Middleware } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';

const instead: Middleware = fallback({ body: 'instead' });
const replaced: GatewayResponse = { status: 200, headers: {}, body: 'instead' };

function answering(status: number, body: GatewayResponse['body'] = 'own'): Handler {
  return () => ({ status, headers: {}, body });
}

function throwing(error: unknown): Handler {
  return () => {
    throw error;
  };
}

describe('fallback', () => {
  it.each([
    [200, false],
    [304, false],
    [400, false],
    [404, false],
    [429, false],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ])('stands in for an answer of %i: %s', (status, applies) => {
    const answer = instead(fakeContext(), answering(status));
    expect(answer).toEqual(applies ? replaced : { status, headers: {}, body: 'own' });
  });

  it('goes by failureStatuses', () => {
    const own = fallback({ body: 'instead' }, { failureStatuses: [404] });
    expect(own(fakeContext(), answering(404))).toEqual(replaced);
    expect(own(fakeContext(), answering(500))).toMatchObject({ status: 500 });
  });

  it.each<[GatewayErrorCode, boolean]>([
    ['ERR_GATEWAY_UPSTREAM_UNREACHABLE', true],
    ['ERR_GATEWAY_UPSTREAM_RESET', true],
    ['ERR_GATEWAY_FIRST_BYTE_TIMEOUT', true],
    ['ERR_GATEWAY_CIRCUIT_OPEN', true],
    ['ERR_GATEWAY_UPSTREAM_TOO_LARGE', false],
    ['ERR_GATEWAY_CLIENT_CLOSED', false],
    ['ERR_GATEWAY_BODY_TOO_LARGE', false],
    ['ERR_GATEWAY_DRAINING', false],
    ['ERR_GATEWAY_CONFIG_INVALID', false],
  ])('stands in for an error of %s: %s', async (code, applies) => {
    const error = new GatewayError(code, 'failed');
    for (const handler of [throwing(error), () => Promise.reject(error)]) {
      const ctx = fakeContext();
      const answer = (async () => instead(ctx, handler))();
      if (!applies) await expect(answer).rejects.toBe(error);
      else {
        expect(await answer).toEqual(replaced);
        expect(ctx.error).toBe(error);
      }
    }
  });

  it('stands in for an error of a handler and for one of a breaker inside it', () => {
    expect(instead(fakeContext(), throwing(new TypeError('fetch failed')))).toEqual(replaced);
    expect(instead(fakeContext(), throwing(new CircuitOpenError('users', 5)))).toEqual(replaced);
  });

  it.each<[RefusalCode, boolean]>([
    ['ERR_GATEWAY_CIRCUIT_OPEN', true],
    ['ERR_GATEWAY_UPSTREAM_BUSY', true],
    ['ERR_GATEWAY_CONCURRENCY_LIMITED', true],
    ['ERR_GATEWAY_OVERLOADED', false],
    ['ERR_GATEWAY_DRAINING', false],
    ['ERR_GATEWAY_RATE_LIMITED', false],
    ['ERR_GATEWAY_BODY_TOO_LARGE', false],
    ['ERR_GATEWAY_INTERNAL', false],
  ])('stands in for a refusal of %s: %s', (code, applies) => {
    const ctx = fakeContext();
    const answer = instead(ctx, () => refuse(ctx, code)) as GatewayResponse;
    expect(answer.body === 'instead').toBe(applies);
    expect(ctx.refusal).toBe(code);
  });

  it('does nothing for a client that left', () => {
    const ctx = fakeContext();
    ctx.abort(new Error('left'));
    expect(instead(ctx, answering(500))).toMatchObject({ status: 500 });
    expect(instead(ctx, () => refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN'))).toMatchObject({ status: 503 });
    ctx.refusal = null;
    const reset = new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset');
    for (const error of [new TypeError('aborted'), reset, new CircuitOpenError('users', 5)])
      expect(() => instead(ctx, throwing(error))).toThrow(error);
  });

  it('answers while the circuit is open, and the breaker goes on counting', async () => {
    const breaker = circuitBreaker({ failureThreshold: 2 });
    const handle = compose([instead, breaker], answering(500));
    const answers = [await handle(fakeContext()), await handle(fakeContext()), await handle(fakeContext())];
    expect(answers).toEqual([replaced, replaced, replaced]);
    expect(breaker.breaker.state).toBe('open');
  });

  it('stays synchronous where the layers inside are', () => {
    expect(instead(fakeContext(), answering(500))).not.toBeInstanceOf(Promise);
  });

  it('destroys the body that it replaces, and leaves no error of that', () => {
    const ctx = fakeContext();
    const body = Readable.from(['failed']);
    vi.spyOn(body, 'destroy').mockImplementation(() => {
      ctx.error = new Error('the reader left');
      return body;
    });
    expect(instead(ctx, answering(500, body))).toEqual(replaced);
    expect(body.destroy).toHaveBeenCalledOnce();
    expect(ctx.error).toBeNull();
  });
});

describe('a fixed answer', () => {
  it.each<[string, FallbackAnswer, GatewayResponse]>([
    ['a text', { body: 'text' }, { status: 200, headers: {}, body: 'text' }],
    ['nothing', { status: 204, body: null }, { status: 204, headers: {}, body: null }],
    ['bytes', { body: Buffer.from('ab') }, { status: 200, headers: {}, body: Buffer.from('ab') }],
    [
      'an object, as JSON',
      { body: { data: [], source: 'cache' } },
      {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: '{"data":[],"source":"cache"}',
      },
    ],
    [
      'a list, as JSON of a type of its own',
      { body: [1], headers: { 'Content-Type': 'application/vnd.list+json' } },
      { status: 200, headers: { 'content-type': 'application/vnd.list+json' }, body: '[1]' },
    ],
    [
      'fields and a status',
      { status: 503, headers: { 'Retry-After': '5', 'set-cookie': ['a', 'b'] }, body: '' },
      { status: 503, headers: { 'retry-after': '5', 'set-cookie': ['a', 'b'] }, body: '' },
    ],
  ])('sends %s', (_what, answer, response) => {
    expect(fallback(answer)(fakeContext(), answering(500))).toEqual(response);
  });

  it('is another object every time: who gets it may change it', () => {
    const middleware = fallback({ headers: { 'x-a': '1' }, body: 'text' });
    const first = middleware(fakeContext(), answering(500)) as GatewayResponse;
    first.headers['x-a'] = '2';
    first.status = 418;
    expect(middleware(fakeContext(), answering(500))).toEqual({ status: 200, headers: { 'x-a': '1' }, body: 'text' });
  });
});

describe('a fallback function', () => {
  it('is told what failed', async () => {
    const seen: FallbackFailure[] = [];
    const middleware = fallback((_ctx, failure) => {
      seen.push(failure);
      return replaced;
    });
    const reset = new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset');
    const other = new TypeError('fetch failed');
    const ctx = fakeContext();
    expect(await middleware(fakeContext(), answering(502))).toBe(replaced);
    await middleware(ctx, () => refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN'));
    await middleware(fakeContext(), throwing(reset));
    await middleware(fakeContext(), throwing(other));
    await middleware(fakeContext(), answering(404));
    expect(seen).toEqual([
      { code: null, status: 502, error: null },
      { code: 'ERR_GATEWAY_CIRCUIT_OPEN', status: 503, error: null },
      { code: 'ERR_GATEWAY_UPSTREAM_RESET', status: null, error: reset },
      { code: null, status: null, error: other },
    ]);
  });

  it('that has nothing to say lets the failure go on, whole', async () => {
    const middleware = fallback(() => null);
    const body = Readable.from(['failed']);
    expect(await middleware(fakeContext(), answering(500, body))).toMatchObject({ status: 500, body });
    expect(body.destroyed).toBe(false);
    const error = new TypeError('fetch failed');
    await expect(middleware(fakeContext(), throwing(error))).rejects.toBe(error);
  });

  it.each([
    ['answers', () => Promise.resolve(replaced)],
    ['fails', () => Promise.reject(new Error('no cache'))],
  ])('that %s leaves nobody with the body of the failure', async (_how, answer) => {
    const body = Readable.from(['failed']);
    await Promise.allSettled([fallback(answer)(fakeContext(), answering(500, body))]);
    expect(body.destroyed).toBe(true);
  });

  it('that fails is an error of its own', async () => {
    const middleware = fallback(() => {
      throw new Error('no cache');
    });
    await expect(middleware(fakeContext(), answering(500))).rejects.toThrow('no cache');
  });
});

describe('the answer of a fallback', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;

  it.each<[string, unknown]>([
    ['is missing', undefined],
    ['is a text', 'text'],
    ['has no body', { status: 200 }],
    ['has a number as its body', { body: 5 }],
    ['has a body that JSON cannot carry', { body: cyclic }],
    ['has a status of 99', { status: 99, body: '' }],
    ['has a number as a field', { headers: { age: 5 }, body: '' }],
    ['has an unknown member', { code: 200, body: '' }],
  ])('that %s does not start', (_case, answer) => {
    expect(() => fallback(answer as FallbackAnswer)).toThrow(ConfigError);
  });

  it('has options that are checked as well', () => {
    expect(() => fallback({ body: null }, { failureStatuses: [] })).toThrow('failureStatuses');
  });
});
