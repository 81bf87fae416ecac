import { Agent, createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { seededRandom } from '../support/random.js';
import { echo } from '../support/upstream.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  getRaw,
  problemOf,
  send,
  start,
  startGateway,
  startOn,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

describe('200 connections of garbage', () => {
  it('leave the gateway able to answer, and none of them stays', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const random = seededRandom(7);
    const pieces = [
      '',
      'G',
      'GET / HTTP/1.1\r\nHost: gateway.te',
      'GET / HTTP/9.9\r\n\r\n',
      '\x00\xff\x16\x03\x01',
      'POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 10\r\n\r\nhalf',
      'POST / HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n',
    ];
    const clients = await times(200, (i) => {
      const client = connectTo(running);
      client.write(pieces[i % pieces.length] as string);
      return client;
    });
    await Promise.all(clients.map(({ connected }) => connected));
    expect((await send(running.url)).status).toBe(200);
    for (const client of clients) random.pick([client.destroy, client.reset, client.end])();
    await eventually(() => running.connections === 0);
    expect((await send(running.url)).status).toBe(200);
    expect(origin.requests.filter(({ method, complete }) => method === 'POST' && complete)).toEqual([]);
  });

  it('half-open for the whole time do not keep others from being served', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const half = await times(200, () => connectTo(running));
    for (const client of half) client.write('GET / HTTP/1.1\r\nHost: gateway.te');
    const answers = await times(20, () => send(running.url));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(running.connections).toBeGreaterThanOrEqual(200);
  });
});

describe('an upstream that is down', () => {
  it('is 502 at once, without its address', async () => {
    const port = await freePort();
    const running = await startGateway({ routes: [{ path: '/', target: `http://127.0.0.1:${port}` }] });
    const started = performance.now();
    const answer = await send(running.url, { method: 'POST', body: 'hello' });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(problemOf(answer.text)).toEqual({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(answer.text + JSON.stringify(answer.headers)).not.toMatch(new RegExp(`${port}|ECONN|127\\.0\\.0\\.1:`));
    expect(running.log[0]).toMatchObject({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(running.log[0]?.error).toContain('ECONNREFUSED');
  });

  it('is 502 for each of 300 requests at once, and 200 as soon as it is up', async () => {
    const port = await freePort();
    const running = await startGateway({ routes: [{ path: '/', target: `http://127.0.0.1:${port}` }] });
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    const down = await times(300, () => send(running.url, { agent }));
    expect(down.filter(({ status }) => status === 502)).toHaveLength(300);
    await startOn(
      port,
      createServer((request, response) => void echo(request, response)),
    );
    const up = await times(50, () => send(running.url, { agent }));
    expect(up.filter(({ status }) => status === 200)).toHaveLength(50);
    agent.destroy();
  });

  it('whose name nobody knows is 502, and the other routes are served', async () => {
    const origin = await startUpstream();
    const running = await startGateway({
      routes: [
        { path: '/lost', target: 'http://does-not-exist.invalid' },
        { path: '/', target: origin.url },
      ],
    });
    const [lost, served] = await Promise.all([send(`${running.url}/lost`), send(running.url)]);
    expect(problemOf(lost.text)).toEqual({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(lost.text).not.toContain('does-not-exist');
    expect(served.status).toBe(200);
  });

  it('leaves no connection of a client hanging when it goes down in the middle', async () => {
    const sockets: Socket[] = [];
    const origin = await start(
      createTcpServer((socket) => {
        sockets.push(socket);
        socket.resume();
      }),
    );
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const clients = await times(50, () => getRaw(running));
    await eventually(() => sockets.length === 50);
    await origin.close();
    const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
    expect(statuses).toEqual(Array<number>(50).fill(502));
  });
});

describe('everything at once', () => {
  it('gives every client its own answer or an error, and leaves nothing behind', async () => {
    const origin = await startUpstream((request, response) => {
      const { url = '' } = request;
      const kind = url.split('/')[1];
      if (kind === 'reset') request.socket.resetAndDestroy();
      else if (kind === 'cut') {
        response.writeHead(200, { 'content-length': 100 });
        response.write(url, () => request.socket.destroy());
      } else if (kind === 'close') {
        response.setHeader('connection', 'close');
        response.end(url);
      } else response.end(url);
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxConnections: 10 }] });
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const kinds = ['well', 'reset', 'cut', 'close', 'leave', 'well', 'well'];
    const random = seededRandom(3);
    const wrong: string[] = [];
    await times(600, async (i) => {
      const kind = random.pick(kinds);
      const path = `/${kind}/${i}`;
      if (kind === 'leave') {
        const client = getRaw(running, path);
        await client.connected;
        client.reset();
        return;
      }
      const answer = await send(`${running.url}${path}`, { agent }).catch(() => null);
      const expected = { well: 200, close: 200, reset: 502, cut: null }[kind] ?? null;
      if ((answer?.status ?? null) !== expected) wrong.push(`${path}: ${answer?.status ?? 'error'}`);
      if (answer?.status === 200 && answer.text !== path) wrong.push(`${path} got ${answer.text}`);
    });
    agent.destroy();
    expect(wrong).toEqual([]);
    await eventually(() => running.connections === 0);
    expect(origin.connections).toBeLessThanOrEqual(10);
    await running.listener.close();
    await eventually(() => origin.connections === 0);
  });
});
