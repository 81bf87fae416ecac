import { once } from 'node:events';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Attempt, AttemptObserver } from '../../src/core/attempt.js';
import type { Outcome } from '../../src/core/context.js';
import type { Middleware } from '../../src/core/types.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import {
  failOnUncaught,
  freePort,
  gate,
  getRaw,
  send,
  startGateway,
  startUpstream,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

interface Seen {
  readonly outcome: Outcome;
  readonly attempts: readonly Attempt[];
}

/** A gateway with one route, and what was seen of each exchange when it was over. */
async function observed(
  route: Omit<RouteConfig, 'path'>,
): Promise<{ running: RunningGateway; seen: Seen[]; events: string[] }> {
  const seen: Seen[] = [];
  const events: string[] = [];
  const observe: Middleware = (ctx, next) => {
    const attempts: Attempt[] = [];
    const observer: AttemptObserver = {
      onAttemptStart: (_ctx, { number }) => events.push(`start ${number}`),
      onAttemptEnd(_ctx, attempt) {
        events.push(`end ${attempt.number}`);
        attempts.push(attempt);
      },
    };
    ctx.observeAttempts(observer);
    ctx.onFinish((_ctx, outcome) => seen.push({ outcome, attempts }));
    return next(ctx);
  };
  const running = await startGateway({ routes: [{ path: '/', ...route }], use: [observe] });
  return { running, seen, events };
}

async function only(seen: readonly Seen[]): Promise<Seen> {
  return eventually(() => {
    expect(seen).toHaveLength(1);
    return seen[0] as Seen;
  });
}

describe('a call of an upstream', () => {
  it('is told with its times in order, its bytes and its status', async () => {
    const origin = await startUpstream(async (request, response) => {
      request.resume();
      await once(request, 'end');
      response.writeHead(201).end('created');
    });
    const { running, seen, events } = await observed({ target: origin.url });
    await send(`${running.url}/users?page=2`, { method: 'POST', body: 'a body' });
    const { attempts, outcome } = await only(seen);
    const attempt = attempts[0] as Attempt;
    expect(events).toEqual(['start 1', 'end 1']);
    expect(attempt).toMatchObject({
      number: 1,
      origin: origin.url,
      method: 'POST',
      url: '/users?page=2',
      status: 201,
      bytesSent: 6,
      bytesReceived: 7,
      error: null,
    });
    const { startedAt, sentAt, answeredAt, endedAt, connectMs } = attempt;
    expect([startedAt, sentAt, answeredAt, endedAt]).toEqual(
      [startedAt, sentAt, answeredAt, endedAt].sort((a, b) => a - b),
    );
    expect(connectMs).toBeGreaterThan(0);
    expect(connectMs).toBeLessThanOrEqual(sentAt - startedAt);
    expect(outcome).toEqual({ status: 201, aborted: false, bytesIn: 6, bytesOut: 7 });
  });

  it('over an open connection has spent nothing on connecting', async () => {
    const origin = await startUpstream();
    const { running, seen } = await observed({ target: origin.url });
    await send(running.url);
    await send(running.url);
    await eventually(() => seen.length === 2);
    expect(seen.map(({ attempts }) => (attempts[0] as Attempt).connectMs > 0)).toEqual([true, false]);
  });

  it('without an answer has no status, and an error', async () => {
    const origin = await startUpstream((_request, response) => response.destroy());
    const { running, seen } = await observed({ target: origin.url });
    await send(running.url);
    const { attempts } = await only(seen);
    expect(attempts[0]).toMatchObject({ status: 0, answeredAt: Number.NaN, bytesReceived: 0 });
    expect(attempts[0]?.error).toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_RESET' });
    expect(attempts[0]?.endedAt).toBeGreaterThan(0);
  });

  it('is told for every attempt of a retry, each by itself', async () => {
    let calls = 0;
    const origin = await startUpstream((_request, response) => response.writeHead(++calls < 3 ? 503 : 200).end('x'));
    const { running, seen, events } = await observed({ target: origin.url, retry: { retries: 3, backoffMs: 1 } });
    await send(running.url);
    const { attempts } = await only(seen);
    expect(attempts.map(({ number, status }) => [number, status])).toEqual([
      [1, 503],
      [2, 503],
      [3, 200],
    ]);
    expect(events.filter((event) => event.startsWith('start'))).toEqual(['start 1', 'start 2', 'start 3']);
  });

  it('that repeats another, whose pooled connection had died, is one more', async () => {
    const served = new WeakSet<object>();
    const origin = await startUpstream((request, response) => {
      if (served.has(request.socket)) request.socket.destroy();
      else response.end('ok');
      served.add(request.socket);
    });
    const { running, seen, events } = await observed({ target: origin.url });
    await send(running.url);
    expect((await send(running.url)).status).toBe(200);
    await eventually(() => seen.length === 2);
    const [first, second] = (seen[1] as Seen).attempts as [Attempt, Attempt];
    expect(first).toMatchObject({ number: 1, status: 0, error: { code: 'ERR_GATEWAY_UPSTREAM_RESET' } });
    expect(second).toMatchObject({ number: 2, status: 200, error: null });
    expect(events).toEqual(['start 1', 'end 1', 'start 1', 'end 1', 'start 2', 'end 2']);
  });

  it('ends with the client that leaves', async () => {
    const held = gate();
    const origin = await startUpstream(async (_request, response) => {
      response.write('first');
      await held.opened;
      response.end();
    });
    const { running, seen } = await observed({ target: origin.url });
    const client = getRaw(running);
    await eventually(() => client.received().includes('first'));
    client.destroy();
    const { attempts, outcome } = await only(seen);
    held.open();
    expect(attempts[0]?.error).toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED' });
    expect(attempts[0]?.bytesReceived).toBe(5);
    expect(outcome).toMatchObject({ status: 499, aborted: true, bytesIn: 0, bytesOut: 5 });
  });
});

