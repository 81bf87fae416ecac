import { describe, expect, it, onTestFinished } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import { Context } from '../../src/core/context.js';
import type { Destination } from '../../src/core/destination.js';
import { HttpProxy, Upstreams, type ProxyOptions } from '../../src/proxy/index.js';
import { eventually } from '../support/eventually.js';
import { fakeRequest } from '../support/request.js';
import { failOnUncaught, startUpstream, times } from './harness.js';

failOnUncaught();

interface TestDestination extends Destination {
  readonly told: string[];
  depart(): void;
}

function destination(url: string): TestDestination {
  const listeners: (() => void)[] = [];
  const told: string[] = [];
  return {
    url,
    told,
    onDeparture: (listener) => listeners.push(listener),
    onAttemptStart: (_ctx: Context, attempt: Attempt) => told.push(`start ${attempt.number}`),
    onAttemptEnd: (_ctx: Context, attempt: Attempt) => told.push(`end ${attempt.status}`),
    depart() {
      for (const listener of listeners.splice(0)) listener();
    },
  };
}

function proxyOf(options: ProxyOptions = {}): { proxy: HttpProxy; upstreams: Upstreams } {
  const upstreams = new Upstreams();
  const proxy = new HttpProxy(options, { upstreams });
  onTestFinished(async () => {
    await upstreams.close();
    await proxy.close();
  });
  return { proxy, upstreams };
}

/** Sends a request to a destination and reads the whole answer. */
async function ask(proxy: HttpProxy, to: Destination | null, path = '/'): Promise<{ status: number; text: string }> {
  const ctx = new Context(fakeRequest({ url: path }));
  ctx.destination = to;
  const { status, body } = await proxy.forward(ctx);
  const chunks: Uint8Array[] = [];
  if (typeof body === 'string') return { status, text: body };
  if (body !== null) for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return { status, text: Buffer.concat(chunks).toString() };
}

describe('a proxy whose requests have a destination', () => {
  it('sends each there, below its base path, and tells it of the call', async () => {
    const origin = await startUpstream((incoming, response) => response.end(incoming.url));
    const { proxy } = proxyOf();
    const there = destination(`${origin.url}/base`);
    expect(await ask(proxy, there, '/42')).toEqual({ status: 200, text: '/base/42' });
    expect(there.told).toEqual(['start 1', 'end 200']);
  });

  it('prefers it to a target of its own', async () => {
    const [own, other] = await times(2, () => startUpstream());
    const { proxy } = proxyOf({ target: own?.url ?? '' });
    await ask(proxy, destination(other?.url ?? ''));
    expect([own?.requests.length, other?.requests.length]).toEqual([0, 1]);
  });

  it('refuses a request that has none', async () => {
    const { proxy } = proxyOf();
    expect((await ask(proxy, null)).status).toBe(503);
  });

  it('shares connections with other proxies to the same place, until the last one leaves it', async () => {
    const origin = await startUpstream();
    const { upstreams, proxy: one } = proxyOf();
    const two = new HttpProxy({}, { upstreams });
    const [first, second] = [destination(origin.url), destination(origin.url)];
    await ask(one, first);
    await ask(two, second);
    expect(upstreams.figures()[origin.url]?.open).toBe(origin.connections);
    first.depart();
    expect((await ask(two, second)).status).toBe(200);
    second.depart();
    await eventually(() => origin.connections === 0);
    expect(upstreams.figures()).toEqual({});
  });

  it('lets what runs on a departed destination end in peace, then closes its connections', async () => {
    const held: (() => void)[] = [];
    const origin = await startUpstream((_incoming, response) => {
      response.write('first ');
      held.push(() => response.end('last'));
    });
    const { proxy, upstreams } = proxyOf();
    const there = destination(origin.url);
    const answer = ask(proxy, there);
    await eventually(() => held.length === 1);
    there.depart();
    expect(upstreams.figures()[origin.url]?.running).toBe(1);
    held[0]?.();
    expect(await answer).toEqual({ status: 200, text: 'first last' });
    await eventually(() => origin.connections === 0);
    expect(upstreams.figures()).toEqual({});
  });

  it('answers the first request of a destination that departs before the pool is open', async () => {
    const origin = await startUpstream();
    const { proxy, upstreams } = proxyOf();
    const there = destination(origin.url);
    const answer = ask(proxy, there);
    there.depart();
    expect((await answer).status).toBe(200);
    await eventually(() => origin.connections === 0 && Object.keys(upstreams.figures()).length === 0);
  });

  it('keeps nothing of 1,000 destinations that came and went', async () => {
    const origin = await startUpstream((_incoming, response) => response.end());
    const { proxy, upstreams } = proxyOf();
    for (let i = 0; i < 1_000; i++) {
      const there = destination(`${origin.url}/${i}`);
      await ask(proxy, there);
      there.depart();
    }
    await eventually(() => origin.connections === 0);
    expect(upstreams.figures()).toEqual({});
  });
});

