import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toNode } from '../../src/adapters/node/index.js';
import { compose } from '../../src/core/compose.js';
import { mirror, type MirrorMiddleware, type MirrorOptions } from '../../src/mirror/index.js';
import { proxy } from '../../src/proxy/index.js';
import { eventually } from '../support/eventually.js';
import type { Listening } from '../support/listen.js';
import { reply, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';
import { answerJson, type Echo } from '../support/upstream.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  MB,
  pump,
  send,
  start,
  startRawUpstream,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

interface Mirrored extends Listening {
  readonly gate: MirrorMiddleware;
}

/** A gateway whose requests go to `service`, and a copy of each to `shadow`. */
async function startMirror(service: string, shadow: string, options: Partial<MirrorOptions> = {}): Promise<Mirrored> {
  const [real, copy] = [proxy({ target: service }), proxy({ target: shadow })];
  const gate = mirror({ to: copy, methods: '*', ...options });
  const running = await start(createServer(toNode(compose([gate], real))));
  onTestFinished(async () => {
    gate.close();
    await Promise.all([real.close(), copy.close()]);
  });
  return Object.assign(Object.create(running) as Listening, { gate });
}

/** A shadow on raw sockets. */
function startShadow(onRequest?: RawRequestHandler): Promise<RawUpstream> {
  return startRawUpstream(onRequest);
}

async function settled({ gate }: Mirrored): Promise<void> {
  await eventually(() => gate.stats().inFlight === 0);
}

describe('mirror', () => {
  it('sends the same request to both, and only the copy is marked', async () => {
    const [service, shadow] = [await startUpstream(), await startShadow()];
    const running = await startMirror(service.url, shadow.url);
    const body = JSON.stringify({ order: 'ü'.repeat(1_000) });
    const headers = { 'content-type': 'application/json', 'x-gateway-shadow': '1', 'x-own': 'a' };
    const answer = await send(`${running.url}/orders?a=b`, { method: 'POST', headers, body });
    const seen = JSON.parse(Buffer.from(answer.text, 'latin1').toString()) as Echo;
    await settled(running);
    const [copy] = shadow.requests;
    expect([copy?.method, copy?.url, copy?.body.toString()]).toEqual([seen.method, seen.url, seen.body]);
    expect(seen.body).toBe(body);
    expect(seen.headers['x-gateway-shadow']).toBeUndefined();
    expect(copy?.headers).toEqual({
      ...seen.headers,
      connection: copy?.headers.connection,
      'x-gateway-timestamp': copy?.headers['x-gateway-timestamp'],
      'x-gateway-shadow': '1',
    });
  });

  it('copies a body in chunks, and leaves the bytes of the answer alone', async () => {
    const bytes = randomBytes(MB);
    const [service, shadow] = [await startUpstream((_request, response) => response.end(bytes)), await startShadow()];
    const running = await startMirror(service.url, shadow.url);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
    client.write('3\r\ntwo\r\n0\r\n\r\n');
    expect((await client.response()).body.equals(bytes)).toBe(true);
    await settled(running);
    expect(shadow.requests.map(({ body }) => body.toString())).toEqual(['onetwo']);
  });

  const shadows: [string, RawRequestHandler][] = [
    ['hangs', () => undefined],
    ['resets', (_request, socket) => socket.resetAndDestroy()],
    ['speaks no HTTP', (_request, socket) => socket.end('nonsense\r\n\r\n')],
    ['answers 500', answer500],
    ['answers half', (_request, socket) => (reply(socket, 200, { 'content-length': '100' }, 'half'), socket.end())],
    ['answers 1 GB', (_request, socket) => pumpAnswer(socket)],
  ];
  it.each(shadows)('serves clients as ever where the shadow %s', async (_case, answer) => {
    const sockets: Socket[] = [];
    const noting: RawRequestHandler = (request, socket) => (sockets.push(socket), answer(request, socket));
    const [service, shadow] = [await startUpstream(), await startShadow(noting)];
    const running = await startMirror(service.url, shadow.url, { timeoutMs: 200 });
    const answers = await times(20, () => send(running.url, { method: 'POST', body: 'x' }));
    expect(answers.map(({ status }) => status)).toEqual(new Array(20).fill(200));
    await settled(running);
    const { sent, failed } = running.gate.stats();
    expect([sent, failed]).toEqual([20, 20]);
    expect(sockets).toHaveLength(20);
    await eventually(() => answer === answer500 || sockets.every(({ destroyed }) => destroyed));
  });

  it('serves clients as ever where there is no shadow', async () => {
    const service = await startUpstream();
    const running = await startMirror(service.url, `http://127.0.0.1:${await freePort()}`);
    expect((await send(running.url)).status).toBe(200);
    await settled(running);
    expect(running.gate.stats()).toEqual({ sent: 1, failed: 1, dropped: 0, inFlight: 0 });
  });

  it('sends no copy of a body over the cap, be its length told or not, and the service gets all of it', async () => {
    const service = await startUpstream(async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      answerJson(response, 200, { bytes, length: request.headers['content-length'] ?? null });
    });
    const shadow = await startShadow();
    const running = await startMirror(service.url, shadow.url);
    const body = Buffer.alloc(MB, 'x');
    const told = await send(running.url, { method: 'POST', body, headers: { 'content-length': MB } });
    expect(JSON.parse(told.text)).toEqual({ bytes: MB, length: String(MB) });
    const untold = await send(running.url, { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } });
    expect(JSON.parse(untold.text)).toEqual({ bytes: MB, length: null });
    expect(running.gate.stats()).toEqual({ sent: 0, failed: 0, dropped: 2, inFlight: 0 });
    expect(shadow.requests).toHaveLength(0);
  });

  it('sends no half of a body whose client leaves', async () => {
    const [service, shadow] = [await startUpstream(), await startShadow()];
    const running = await startMirror(service.url, shadow.url);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
    await eventually(() => service.requests.length === 1 && running.gate.stats().inFlight === 1);
    client.reset();
    await settled(running);
    expect(running.gate.stats()).toEqual({ sent: 0, failed: 0, dropped: 1, inFlight: 0 });
    expect(shadow.requests).toHaveLength(0);
  });

  it('finishes the copy of a client that leaves', async () => {
    const service = await startUpstream(() => new Promise(() => undefined));
    let answerShadow = (): void => undefined;
    const shadow = await startShadow((_request, socket) => {
      answerShadow = () => {
        reply(socket, 200);
      };
    });
    const running = await startMirror(service.url, shadow.url);
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
    await eventually(() => shadow.requests[0]?.complete === true && service.requests.length === 1);
    client.reset();
    await eventually(() => service.requests[0]?.socket.destroyed === true);
    expect(running.gate.stats().inFlight).toBe(1);
    answerShadow();
    await settled(running);
    expect(running.gate.stats()).toEqual({ sent: 1, failed: 0, dropped: 0, inFlight: 0 });
  });

  it('serves every client while a shadow hangs, with no more connections to it than copies that may be', async () => {
    const sockets: Socket[] = [];
    const service = await startUpstream();
    const shadow = await startShadow((_request, socket) => sockets.push(socket));
    const running = await startMirror(service.url, shadow.url, { maxInFlight: 20, timeoutMs: 60_000 });
    for (let round = 0; round < 10; round++) {
      const answers = await times(30, () => send(running.url, { method: 'POST', body: 'x' }));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    await eventually(() => sockets.length === 20);
    expect(running.gate.stats()).toEqual({ sent: 20, failed: 0, dropped: 280, inFlight: 20 });
    running.gate.close();
    expect(running.gate.stats()).toEqual({ sent: 20, failed: 20, dropped: 280, inFlight: 0 });
    await eventually(() => sockets.every(({ destroyed }) => destroyed));
  });
});

function answer500(_request: unknown, socket: Socket): void {
  reply(socket, 500);
}

async function pumpAnswer(socket: Parameters<RawRequestHandler>[1]): Promise<void> {
  reply(socket, 200, { 'content-length': '1000000000' }, null);
  await pump(socket, 1_000_000_000, { bytes: 0 });
}