describe('the bytes of an exchange', () => {
  it('are those of both bodies, streamed and chunked ones too', async () => {
    const origin = await startUpstream(async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      response.write('x'.repeat(100_000));
      setImmediate(() => response.end(String(bytes)));
    });
    const { running, seen } = await observed({ target: origin.url });
    const { text } = await send(running.url, {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'y'.repeat(70_000),
    });
    expect(text.slice(-5)).toBe('70000');
    expect((await only(seen)).outcome).toMatchObject({ bytesIn: 70_000, bytesOut: 100_005 });
  });

  it('of an answer to HEAD are none', async () => {
    const origin = await startUpstream((_request, response) => response.setHeader('content-length', 5).end('hello'));
    const { running, seen } = await observed({ target: origin.url });
    await send(running.url, { method: 'HEAD' });
    expect((await only(seen)).outcome).toMatchObject({ status: 200, bytesIn: 0, bytesOut: 0 });
  });

  it('of a stream that does not count are counted', async () => {
    const { running, seen } = await observed({
      respond: () => ({
        status: 200,
        headers: {},
        body: Readable.from(['a', 'bc', 'def'].map((text) => Buffer.from(text))),
      }),
    });
    expect((await send(running.url)).text).toBe('abcdef');
    expect((await only(seen)).outcome).toMatchObject({ bytesOut: 6 });
  });

  it('of a stream that counts something else are those that go out', async () => {
    const warnings: string[] = [];
    const warn = ({ message }: Error): void => {
      warnings.push(message);
    };
    process.on('warning', warn);
    onTestFinished(() => {
      process.off('warning', warn);
    });
    const { running, seen } = await observed({
      respond: () => {
        const body = createGzip();
        body.end('x'.repeat(10_000));
        return { status: 200, headers: { 'content-encoding': 'gzip' }, body };
      },
    });
    const { text } = await send(running.url);
    expect((await only(seen)).outcome.bytesOut).toBe(text.length);
    expect(warnings).toEqual([]);
  });

  it('of an answer of the gateway itself are those of its problem', async () => {
    const { running, seen } = await observed({ target: `http://127.0.0.1:${await freePort()}` });
    const { text } = await send(running.url);
    expect((await only(seen)).outcome).toMatchObject({ status: 502, bytesIn: 0, bytesOut: text.length });
  });
});
