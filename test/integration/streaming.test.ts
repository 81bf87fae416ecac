import { createServer, type Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { RawClient } from '../support/raw-client.js';
import { reply } from '../support/raw-upstream.js';
import {
  connectTo,
  failOnUncaught,
  gate,
  getRaw,
  MB,
  problemOf,
  pump,
  send,
  settled,
  start,
  startGateway,
  startRawUpstream,
  startUpstream,
  type LogRecord,
} from './harness.js';

failOnUncaught();

describe('backpressure', () => {
  it('a client that stops reading 300 MB has at most 16 MB of it pulled, and leaving closes the upstream', async () => {
    const sent = { bytes: 0 };
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(async (_request, socket) => {
      sockets.push(socket);
      reply(socket, 200, { 'content-length': String(300 * MB) }, null);
      await pump(socket, 300 * MB, sent);
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await client.read(1_000);
    client.pause();
    const pulled = await settled(() => sent.bytes);
    expect(pulled - client.bytesReceived).toBeGreaterThan(0);
    expect(pulled - client.bytesReceived).toBeLessThanOrEqual(16 * MB);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    client.destroy();
    await eventually(() => sockets[0]?.destroyed === true);
  });

  it('a client that pauses and goes on gets every byte in order', async () => {
    const size = 24 * MB;
    const body = Buffer.alloc(size);
    for (let i = 0; i < size; i += 4) body.writeUInt32BE(i, i);
    const origin = await startUpstream((_request, response) => response.end(body));
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await client.read(1);
    client.pause();
    await settled(() => client.socket.bytesRead, 200);
    client.resume();
    await eventually(() => client.bytesReceived > size, { withinMs: 8_000 });
    const all = client.received();
    expect(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(body)).toBe(true);
  });

  it('an upload of 300 MB to an upstream that does not read is accepted up to 16 MB', async () => {
    const sockets: Socket[] = [];
    const origin = await start(createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket)));
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxBodyBytes: Infinity }] });
    const client = connectTo(running);
    const sent = { bytes: 0 };
    client.write(`POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${300 * MB}\r\n\r\n`);
    void pump(client.socket, 300 * MB, sent);
    await eventually(() => sockets.length === 1);
    const accepted = await settled(() => sent.bytes);
    expect(accepted).toBeGreaterThan(65_536);
    expect(accepted).toBeLessThanOrEqual(16 * MB);
    client.destroy();
    sockets[0]?.resume();
    await eventually(() => sockets[0]?.destroyed === true);
  });

  it('a chunked upload of 300 MB to an upstream that does not read is accepted up to 16 MB', async () => {
    const sockets: Socket[] = [];
    const origin = await start(createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket)));
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxBodyBytes: 400 * MB }] });
    const client = connectTo(running);
    const sent = { bytes: 0 };
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write(`${(300 * MB).toString(16)}\r\n`);
    void pump(client.socket, 300 * MB, sent);
    await eventually(() => sockets.length === 1);
    const accepted = await settled(() => sent.bytes);
    expect(accepted).toBeGreaterThan(65_536);
    expect(accepted).toBeLessThanOrEqual(16 * MB);
    client.destroy();
    sockets[0]?.resume();
    await eventually(() => sockets[0]?.destroyed === true);
  });
});

