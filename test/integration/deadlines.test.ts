import { createServer as createTcpServer, connect, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import type { RawClient } from '../support/raw-client.js';
import { reply, type RawRequest, type RawUpstream } from '../support/raw-upstream.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import {
  connectTo,
  failOnUncaught,
  getRaw,
  MB,
  problemOf,
  pump,
  send,
  settled,
  start,
  startGateway,
  startRawUpstream,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

interface Scene {
  readonly clock: FakeClock;
  readonly origin: RawUpstream;
  readonly running: RunningGateway;
  /** The upstream's ends of the connections that a request came on. */
  readonly sockets: readonly Socket[];
}

/** A gateway on a clock of its own before an upstream that says nothing by itself. */
async function scene(
  route: Partial<RouteConfig> = {},
  onRequest: (request: RawRequest, socket: Socket) => unknown = () => undefined,
): Promise<Scene> {
  const clock = new FakeClock();
  const sockets: Socket[] = [];
  const origin = await startRawUpstream(onRequest, { onHead: (_request, socket) => sockets.push(socket) });
  const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url, ...route }] });
  return { clock, origin, running, sockets };
}

/** Time enough for bytes that are on their way over loopback. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
  await sleep(10);
}

async function expectNothingYet(client: RawClient): Promise<void> {
  const before = client.bytesReceived;
  await quiet();
  expect(client.isClosed).toBe(false);
  expect(client.bytesReceived).toBe(before);
}

async function expectProblem(client: RawClient, status: number, code: string): Promise<void> {
  const response = await client.response();
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(problemOf(response.body)).toEqual({ status, code });
}

async function expectDestroyed({ sockets }: Scene): Promise<void> {
  await eventually(() => {
    expect(sockets.map(({ destroyed, readableEnded }) => destroyed || readableEnded)).not.toContain(false);
  });
}

describe('the first-byte deadline', () => {
  it('is 504 after 30 s, not before, destroys the socket and writes one line of log', async () => {
    const stage = await scene();
    const client = getRaw(stage.running);
    await eventually(() => stage.origin.requests.length === 1);
    stage.clock.advance(29_990);
    await expectNothingYet(client);
    stage.clock.advance(20);
    await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
    await expectDestroyed(stage);
    await eventually(() => stage.running.log.length > 0);
    expect(stage.running.log).toHaveLength(1);
    expect(stage.running.log[0]).toMatchObject({ status: 504, code: 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT' });
    expect(stage.origin.requests).toHaveLength(1);
  });

  it('leaves the connection of the client open for its next request', async () => {
    const stage = await scene({}, (request, socket) => {
      if (request.url === '/next') reply(socket, 200, {}, 'next');
    });
    const client = getRaw(stage.running);
    await eventually(() => stage.origin.requests.length === 1);
    stage.clock.advance(30_010);
    await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
    client.write('GET /next HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect((await client.response()).body.toString()).toBe('next');
  });

  it('has each route its own', async () => {
    const clock = new FakeClock();
    const origin = await startRawUpstream(() => undefined);
    const running = await startGateway({
      clock,
      defaults: { timeouts: { firstByteMs: 5_000 } },
      routes: [
        { path: '/fast', target: origin.url, timeouts: { firstByteMs: 100 } },
        { path: '/usual', target: origin.url },
      ],
    });
    const [fast, usual] = [getRaw(running, '/fast'), getRaw(running, '/usual')];
    await eventually(() => origin.requests.length === 2);
    clock.advance(110);
    await expectProblem(fast, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
    await expectNothingYet(usual);
    clock.advance(4_900);
    await expectProblem(usual, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
  });

  it('ends each of many requests at its own time', async () => {
    const stage = await scene({ timeouts: { firstByteMs: 1_000 } });
    const clients: RawClient[] = [];
    for (let i = 0; i < 5; i++) {
      clients.push(getRaw(stage.running));
      await eventually(() => stage.origin.requests.length === i + 1);
      stage.clock.advance(100);
    }
    stage.clock.advance(510);
    for (const client of clients) {
      await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
      for (const later of clients.slice(clients.indexOf(client) + 1)) await expectNothingYet(later);
      stage.clock.advance(100);
    }
  });

  it('counts the time in the queue for a connection, and then the upstream never hears of the request', async () => {
    const clock = new FakeClock();
    const sockets: Socket[] = [];
    const origin = await startRawUpstream((_request, socket) => sockets.push(socket));
    const route = { target: origin.url, maxConnections: 1 };
    const running = await startGateway({
      clock,
      routes: [
        { path: '/patient', ...route },
        { path: '/hasty', ...route, timeouts: { firstByteMs: 1_000 } },
      ],
    });
    const patient = getRaw(running, '/patient');
    await eventually(() => origin.requests.length === 1);
    const hasty = getRaw(running, '/hasty/1');
    await send(`${running.url}/health`);
    clock.advance(1_010);
    await expectProblem(hasty, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
    reply(sockets[0] as Socket, 200, {}, 'patience');
    expect((await patient.response()).body.toString()).toBe('patience');
    getRaw(running, '/hasty/2');
    await eventually(() => origin.requests.length === 2);
    expect(origin.requests.map(({ url }) => url)).toEqual(['/', '/2']);
  });

  it('is off where it is Infinity', async () => {
    const stage = await scene({ timeouts: { firstByteMs: Infinity, idleMs: Infinity } });
    const client = getRaw(stage.running);
    await eventually(() => stage.sockets.length === 1);
    expect(stage.clock.pending).toBe(0);
    stage.clock.advance(1_000_000);
    reply(stage.sockets[0] as Socket, 200, {}, 'at last');
    expect((await client.response()).body.toString()).toBe('at last');
  });

  it('is over when a 1xx answer has come only where the final one has', async () => {
    const stage = await scene({}, (_request, socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n');
    });
    const client = getRaw(stage.running);
    await eventually(() => stage.sockets.length === 1);
    await quiet();
    stage.clock.advance(30_010);
    await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
  });
});

describe('an upload', () => {
  const framings = [
    { framing: 'Content-Length', field: 'Content-Length: 50', part: 'x'.repeat(10), end: '' },
    { framing: 'chunks', field: 'Transfer-Encoding: chunked', part: `a\r\n${'x'.repeat(10)}\r\n`, end: '0\r\n\r\n' },
  ];
  const head = (field: string): string => `POST / HTTP/1.1\r\nHost: gateway.test\r\n${field}\r\n\r\n`;

  it.each(framings)('in $framing that is slow but moves keeps the first-byte deadline away', async (framed) => {
    const stage = await scene({}, (request, socket) => {
      reply(socket, 200, {}, String(request.body.length));
    });
    const client = connectTo(stage.running);
    client.write(head(framed.field));
    for (let i = 1; i <= 5; i++) {
      client.write(framed.part);
      await eventually(() => countX(stage.origin.received(0)) === i * 10);
      stage.clock.advance(20_000);
    }
    client.write(framed.end);
    const response = await client.response();
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe('50');
  });

  it.each(framings)('in $framing that stalls is 408, and the upstream is cut off', async (framed) => {
    const stage = await scene();
    const client = connectTo(stage.running);
    client.write(head(framed.field) + framed.part);
    await eventually(() => countX(stage.origin.received(0)) === 10);
    stage.clock.advance(29_990);
    await expectNothingYet(client);
    stage.clock.advance(20);
    const response = await client.response();
    expect(problemOf(response.body)).toEqual({ status: 408, code: 'ERR_GATEWAY_BODY_TIMEOUT' });
    expect(response.headers.connection).toBe('close');
    await client.closed;
    await expectDestroyed(stage);
    expect(stage.origin.requests[0]?.complete).toBe(false);
  });

  it('that stalls because the upstream does not read is 504, since the client is not at fault', async () => {
    const clock = new FakeClock();
    const sockets: Socket[] = [];
    const origin = await start(createTcpServer({ pauseOnConnect: true }, (socket) => sockets.push(socket)));
    const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url, maxBodyBytes: Infinity }] });
    const client = connectTo(running);
    const sent = { bytes: 0 };
    client.write(head(`Content-Length: ${100 * MB}`));
    void pump(client.socket, 100 * MB, sent);
    await settled(() => sent.bytes);
    clock.advance(30_010);
    await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
    sockets[0]?.resume();
    await eventually(() => sockets[0]?.destroyed === true);
  });

  it('that is complete leaves the upstream the whole deadline', async () => {
    const stage = await scene();
    const client = connectTo(stage.running);
    client.write(head('Content-Length: 20') + 'x'.repeat(10));
    await eventually(() => countX(stage.origin.received(0)) === 10);
    stage.clock.advance(25_000);
    client.write('x'.repeat(10));
    await eventually(() => stage.origin.requests[0]?.complete === true);
    stage.clock.advance(29_000);
    await expectNothingYet(client);
    stage.clock.advance(1_010);
    await expectProblem(client, 504, 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
  });
});

describe('the idle deadline', () => {
  /** An answer of which 10 bytes have come. */
  async function halfAnswered(
    route: Partial<RouteConfig> = {},
  ): Promise<Scene & { client: RawClient; socket: Socket }> {
    const stage = await scene(route, (_request, socket) => {
      reply(socket, 200, { 'content-length': '50' }, null);
      socket.write('x'.repeat(10));
    });
    const client = getRaw(stage.running);
    await eventually(() => countX(client.received()) === 10);
    return { ...stage, client, socket: stage.sockets[0] as Socket };
  }

  it('destroys both connections 60 s after the last chunk, not before', async () => {
    const stage = await halfAnswered();
    stage.clock.advance(59_990);
    await expectNothingYet(stage.client);
    stage.socket.write('x'.repeat(10));
    await eventually(() => countX(stage.client.received()) === 20);
    stage.clock.advance(59_990);
    await expectNothingYet(stage.client);
    stage.clock.advance(20);
    expect((await stage.client.response()).complete).toBe(false);
    await stage.client.closed;
    await expectDestroyed(stage);
    await eventually(() => stage.running.log.length > 0);
    expect(stage.running.log).toHaveLength(1);
    expect(stage.running.log[0]).toMatchObject({ aborted: true });
    expect(stage.running.log[0]?.error).toContain('idleMs');
  });

  it('lets an answer take hours whose chunks keep coming', async () => {
    const stage = await halfAnswered();
    for (let i = 2; i <= 5; i++) {
      stage.clock.advance(50_000);
      stage.socket.write('x'.repeat(10));
      await eventually(() => countX(stage.client.received()) === i * 10);
    }
    expect((await stage.client.response()).complete).toBe(true);
  });

  it('leaves the time before the head to the first-byte deadline', async () => {
    const stage = await scene({ timeouts: { firstByteMs: 10_000, idleMs: 100 } });
    const client = getRaw(stage.running);
    await eventually(() => stage.sockets.length === 1);
    stage.clock.advance(9_000);
    await expectNothingYet(client);
    reply(stage.sockets[0] as Socket, 200, {}, 'in time');
    expect((await client.response()).body.toString()).toBe('in time');
  });

  /** A client that has stopped reading an answer of 40 MB, so that the upstream had to stop too. */
  async function stalled(): Promise<Scene & { client: RawClient; socket: Socket; sent: { bytes: number } }> {
    const sent = { bytes: 0 };
    const stage = await scene({}, async (_request, socket) => {
      reply(socket, 200, { 'content-length': String(40 * MB) }, null);
      await pump(socket, 40 * MB - 10, sent);
    });
    const client = getRaw(stage.running);
    await client.read(1);
    client.pause();
    await settled(() => sent.bytes);
    return { ...stage, client, socket: stage.sockets[0] as Socket, sent };
  }

  it('cuts off a client that stops reading', async () => {
    const stage = await stalled();
    stage.clock.advance(59_000);
    await quiet();
    expect(stage.socket.destroyed).toBe(false);
    stage.clock.advance(1_010);
    await expectDestroyed(stage);
    await eventually(() => stage.running.log.length === 1);
    expect(stage.running.log[0]).toMatchObject({ aborted: true });
    expect(stage.running.log[0]?.error).toContain('client');
    await eventually(() => stage.running.connections === 0);
  });

  it('spares a client that goes on reading in time', async () => {
    const stage = await stalled();
    stage.clock.advance(59_000);
    stage.client.resume();
    await eventually(() => stage.sent.bytes === 40 * MB - 10, { withinMs: 8_000 });
    stage.socket.write('x'.repeat(10));
    await eventually(() => stage.client.bytesReceived > 40 * MB, { withinMs: 8_000 });
  });

  it('does not count the time that the client took against the upstream', async () => {
    const stage = await stalled();
    // Everything that the upstream has sent is out; the rest waits behind a client that reads again only now.
    stage.clock.advance(59_000);
    stage.client.resume();
    const reached = await settled(() => stage.client.bytesReceived);
    expect(reached).toBeGreaterThan(39 * MB);
    stage.clock.advance(59_000);
    await quiet();
    expect(stage.client.isClosed).toBe(false);
    stage.socket.write('x'.repeat(10));
    await eventually(() => stage.client.bytesReceived > 40 * MB);
  });
});

