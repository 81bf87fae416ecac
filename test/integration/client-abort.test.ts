import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serve, type RunningServer } from '../../src/adapters/node/index.js';
import { eventually } from '../support/eventually.js';
import { reply, type RawRequest } from '../support/raw-upstream.js';
import {
  connectTo,
  failOnUncaught,
  gate,
  getRaw,
  pump,
  send,
  startGateway,
  startRawUpstream,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

describe('a client that leaves', () => {
  it('closes the socket of each of 100 downloads', async () => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(async (_request, socket) => {
      sockets.push(socket);
      reply(socket, 200, { 'content-length': '1000000000' }, null);
      await pump(socket, 200_000, { bytes: 0 });
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const clients = await times(100, () => getRaw(running));
    await Promise.all(
      clients.map(async (client) => {
        await client.read(1_000);
        client.pause();
      }),
    );
    expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(0);
    for (const [index, client] of clients.entries()) {
      if (index % 2 === 0) client.destroy();
      else client.reset();
    }
    await eventually(() => {
      expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(100);
    });
    await eventually(() => running.log.length === 100);
    expect(running.log.filter(({ aborted }) => aborted)).toHaveLength(100);
    expect(running.connections).toBe(0);
  });

  const framings = [
    { framing: 'Content-Length', field: 'Content-Length: 1000000', part: 'x'.repeat(5_000) },
    { framing: 'chunks', field: 'Transfer-Encoding: chunked', part: `1388\r\n${'x'.repeat(5_000)}\r\n` },
  ];
  it.each(framings)('makes each of 100 uploads in $framing incomplete for the upstream', async ({ field, part }) => {
    const complete: RawRequest[] = [];
    const sockets: Socket[] = [];
    const origin = await startRawUpstream((request) => complete.push(request), {
      onHead: (_request, socket) => sockets.push(socket),
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const clients = await times(100, () => connectTo(running));
    for (const client of clients) client.write(`POST / HTTP/1.1\r\nHost: gateway.test\r\n${field}\r\n\r\n${part}`);
    await eventually(() => {
      expect(sockets).toHaveLength(100);
      for (const { connection } of origin.requests) expect(origin.received(connection).length).toBeGreaterThan(5_000);
    });
    for (const [index, client] of clients.entries()) {
      if (index % 2 === 0) client.destroy();
      else client.reset();
    }
    await eventually(() => {
      expect(sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)).toHaveLength(100);
    });
    expect(complete).toEqual([]);
    expect(origin.requests.filter((request) => request.complete)).toEqual([]);
    for (const { connection } of origin.requests)
      expect(origin.received(connection).toString()).not.toMatch(/\r\n0\r\n\r\n$/);
    await eventually(() => running.log.length === 100);
  });

  it('before there is a head is logged as 499, and the upstream is cancelled at once', async () => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream((_request, socket) => sockets.push(socket));
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await eventually(() => sockets.length === 1);
    client.destroy();
    await eventually(() => sockets[0]?.destroyed === true);
    await eventually(() => running.log.length === 1);
    expect(running.log[0]).toMatchObject({ status: 499, aborted: true });
    expect(origin.requests).toHaveLength(1);
  });

  it('is not waited for: the next request is answered', async () => {
    const origin = await startRawUpstream((request, socket) => {
      if (request.url !== '/never') reply(socket, 200, {}, 'here');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxConnections: 1 }] });
    const client = getRaw(running, '/never');
    await eventually(() => origin.requests.length === 1);
    client.destroy();
    expect((await send(`${running.url}/next`)).text).toBe('here');
  });

  it('leaves no connection to the upstream behind once keepAliveMs is over', async () => {
    const origin = await startRawUpstream(() => undefined);
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, keepAliveMs: 200 }] });
    const clients = await times(10, () => getRaw(running));
    await eventually(() => origin.requests.length === 10);
    for (const client of clients) client.destroy();
    await eventually(() => origin.connections === 0, { withinMs: 4_000 });
  });

  it('in the middle of a pipeline takes nothing of the others along', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const leaving = connectTo(running);
    leaving.write('GET /1 HTTP/1.1\r\nHost: gateway.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    const [answer] = await Promise.all([
      send(`${running.url}/other`),
      leaving.read(1).then(() => {
        leaving.reset();
      }),
    ]);
    expect(answer.status).toBe(200);
  });
});

describe('a client that has sent FIN after its request', () => {
  /** A server of the gateway's own: of another one its host decides what FIN means. */
  async function served(target: string): Promise<RunningServer & { port: number }> {
    const running = await serve(
      { accessLog: false, routes: [{ path: '/', target }] },
      { port: 0, host: '127.0.0.1', announce: false, drainTimeoutMs: 0, signals: [] },
    );
    onTestFinished(() => running.close());
    return { ...running, port: Number(new URL(running.url).port) };
  }

  it('still gets its answer', async () => {
    const ended = gate();
    const origin = await startRawUpstream(async (_request, socket) => {
      await ended.opened;
      reply(socket, 200, {}, 'late');
    });
    const running = await served(origin.url);
    const client = getRaw(running);
    client.end();
    await eventually(() => origin.requests.length === 1);
    // The FIN has been read by then: what follows is an answer to a half-closed connection.
    await send(`${running.url}/health`);
    ended.open();
    const response = await client.response();
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe('late');
    await client.closed;
  });

  it('still gets all of a long answer', async () => {
    const origin = await startUpstream((_request, response) => response.end(Buffer.alloc(5_000_000)));
    const running = await served(origin.url);
    const client = getRaw(running);
    client.end();
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.body).toHaveLength(5_000_000);
  });

  it('still has its upload answered', async () => {
    const origin = await startUpstream();
    const running = await served(origin.url);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello');
    client.end();
    const response = await client.response();
    expect(JSON.parse(response.body.toString())).toMatchObject({ method: 'POST', body: 'hello' });
  });

  it('and closed its end for good is taken for gone, and the upstream is cancelled at once', async () => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream((_request, socket) => sockets.push(socket));
    const running = await served(origin.url);
    const client = getRaw(running);
    await eventually(() => sockets.length === 1);
    // FIN alone, as when a program ends; what tells it from a half-closed client is the reset that the next byte meets.
    client.destroy();
    await eventually(() => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
  });

  it('in the middle of its request is taken for gone, and the upstream sees no whole request', async () => {
    const complete: RawRequest[] = [];
    const origin = await startRawUpstream((request) => complete.push(request));
    const running = await served(origin.url);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 50\r\n\r\nhello');
    await eventually(() => origin.requests.length === 1);
    client.end();
    await client.closed;
    await eventually(() => origin.connections === 0, { withinMs: 6_000 });
    expect(complete).toEqual([]);
  });
});