describe('an upstream that breaks off its answer', () => {
  const framings = [
    { framing: 'Content-Length', headers: { 'content-length': '1000' }, part: 'x'.repeat(100) },
    { framing: 'chunked', headers: { 'transfer-encoding': 'chunked' }, part: `64\r\n${'x'.repeat(100)}\r\n` },
  ];
  const endings = [
    { ending: 'a reset', end: (socket: Socket) => void socket.resetAndDestroy() },
    { ending: 'a close', end: (socket: Socket) => void socket.destroy() },
  ];
  const cases = framings.flatMap((framing) =>
    endings.map((ending) => ({ ...framing, ...ending, name: `${ending.ending} in a body with ${framing.framing}` })),
  );

  it.each(cases)('with $name is an error for the client', async (cut) => {
    const partSeen = gate();
    const origin = await startRawUpstream(async (_request, socket) => {
      reply(socket, 200, cut.headers, null);
      socket.write(cut.part);
      await partSeen.opened;
      cut.end(socket);
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await eventually(() => client.received().includes('xxx'));
    partSeen.open();
    const response = await client.response();
    expect(response.status).toBe(200);
    expect(response.complete).toBe(false);
    await client.closed;
    await eventually(() => running.log.length === 1);
    expect(running.log[0]).toMatchObject({ aborted: true });
    expect(origin.requests).toHaveLength(1);
  });

  it('with a broken chunk after good ones it is an error for the client', async () => {
    const partSeen = gate();
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(async (_request, socket) => {
      sockets.push(socket);
      reply(socket, 200, { 'transfer-encoding': 'chunked' }, null);
      socket.write('3\r\nabc\r\n');
      await partSeen.opened;
      socket.write('zz\r\n');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await eventually(() => client.received().includes('abc'));
    partSeen.open();
    expect((await client.response()).complete).toBe(false);
    await client.closed;
    await eventually(() => sockets[0]?.destroyed === true);
  });

  it('before its head is 502, and the connection of the client serves on', async () => {
    const origin = await startRawUpstream((request, socket) => {
      if (request.url === '/broken') socket.destroy();
      else reply(socket, 200, {}, 'well');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running, '/broken');
    const broken = await client.response();
    expect(broken.status).toBe(502);
    expect(problemOf(broken.body).code).toBe('ERR_GATEWAY_UPSTREAM_RESET');
    client.write('GET /well HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect((await client.response()).body.toString()).toBe('well');
  });
});

describe('server-sent events', () => {
  interface EventSource {
    readonly url: string;
    /** The stream of the only request. */
    readonly stream: () => ServerResponse;
    readonly socket: () => Socket | undefined;
  }

  async function eventSource({ greeting }: { greeting: boolean }): Promise<EventSource> {
    const streams: ServerResponse[] = [];
    const { url, requests } = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      if (greeting) response.write(': hello\n\n');
      streams.push(response);
    });
    return { url, stream: () => streams[0] as ServerResponse, socket: () => requests[0]?.socket };
  }

  async function listener(source: EventSource): Promise<{ client: RawClient; log: readonly LogRecord[] }> {
    const running = await startGateway({ routes: [{ path: '/', target: source.url }] });
    return { client: getRaw(running), log: running.log };
  }

  it('send their head before there is an event', async () => {
    const { client } = await listener(await eventSource({ greeting: false }));
    await eventually(() => /text\/event-stream\r\n[^]*\r\n\r\n$/.test(client.received().toString()));
  });

  it('send each event before the next one exists', async () => {
    const source = await eventSource({ greeting: true });
    const { client } = await listener(source);
    await eventually(() => client.received().includes(': hello'));
    for (const event of ['first', 'second', 'third']) {
      source.stream().write(`data: ${event}\n\n`);
      await eventually(() => client.received().includes(`data: ${event}\n\n`));
    }
  });

  it('close the upstream when the client leaves', async () => {
    const source = await eventSource({ greeting: true });
    const { client, log } = await listener(source);
    await eventually(() => client.received().includes(': hello'));
    expect(source.socket()?.destroyed).toBe(false);
    client.destroy();
    await eventually(() => source.socket()?.destroyed === true);
    await eventually(() => log.length === 1);
    expect(log[0]).toMatchObject({ aborted: true });
  });

  it('end cleanly for the client when the upstream ends them', async () => {
    const source = await eventSource({ greeting: true });
    const { client } = await listener(source);
    await eventually(() => client.received().includes(': hello'));
    source.stream().end('data: last\n\n');
    const response = await client.response();
    expect(response.complete).toBe(true);
    expect(response.body.toString()).toBe(': hello\n\ndata: last\n\n');
  });

  it('close the client when the upstream dies', async () => {
    const source = await eventSource({ greeting: true });
    const { client } = await listener(source);
    await eventually(() => client.received().includes(': hello'));
    source.stream().destroy();
    expect((await client.response()).complete).toBe(false);
    await client.closed;
  });
});

describe('an upstream that answers before it has read the body', () => {
  it('has its answer relayed to a client that is still sending, and the next request works', async () => {
    const origin = await startRawUpstream(
      (_request, socket) => {
        reply(socket, 200, {}, 'fine');
      },
      {
        onHead(request, socket) {
          if (request.url !== '/early') return;
          reply(socket, 401, { connection: 'close' }, 'who are you?');
          socket.end();
        },
      },
    );
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxBodyBytes: Infinity }] });
    const client = connectTo(running);
    client.write(`POST /early HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${50 * MB}\r\n\r\n`);
    client.write(Buffer.alloc(100_000));
    const response = await client.response();
    expect(response.status).toBe(401);
    expect(response.body.toString()).toBe('who are you?');
    expect(response.headers.connection).toBe('close');
    await client.closed;
    expect((await send(`${running.url}/next`)).text).toBe('fine');
  });
});

describe('bodies', () => {
  it('an upload arrives whole, whichever way it is framed', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const body = 'b'.repeat(3 * MB);
    const chunked = await send(running.url, { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } });
    const sized = await send(running.url, { method: 'POST', body, headers: { 'content-length': body.length } });
    for (const { text } of [chunked, sized]) expect((JSON.parse(text) as { body: string }).body === body).toBe(true);
    expect(origin.requests.map(({ headers }) => headers['content-length'])).toEqual([undefined, String(body.length)]);
  });

  it('a body that ends with the connection of an HTTP/1.0 upstream is complete', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const response = await getRaw(running).response();
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.body.toString()).toBe('to the end');
  });

  it('an answer over maxResponseBytes is 502 where its head has not left, and cut off where it has', async () => {
    const origin = await startUpstream((request, response) => {
      if (request.url === '/known') response.setHeader('content-length', 2_000);
      response.write('x'.repeat(500));
      if (request.url === '/known') response.end('x'.repeat(1_500));
      else setTimeout(() => response.end('x'.repeat(1_500)), 50);
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, maxResponseBytes: 1_000 }] });
    const known = await send(`${running.url}/known`);
    expect(known.status).toBe(502);
    expect(problemOf(known.text).code).toBe('ERR_GATEWAY_UPSTREAM_TOO_LARGE');
    await expect(send(`${running.url}/unknown`)).rejects.toThrow();
    await eventually(() => origin.requests.every(({ socket }) => socket.destroyed));
    expect(origin.requests).toHaveLength(2);
  });
});