describe('the total deadline', () => {
  it('is 504 with its own code before the head', async () => {
    const stage = await scene({ timeouts: { totalMs: 1_000 } });
    const client = getRaw(stage.running);
    await eventually(() => stage.origin.requests.length === 1);
    stage.clock.advance(990);
    await expectNothingYet(client);
    stage.clock.advance(20);
    await expectProblem(client, 504, 'ERR_GATEWAY_TOTAL_TIMEOUT');
    await expectDestroyed(stage);
  });

  it('cuts off an answer that keeps coming', async () => {
    const stage = await scene({ timeouts: { totalMs: 10_000 } }, (_request, socket) => {
      reply(socket, 200, { 'content-length': '50' }, null);
    });
    const client = getRaw(stage.running);
    await eventually(() => stage.sockets.length === 1);
    for (let i = 1; i <= 3; i++) {
      stage.sockets[0]?.write('x'.repeat(10));
      await eventually(() => countX(client.received()) === i * 10);
      stage.clock.advance(3_000);
    }
    await expectNothingYet(client);
    stage.clock.advance(1_010);
    expect((await client.response()).complete).toBe(false);
    await client.closed;
    await expectDestroyed(stage);
    await eventually(() => stage.running.log.length === 1);
    expect(stage.running.log[0]?.error).toContain('totalMs');
  });

  it('cuts off an upload that keeps coming', async () => {
    const stage = await scene({ timeouts: { totalMs: 10_000 } });
    const client = connectTo(stage.running);
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 50\r\n\r\n');
    for (let i = 1; i <= 3; i++) {
      client.write('x'.repeat(10));
      await eventually(() => countX(stage.origin.received(0)) === i * 10);
      stage.clock.advance(3_000);
    }
    stage.clock.advance(1_010);
    await expectProblem(client, 504, 'ERR_GATEWAY_TOTAL_TIMEOUT');
    await expectDestroyed(stage);
  });
});

