import { subscribe, unsubscribe, type ChannelListener } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import { diagnostics } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';
import { answer, call } from './support.js';

const NAMES = ['start', 'attempt', 'error', 'end'] as const;
type Name = (typeof NAMES)[number];

const outcome = { status: 200, aborted: false };
const undo: (() => void)[] = [];

afterEach(() => {
  for (const revert of undo.splice(0)) revert();
});

function listen(name: Name, listener: ChannelListener): void {
  const channel = `innergate:request:${name}`;
  subscribe(channel, listener);
  undo.push(() => unsubscribe(channel, listener));
}

function collect(...names: Name[]): [Name, unknown][] {
  const seen: [Name, unknown][] = [];
  for (const name of names) listen(name, (message) => seen.push([name, message]));
  return seen;
}

describe('diagnostics', () => {
  it('tells of start, calls of upstreams and end, in this order', async () => {
    const seen = collect(...NAMES);
    const ctx = fakeContext();
    const attempts: Attempt[] = [];
    await diagnostics()(ctx, (inner) => {
      attempts.push(call(inner), call(inner));
      return answer(inner);
    });
    ctx.finish(outcome);
    expect(seen).toEqual([
      ['start', { ctx }],
      ['attempt', { ctx, attempt: attempts[0] }],
      ['attempt', { ctx, attempt: attempts[1] }],
      ['end', { ctx, outcome }],
    ]);
  });

  it('tells of an error just before the end', async () => {
    const seen = collect(...NAMES);
    const ctx = fakeContext();
    const error = new Error('boom');
    await diagnostics()(ctx, answer);
    ctx.error = error;
    ctx.finish(outcome);
    expect(seen.slice(1)).toEqual([
      ['error', { ctx, error }],
      ['end', { ctx, outcome }],
    ]);
  });

  it.each(NAMES)('tells those who want %s alone of nothing else', async (name) => {
    const seen = collect(name);
    const ctx = fakeContext();
    await diagnostics()(ctx, (inner) => (call(inner), answer(inner)));
    ctx.error = new Error('boom');
    ctx.finish(outcome);
    expect(seen.map(([told]) => told)).toEqual([name]);
  });

  it('without subscribers it listens to nothing and stays synchronous', () => {
    const ctx = fakeContext();
    const onFinish = ctx.onFinish.bind(ctx);
    let listeners = 0;
    ctx.onFinish = (listener) => {
      listeners++;
      onFinish(listener);
    };
    expect(diagnostics()(ctx, answer)).toEqual({ status: 200, headers: {}, body: null });
    expect([listeners, ctx.attemptObservers]).toEqual([0, null]);
  });

  it('asks for subscribers at every request', async () => {
    const middleware = diagnostics();
    await middleware(fakeContext(), answer);
    const seen = collect('start');
    await middleware(fakeContext(), answer);
    expect(seen).toHaveLength(1);
  });

  it('a subscriber that throws breaks no request; Node raises its error afterwards', async () => {
    const raised: unknown[] = [];
    process.setUncaughtExceptionCaptureCallback((error) => raised.push(error));
    undo.push(() => {
      process.setUncaughtExceptionCaptureCallback(null);
    });
    const error = new Error('a subscriber fails');
    for (const name of NAMES) {
      listen(name, () => {
        throw error;
      });
    }
    const seen = collect('end');
    const ctx = fakeContext();
    const response = await diagnostics()(ctx, (inner) => (call(inner), answer(inner)));
    ctx.finish(outcome);
    expect([response.status, seen.length]).toEqual([200, 1]);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(raised).toEqual([error, error, error]);
  });
});
