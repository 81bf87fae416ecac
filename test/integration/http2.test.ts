import { connect, constants, createServer, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gateway } from '../../src/adapters/node/index.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { reply } from '../support/raw-upstream.js';
import {
  collectLog,
  failOnUncaught,
  gate,
  MB,
  problemOf,
  pump,
  settled,
  startRawUpstream,
  startUpstream,
  times,
  type LogRecord,
} from './harness.js';

failOnUncaught();

interface Http2Gateway {
  readonly session: ClientHttp2Session;
  readonly log: readonly LogRecord[];
}

async function startHttp2(config: GatewayConfig): Promise<Http2Gateway> {
  const { log, accessLog } = collectLog();
  const listener = gateway({ accessLog, ...config });
  const server = createServer(listener);
  const listening = await listen(server);
  const session = connect(listening.url);
  session.on('error', () => undefined);
  onTestFinished(async () => {
    session.destroy();
    await listening.close();
    await listener.close({ timeoutMs: 0 });
  });
  return { session, log };
}

type Http2Headers = Record<string, string | string[] | number | undefined>;

interface Http2Answer {
  readonly headers: Http2Headers;
  readonly informational: readonly Http2Headers[];
  readonly text: string;
}

/** Rejects where the stream ends in an error, or without an end of its answer. */
function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    let headers: Http2Headers = {};
    let isWhole = false;
    const informational: Http2Headers[] = [];
    const chunks: Buffer[] = [];
    stream.on('response', (received) => (headers = received as Http2Headers));
    stream.on('headers', (received) => informational.push(received));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => (isWhole = true));
    stream.on('error', reject);
    stream.on('close', () => {
      if (!isWhole || stream.rstCode !== constants.NGHTTP2_NO_ERROR) reject(new Error(`reset: ${stream.rstCode}`));
      else resolve({ headers, informational, text: Buffer.concat(chunks).toString('latin1') });
    });
  });
}

const ask = (session: ClientHttp2Session, headers: Http2Headers, body?: string | Buffer): Promise<Http2Answer> => {
  const stream = session.request(
    { ':path': '/', ...headers },
    {
      endStream: body === undefined,
    },
  );
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
};