describe('an exchange that is over', () => {
  it('has no deadline left', async () => {
    const timeouts = { firstByteMs: 1_000, idleMs: 2_000, totalMs: 3_000 };
    const stage = await scene({ timeouts }, (_request, socket) => {
      reply(socket, 200, {}, 'done');
    });
    const client = getRaw(stage.running);
    expect((await client.response()).body.toString()).toBe('done');
    stage.clock.advance(100_000);
    client.write('GET /more HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect((await client.response()).body.toString()).toBe('done');
    expect(stage.origin.accepted).toBe(1);
    stage.clock.advance(100_000);
    expect(stage.clock.pending).toBe(0);
  });
});

describe('the connect deadline', () => {
  const timeouts = { connectMs: 150 };

  it('ends a connection that nobody accepts', async () => {
    const port = await blackhole();
    const running = await startGateway({ routes: [{ path: '/', target: `http://127.0.0.1:${port}`, timeouts }] });
    const started = performance.now();
    const answer = await send(running.url);
    expect(problemOf(answer.text)).toEqual({ status: 504, code: 'ERR_GATEWAY_CONNECT_TIMEOUT' });
    expect(performance.now() - started).toBeGreaterThan(140);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('ends a TLS handshake that is never answered, and does not say whose', async () => {
    const mute = await start(createTcpServer((socket) => socket.resume()));
    const target = `https://127.0.0.1:${mute.port}`;
    const running = await startGateway({ routes: [{ path: '/', target, timeouts }] });
    const answer = await send(running.url);
    expect(problemOf(answer.text)).toEqual({ status: 504, code: 'ERR_GATEWAY_CONNECT_TIMEOUT' });
    expect(answer.text + JSON.stringify(answer.headers)).not.toMatch(new RegExp(`${mute.port}|127\\.0\\.0\\.1:`));
    expect(mute.accepted).toBe(1);
    await eventually(() => mute.connections === 0);
  });

  it('ends a POST as well, and its body is not read on', async () => {
    const mute = await start(createTcpServer((socket) => socket.resume()));
    const target = `https://127.0.0.1:${mute.port}`;
    const running = await startGateway({ routes: [{ path: '/', target, timeouts, maxBodyBytes: Infinity }] });
    const client = connectTo(running);
    const sent = { bytes: 0 };
    client.write(`POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${50 * MB}\r\n\r\n`);
    void pump(client.socket, 50 * MB, sent);
    await expectProblem(client, 504, 'ERR_GATEWAY_CONNECT_TIMEOUT');
    expect(await settled(() => sent.bytes, 100)).toBeLessThanOrEqual(16 * MB);
  });
});

function countX(bytes: Buffer): number {
  return bytes.toString('latin1').split('\r\n\r\n').slice(1).join('').split('x').length - 1;
}

/** A port that listens, has its backlog full and never accepts. */
async function blackhole(): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(code, { eval: true });
  const port = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const fillers: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of fillers) socket.destroy();
    await worker.terminate();
  });
  for (let isFull = false; !isFull;) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    fillers.push(socket);
    const connected = new Promise<boolean>((resolve) =>
      socket.once('connect', () => {
        resolve(true);
      }),
    );
    isFull = !(await Promise.race([connected, sleep(100, false)]));
  }
  return port;
}