describe('connections', () => {
  it.each([1, 2, 3, 10])('are renewed after maxRequestsPerSocket: %i', async (maxRequestsPerSocket) => {
    const ports: number[] = [];
    const last = new Map<number, string | undefined>();
    const origin = await startUpstream(({ socket, headers }, response) => {
      const port = socket.remotePort ?? 0;
      ports.push(port);
      last.set(port, headers.connection);
      response.end();
    });
    const { proxy } = proxyOf({ target: origin.url, maxRequestsPerSocket, maxConnections: 1 });
    for (let i = 0; i < 20; i++) await ask(proxy, null);
    const counts = [...new Set(ports)].map((port) => ports.filter((one) => one === port).length);
    expect(Math.max(...counts)).toBe(maxRequestsPerSocket);
    expect(counts.length).toBe(Math.ceil(20 / maxRequestsPerSocket));
    for (const [index, port] of [...last.keys()].entries())
      expect(last.get(port)).toBe(counts[index] === maxRequestsPerSocket ? 'close' : 'keep-alive');
  });

  it('that end by themselves leave nothing to be counted for the next', async () => {
    const ports: number[] = [];
    const origin = await startUpstream(({ socket }, response) => {
      ports.push(socket.remotePort ?? 0);
      response.end();
    });
    const ages = { maxRequestsPerSocket: 2, maxSocketAgeMs: 300, keepAliveMs: 400, maxConnections: 1 };
    const { proxy } = proxyOf({ target: origin.url, ...ages });
    await ask(proxy, null);
    await eventually(() => origin.connections === 0);
    await ask(proxy, null);
    await ask(proxy, null);
    expect(new Set(ports).size).toBe(2);
    expect(ports[1]).toBe(ports[2]);
  });

  it('are renewed after maxSocketAgeMs, and what runs on them ends in peace', async () => {
    const origin = await startUpstream();
    const { proxy } = proxyOf({ target: origin.url, maxSocketAgeMs: 50 });
    const until = performance.now() + 400;
    while (performance.now() < until) expect((await ask(proxy, null)).status).toBe(200);
    expect(origin.accepted).toBeGreaterThanOrEqual(3);
    await eventually(() => origin.connections < origin.accepted - 1);
  });

  it.each(['127.0.0.1', 'localhost'])('to %s are refused where allowedAddresses has public ones only', async (host) => {
    const origin = await startUpstream();
    const { proxy } = proxyOf({ target: `http://${host}:${origin.port}`, allowedAddresses: ['public'] });
    await expect(ask(proxy, null)).rejects.toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(origin.accepted).toBe(0);
    const { proxy: open } = proxyOf({ target: `http://${host}:${origin.port}`, allowedAddresses: ['loopback'] });
    expect((await ask(open, null)).status).toBe(200);
  });
});
