import { createServer } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { seededRandom } from '../support/random.js';
import { reply, type RawRequest, type RawUpstream } from '../support/raw-upstream.js';
import { echo, upstream } from '../support/upstream.js';
import {
  connectTo,
  failOnUncaught,
  gate,
  problemOf,
  send,
  start,
  startGateway,
  startOn,
  startRawUpstream,
  startUpstream,
  times,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

describe('an upstream that closes its idle sockets 30 ms after each answer', () => {
  async function flaky(): Promise<{ running: RunningGateway; ids: string[]; agent: HttpAgent }> {
    const ids: string[] = [];
    const origin = await startUpstream((request, response) => {
      ids.push(String(request.headers['x-id']));
      request.resume();
      request.on('end', () => {
        response.end('ok', () => {
          setTimeout(() => (ids.length % 2 === 0 ? request.socket.destroy() : request.socket.resetAndDestroy()), 30);
        });
      });
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    return { running, ids, agent: new HttpAgent({ keepAlive: true }) };
  }

  /** 10 clients with pauses around the moment at which the sockets die. */
  async function statuses(running: RunningGateway, agent: HttpAgent, method: string): Promise<number[]> {
    const random = seededRandom(41);
    const lanes = await times(10, async (lane) => {
      const seen: number[] = [];
      for (let round = 0; round < 15; round++) {
        const headers = { 'x-id': `${lane}-${round}` };
        const options = method === 'POST' ? { method, headers, agent, body: 'b' } : { method, headers, agent };
        seen.push((await send(running.url, options)).status);
        await sleep(24 + random.int(10));
      }
      return seen;
    });
    agent.destroy();
    return lanes.flat();
  }

  it('has 150 of 150 GETs answered', async () => {
    const { running, agent } = await flaky();
    const seen = await statuses(running, agent, 'GET');
    expect(seen).toEqual(Array<number>(150).fill(200));
  });

  it('gets no POST of 150 twice, and each is answered 200 or 502', async () => {
    const { running, agent, ids } = await flaky();
    const seen = await statuses(running, agent, 'POST');
    expect(seen).toHaveLength(150);
    expect(seen.filter((status) => status !== 200 && status !== 502)).toEqual([]);
    expect(seen.filter((status) => status === 200).length).toBeGreaterThan(100);
    expect(new Set(ids).size).toBe(ids.length);
    // A POST that was answered has arrived.
    expect(ids.length).toBeGreaterThanOrEqual(seen.filter((status) => status === 200).length);
  });
});

describe('a request whose pooled socket dies before any answer', () => {
  /** Answers `ok`, but lets the sockets of `sockets` die by the hand of `die` when a request for `/again` comes on an old one. */
  async function dying(
    die: (socket: Socket, sockets: readonly Socket[]) => void,
  ): Promise<{ origin: RawUpstream; running: RunningGateway; again: () => readonly RawRequest[] }> {
    const sockets: Socket[] = [];
    const used = new Set<number>();
    const origin = await startRawUpstream(
      (request, socket) => {
        if (!used.has(request.connection) || request.url !== '/again') reply(socket, 200, {}, 'ok');
        used.add(request.connection);
      },
      {
        onConnection: (socket) => sockets.push(socket),
        onHead(request, socket) {
          if (request.url === '/again' && used.has(request.connection)) die(socket, sockets);
        },
      },
    );
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    return { origin, running, again: () => origin.requests.filter(({ url }) => url === '/again') };
  }

  const destroy = (socket: Socket): void => void socket.destroy();
  const reset = (socket: Socket): void => void socket.resetAndDestroy();

  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    it(`is sent once more where it is a ${method} without a body`, async () => {
      const { running, again } = await dying(destroy);
      await send(running.url);
      expect((await send(`${running.url}/again`, { method })).status).toBe(200);
      expect(again()).toHaveLength(2);
      expect(new Set(again().map(({ connection }) => connection)).size).toBe(2);
    });
  }

  it('is sent once more after a reset too', async () => {
    const { running, again } = await dying(reset);
    await send(running.url);
    expect((await send(`${running.url}/again`)).status).toBe(200);
    expect(again()).toHaveLength(2);
  });

  it('is sent once more where a POST without a body has an Idempotency-Key', async () => {
    const { running, again } = await dying(destroy);
    await send(running.url);
    const headers = { 'idempotency-key': 'a1', 'content-length': '0' };
    expect((await send(`${running.url}/again`, { method: 'POST', headers })).status).toBe(200);
    expect(again()).toHaveLength(2);
  });

  it('is never sent twice where it is a POST, with a body or without', async () => {
    const { origin, running, again } = await dying(destroy);
    for (const body of ['', 'some']) {
      await send(running.url);
      const headers = { 'content-length': body.length };
      const answer = await send(`${running.url}/again`, { method: 'POST', headers, body });
      expect(answer.status).toBe(502);
      expect(problemOf(answer.text).code).toBe('ERR_GATEWAY_UPSTREAM_RESET');
    }
    expect(again()).toHaveLength(2);
    expect(origin.requests).toHaveLength(4);
  });

  it('is never sent twice once a body is on its way, whatever the method', async () => {
    const { running, again } = await dying(destroy);
    await send(running.url);
    const answer = await send(`${running.url}/again`, {
      method: 'PUT',
      body: 'some',
      headers: { 'content-length': 4 },
    });
    expect(answer.status).toBe(502);
    expect(again()).toHaveLength(1);
  });

  it('is never sent twice once a byte of an answer was seen', async () => {
    const { running, again } = await dying((socket) => {
      socket.write('HTTP/1.1 20', () => socket.destroy());
    });
    await send(running.url);
    expect((await send(`${running.url}/again`)).status).toBe(502);
    expect(again()).toHaveLength(1);
  });

  it('is never sent twice once the head of an answer was seen', async () => {
    const { running, again } = await dying((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', () => socket.destroy());
    });
    await send(running.url);
    await expect(send(`${running.url}/again`)).rejects.toThrow();
    expect(again()).toHaveLength(1);
  });

  /** Opens `count` connections at once and leaves them idle in the pool. */
  async function warm(origin: RawUpstream, running: RunningGateway, count: number): Promise<void> {
    const before = origin.accepted;
    await times(count, () => send(running.url));
    expect(origin.accepted - before).toBeGreaterThan(1);
  }

  it('is answered where all pooled sockets die together', async () => {
    const { origin, running, again } = await dying((_socket, sockets) => {
      sockets.forEach(destroy);
    });
    await warm(origin, running, 20);
    expect((await send(`${running.url}/again`)).status).toBe(200);
    expect(again()).toHaveLength(2);
  });

  it('is answered where every pooled socket dies as soon as it is used', async () => {
    const { origin, running, again } = await dying(reset);
    await warm(origin, running, 20);
    expect((await send(`${running.url}/again`)).status).toBe(200);
    expect(again()).toHaveLength(2);
  });

  it('is answered among others where the upstream restarts under load', async () => {
    const first = await upstream(echo);
    const running = await startGateway({ routes: [{ path: '/', target: first.url }] });
    await times(20, () => send(running.url));
    await first.close();
    await startOn(
      first.port,
      createServer((request, response) => void echo(request, response)),
    );
    const seen = await times(20, () => send(running.url));
    expect(seen.map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
  });

  it.each(['GET', 'POST'])('is answered where the socket dies while the %s is on its way to it', async (method) => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(undefined, { onConnection: (socket) => sockets.push(socket) });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = connectTo(running);
    client.write('GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    await client.response();
    // The gateway finds both in one turn of its loop: first the request, then the reset.
    client.write(`${method} /again HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n`);
    sockets.forEach(reset);
    const { status } = await client.response();
    // Nothing of it had been sent, so even a POST may be repeated; it need not be.
    expect(method === 'GET' ? [200] : [200, 502]).toContain(status);
    expect(origin.requests.slice(1)).toHaveLength(status === 200 ? 1 : 0);
  });

  it('is not sent again where its client has left', async () => {
    const died = gate();
    const { origin, running, again } = await dying((socket) => {
      // The client leaves and the socket dies in the same turn of the loop.
      client.destroy();
      socket.destroy();
      died.open();
    });
    await send(running.url);
    const client = connectTo(running);
    client.write('GET /again HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    await died.opened;
    await eventually(() => running.log.some(({ path }) => path === '/again'));
    await send(`${running.url}/other`);
    expect(again().length).toBeLessThanOrEqual(2);
    expect(origin.requests.at(-1)?.url).toBe('/other');
  });
});

describe('a request on a fresh connection', () => {
  it.each([
    { way: 'closes', die: (socket: Socket): void => void socket.destroy() },
    { way: 'resets', die: (socket: Socket): void => void socket.resetAndDestroy() },
  ])('is sent once to an upstream that $way it', async ({ die }) => {
    const origin = await startRawUpstream(undefined, {
      onHead: (_request, socket) => {
        die(socket);
      },
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    expect((await send(running.url)).status).toBe(502);
    expect((await send(running.url)).status).toBe(502);
    expect(origin.requests).toHaveLength(2);
  });

  it('is sent once to an origin that is down altogether: 1000 requests are 1000 arrivals', async () => {
    let arrivals = 0;
    const origin = await start(
      createTcpServer((socket) => {
        socket.once('data', () => {
          arrivals++;
          socket.destroy();
        });
      }),
    );
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxConnections: 20 }] });
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 20 });
    const seen = await times(1_000, () => send(running.url, { agent }));
    agent.destroy();
    expect(seen.filter(({ status }) => status === 502)).toHaveLength(1_000);
    expect(arrivals).toBe(1_000);
  });
});
