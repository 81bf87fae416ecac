import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { reply, type RawRequest, type RawUpstream } from '../support/raw-upstream.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import {
  connectTo,
  failOnUncaught,
  getRaw,
  problemOf,
  send,
  startGateway,
  startRawUpstream,
  startUpstream,
  times,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

/** An upstream whose requests wait until the test answers them. */
async function waiting(
  route: Partial<RouteConfig>,
): Promise<{ origin: RawUpstream; running: RunningGateway; answer: (url: string) => void }> {
  const open: { request: RawRequest; socket: Socket }[] = [];
  const origin = await startRawUpstream((request, socket) => open.push({ request, socket }));
  const running = await startGateway({ routes: [{ path: '/', target: origin.url, ...route }] });

  function answer(url: string): void {
    const found = open.find(({ request }) => request.url === url);
    if (found === undefined) throw new Error(`${url} has not arrived`);
    reply(found.socket, 200, {}, url);
  }
  return { origin, running, answer };
}

describe('a pool of 2 connections and a queue of 1', () => {
  const limits = { maxConnections: 2, maxQueue: 1 };

  it('lets the third request wait, refuses the fourth with 503 and Retry-After, and recovers', async () => {
    const { origin, running, answer } = await waiting(limits);
    const clients = ['/1', '/2', '/3'].map((path) => getRaw(running, path));
    await eventually(() => origin.requests.length === 2);
    const refused = await send(`${running.url}/4`);
    expect(problemOf(refused.text)).toEqual({ status: 503, code: 'ERR_GATEWAY_UPSTREAM_BUSY' });
    expect(refused.headers['retry-after']).toBe('1');
    expect(origin.requests).toHaveLength(2);
    answer('/1');
    await eventually(() => origin.requests.length === 3);
    answer('/2');
    answer('/3');
    const bodies = await Promise.all(clients.map(async (client) => (await client.response()).body.toString()));
    expect(bodies).toEqual(['/1', '/2', '/3']);
    const fifth = getRaw(running, '/5');
    await eventually(() => origin.requests.length === 4);
    answer('/5');
    expect((await fifth.response()).status).toBe(200);
    expect(origin.accepted).toBe(2);
    expect(origin.requests.map(({ url }) => url)).not.toContain('/4');
  });

  it('recovers as well where everybody left', async () => {
    const { origin, running } = await waiting(limits);
    const clients = ['/1', '/2', '/3'].map((path) => getRaw(running, path));
    await eventually(() => origin.requests.length === 2);
    for (const client of clients) client.destroy();
    await eventually(() => running.log.length === 3);
    await times(3, () => getRaw(running, '/again'));
    await eventually(() => origin.requests.filter(({ url }) => url === '/again').length === 2);
    expect((await send(`${running.url}/4`)).status).toBe(503);
  });

  it('recovers as well where the upstream failed', async () => {
    const origin = await startRawUpstream(undefined, { onHead: (_request, socket) => void socket.destroy() });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, ...limits }] });
    for (let i = 0; i < 5; i++) expect((await send(running.url)).status).toBe(502);
  });

  it('answers a refused POST without reading its body', async () => {
    const { origin, running } = await waiting({ ...limits, maxQueue: 0 });
    await times(2, (i) => getRaw(running, `/${i}`));
    await eventually(() => origin.requests.length === 2);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5000000\r\n\r\n');
    const response = await client.response();
    expect(response.status).toBe(503);
    expect(response.headers.connection).toBe('close');
  });
});