describe('over HTTP/2', () => {
  it('a GET is forwarded with its authority as Host', async () => {
    const origin = await startUpstream();
    const { session } = await startHttp2({ routes: [{ path: '/api', target: origin.url }] });
    const { headers, text } = await ask(session, { ':path': '/api/x?y=1', ':authority': 'shop.test', 'x-own': 'a' });
    expect(headers[':status']).toBe(200);
    const seen = JSON.parse(text) as { url: string; headers: Record<string, string> };
    expect(seen.url).toBe('/x?y=1');
    expect(seen.headers).toMatchObject({ host: 'shop.test', 'x-own': 'a', 'x-forwarded-host': 'shop.test' });
    expect(Object.keys(seen.headers).filter((name) => name.startsWith(':'))).toEqual([]);
  });

  it('a POST is forwarded with its body, with a length and without', async () => {
    const origin = await startUpstream();
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    for (const extra of [{}, { 'content-length': '5' }]) {
      const { text } = await ask(session, { ':method': 'POST', ...extra }, 'hello');
      expect(JSON.parse(text)).toMatchObject({ method: 'POST', body: 'hello' });
    }
  });

  it('a HEAD has no body and keeps the length', async () => {
    const origin = await startUpstream((_request, response) => {
      response.setHeader('content-length', 1234).end();
    });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const { headers, text } = await ask(session, { ':method': 'HEAD' });
    expect(headers[':status']).toBe(200);
    expect(headers['content-length']).toBe('1234');
    expect(text).toBe('');
  });

  it('a large answer and a large upload arrive whole', async () => {
    const body = Buffer.alloc(8 * MB, 'abcdefg');
    const origin = await startUpstream((request, response) => request.pipe(response));
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const { text } = await ask(session, { ':method': 'POST' }, body);
    expect(Buffer.from(text, 'latin1').equals(body)).toBe(true);
  });

  it('many streams of one session are served at once', async () => {
    const origin = await startUpstream();
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const answers = await times(60, (i) => ask(session, { ':path': `/${i}` }));
    expect(answers.map(({ text }) => (JSON.parse(text) as { url: string }).url)).toEqual(
      Array.from({ length: 60 }, (_, i) => `/${i}`),
    );
  });

  it('103 Early Hints are relayed ahead of the answer', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n');
      reply(socket, 200, {}, 'page');
    });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const { headers, informational, text } = await ask(session, {});
    expect(informational).toHaveLength(1);
    expect(informational[0]).toMatchObject({ ':status': 103, link: '</style.css>; rel=preload; as=style' });
    expect(headers[':status']).toBe(200);
    expect(text).toBe('page');
  });

  it('fields of a connection are not sent to the client', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      reply(socket, 200, { connection: 'close, x-hop', 'x-hop': '1', 'keep-alive': 'timeout=5' }, 'ok');
    });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const { headers } = await ask(session, {});
    for (const name of ['connection', 'keep-alive', 'x-hop']) expect(headers).not.toHaveProperty(name);
    expect(headers[':status']).toBe(200);
  });

  it('a refusal is a problem document', async () => {
    const { session } = await startHttp2({ routes: [{ path: '/known', respond: { body: 'x' } }] });
    const { headers, text } = await ask(session, { ':path': '/unknown' });
    expect(headers[':status']).toBe(404);
    expect(problemOf(text).code).toBe('ERR_GATEWAY_ROUTE_NOT_FOUND');
  });

  it('a refusal that closes an HTTP/1 connection leaves the session alone', async () => {
    const { session } = await startHttp2({ routes: [{ path: '/', respond: { body: 'x' }, maxBodyBytes: 10 }] });
    const refused = await ask(session, { ':method': 'POST', 'content-length': '20' }, 'x'.repeat(20));
    expect(refused.headers[':status']).toBe(413);
    expect((await ask(session, {})).headers[':status']).toBe(200);
    expect(session.destroyed).toBe(false);
  });

  it.each([
    { framing: 'Content-Length', headers: { 'content-length': '1000' }, part: 'x'.repeat(100) },
    { framing: 'chunked', headers: { 'transfer-encoding': 'chunked' }, part: `64\r\n${'x'.repeat(100)}\r\n` },
  ])('an upstream that resets a body with $framing is an error of the stream, never a clean end', async (cut) => {
    const seen = gate();
    const origin = await startRawUpstream(async (_request, socket) => {
      reply(socket, 200, cut.headers, null);
      socket.write(cut.part);
      await seen.opened;
      socket.resetAndDestroy();
    });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const stream = session.request({ ':path': '/' });
    const answer = answerOf(stream);
    stream.once('data', seen.open);
    await expect(answer).rejects.toThrow();
    await eventually(() => stream.destroyed);
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect(session.destroyed).toBe(false);
  });

  it('a client that resets its stream closes the upstream', async () => {
    const origin = await startUpstream(() => undefined);
    const { session, log } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await eventually(() => origin.requests.length === 1);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => origin.requests[0]?.socket.destroyed === true);
    await eventually(() => log.length === 1);
    expect(log[0]).toMatchObject({ status: 499, aborted: true });
  });

  it('a client that resets an upload gives the upstream no whole request', async () => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(undefined, { onHead: (_request, socket) => sockets.push(socket) });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.on('error', () => undefined);
    stream.write('half');
    await eventually(() => origin.requests.length === 1);
    // Not close(): that would end the upload cleanly before the reset.
    stream.destroy();
    await eventually(() => origin.requests[0]?.complete === true || sockets[0]?.destroyed === true);
    expect(origin.requests.map(({ complete }) => complete)).toEqual([false]);
  });

  it('a client that stops reading 300 MB has at most 16 MB of it pulled', async () => {
    const sent = { bytes: 0 };
    const origin = await startRawUpstream(async (_request, socket) => {
      reply(socket, 200, { 'content-length': String(300 * MB) }, null);
      await pump(socket, 300 * MB, sent);
    });
    const { session } = await startHttp2({ routes: [{ path: '/', target: origin.url }] });
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await eventually(() => sent.bytes > 0);
    const pulled = await settled(() => sent.bytes);
    expect(pulled).toBeGreaterThan(65_536);
    expect(pulled).toBeLessThanOrEqual(16 * MB);
    stream.close(constants.NGHTTP2_CANCEL);
  });
});