describe('a request in the queue', () => {
  it('whose client leaves never reaches the upstream', async () => {
    const { origin, running, answer } = await waiting({ maxConnections: 1, maxQueue: 5 });
    const first = getRaw(running, '/first');
    await eventually(() => origin.requests.length === 1);
    const leaving = await times(3, (i) => getRaw(running, `/leaving-${i}`));
    const staying = getRaw(running, '/staying');
    await send(`${running.url}/health`);
    for (const client of leaving) client.destroy();
    await eventually(() => running.log.filter(({ status }) => status === 499).length === 3);
    answer('/first');
    await first.response();
    await eventually(() => origin.requests.length === 2);
    answer('/staying');
    expect((await staying.response()).body.toString()).toBe('/staying');
    expect(origin.requests.map(({ url }) => url)).toEqual(['/first', '/staying']);
    expect(origin.accepted).toBe(1);
  });

  it('whose client leaves with half an upload never reaches the upstream', async () => {
    const { origin, running, answer } = await waiting({ maxConnections: 1, maxQueue: 5 });
    const first = getRaw(running, '/first');
    await eventually(() => origin.requests.length === 1);
    const leaving = connectTo(running);
    leaving.write('POST /leaving HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 50\r\n\r\nhello');
    await send(`${running.url}/health`);
    leaving.destroy();
    await eventually(() => running.log.some(({ status }) => status === 499));
    answer('/first');
    await first.response();
    const next = getRaw(running, '/next');
    await eventually(() => origin.requests.length === 2);
    answer('/next');
    expect((await next.response()).status).toBe(200);
    expect(origin.requests.map(({ url }) => url)).toEqual(['/first', '/next']);
  });

  it('is answered in the order of arrival, over one connection', async () => {
    const order: string[] = [];
    const origin = await startRawUpstream(async (request, socket) => {
      order.push(request.url);
      await sleep(1);
      reply(socket, 200, {}, request.url);
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxConnections: 1 }] });
    const client = connectTo(running);
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const answers = await Promise.all([...paths.map((path) => send(`${running.url}${path}`).then(({ text }) => text))]);
    client.destroy();
    expect(answers).toEqual(paths);
    expect([...order].sort()).toEqual([...paths].sort());
    expect(origin.accepted).toBe(1);
  });
});

describe('connections', () => {
  it('are reused, and shared by routes to one origin', async () => {
    const origin = await startUpstream();
    const running = await startGateway({
      routes: [
        { path: '/a', target: origin.url },
        { path: '/b', target: `${origin.url}/base` },
      ],
    });
    for (let i = 0; i < 5; i++) {
      await send(`${running.url}/a`);
      await send(`${running.url}/b`);
    }
    expect(origin.requests).toHaveLength(10);
    expect(origin.accepted).toBe(1);
  });

  it('are bounded for all routes of one origin together', async () => {
    const { origin, running } = await waiting({ maxConnections: 3 });
    const clients = await times(10, (i) => getRaw(running, `/${i}`));
    await eventually(() => origin.requests.length === 3);
    await send(`${running.url}/health`);
    await sleep(30);
    expect(origin.accepted).toBe(3);
    for (const client of clients) client.destroy();
  });

  it('close after keepAliveMs without use', async () => {
    const origin = await startRawUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, keepAliveMs: 200 }] });
    await send(running.url);
    expect(origin.connections).toBe(1);
    await eventually(() => origin.connections === 0, { withinMs: 4_000 });
  });

  it('close after keepAliveMs even where the upstream would keep them longer', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      reply(socket, 200, { 'keep-alive': 'timeout=60' }, 'ok');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, keepAliveMs: 200 }] });
    await send(running.url);
    await eventually(() => origin.connections === 0, { withinMs: 4_000 });
  });

  it('are not used again where the upstream says close', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      reply(socket, 200, { connection: 'close' }, 'ok');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    for (let i = 0; i < 3; i++) expect((await send(running.url)).status).toBe(200);
    expect(origin.requests.map(({ connection }) => connection)).toEqual([0, 1, 2]);
  });

  it('are not used again after bytes behind a complete answer, which no client ever sees', async () => {
    const origin = await startRawUpstream((request, socket) => {
      reply(socket, 200, {}, request.url);
      if (request.url === '/1') reply(socket, 200, {}, 'poison');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running, '/1');
    expect((await client.response()).body.toString()).toBe('/1');
    client.write('GET /2 HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect((await client.response()).body.toString()).toBe('/2');
    expect(client.received().includes('poison')).toBe(false);
  });

  it('all end with the gateway', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    await times(10, () => send(running.url));
    expect(origin.connections).toBeGreaterThan(0);
    await running.listener.close();
    await eventually(() => origin.connections === 0);
  });

  it('of several targets take turns', async () => {
    const origins = await times(3, () => startUpstream());
    const running = await startGateway({ routes: [{ path: '/', target: origins.map(({ url }) => url) }] });
    for (let i = 0; i < 9; i++) await send(running.url);
    expect(origins.map(({ requests }) => requests.length)).toEqual([3, 3, 3]);
  });
});
