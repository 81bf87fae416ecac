import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/adapters/node/index.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { exchange, rawClient, type RawClient } from '../support/raw-client.js';
import {
  rawUpstream,
  reply,
  type RawRequestHandler,
  type RawUpstream,
  type RawUpstreamOptions,
} from '../support/raw-upstream.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started {
  readonly port: number;
  readonly origin: RawUpstream;
  /** The upstream's ends of the connections, in the order in which they came. */
  readonly carriers: readonly Socket[];
}

interface StartOptions extends Pick<RawUpstreamOptions, 'onHead'> {
  route?: Partial<RouteConfig>;
  onRequest?: RawRequestHandler;
}

async function start({ route, onRequest, ...options }: StartOptions = {}): Promise<Started> {
  const carriers: Socket[] = [];
  const origin = await rawUpstream(onRequest, { ...options, onConnection: (socket) => carriers.push(socket) });
  const running = await serve(
    { accessLog: false, routes: [{ path: '/here', target: origin.url, ...route }] },
    { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0 },
  );
  cleanups.push(
    () => running.close(),
    () => origin.close(),
  );
  return { port: Number(new URL(running.url).port), origin, carriers };
}

function open(port: number): RawClient {
  const client = rawClient(port);
  cleanups.push(() => {
    client.destroy();
    return client.closed;
  });
  return client;
}

function head(method: string, ...lines: readonly string[]): string {
  return [`${method} /here HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n');
}

const CHUNKED = 'Transfer-Encoding: chunked';
const NEXT = head('GET');

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** What the upstream got behind the head of its first request, byte for byte. */
function bodyBytes(origin: RawUpstream): string {
  const bytes = origin.received(0).toString('latin1');
  return bytes.slice(bytes.indexOf('\r\n\r\n') + 4);
}

describe('a body on its way to the upstream', () => {
  const METHODS = ['GET', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'];

  it.each(METHODS)('of a known length keeps it, on %s', async (method) => {
    const { port, origin } = await start();
    const { response } = await exchange(port, `${head(method, 'Content-Length: 5')}hello`, { settleMs: 1 });
    expect(response?.status).toBe(200);
    expect(origin.requests).toHaveLength(1);
    expect(origin.requests[0]).toMatchObject({ method, complete: true, headers: { 'content-length': '5' } });
    expect(origin.requests[0]?.headers).not.toHaveProperty('transfer-encoding');
    expect(bodyBytes(origin)).toBe('hello');
  });

  it.each(METHODS)('in chunks stays in chunks, on %s', async (method) => {
    const { port, origin } = await start();
    const sent = `${head(method, CHUNKED)}${chunk('hello')}${chunk(' you')}0\r\n\r\n`;
    const { response } = await exchange(port, sent, { settleMs: 1 });
    expect(response?.status).toBe(200);
    expect(origin.requests).toHaveLength(1);
    const [request] = origin.requests;
    expect(request).toMatchObject({ method, complete: true, headers: { 'transfer-encoding': 'chunked' } });
    expect(request?.headers).not.toHaveProperty('content-length');
    expect(request?.body.toString()).toBe('hello you');
    expect(bodyBytes(origin).endsWith('0\r\n\r\n')).toBe(true);
  });

  it.each([
    ['of a known length', ['Content-Length: 5'], 'hello'],
    ['in chunks', [CHUNKED], `${chunk('hello')}0\r\n\r\n`],
  ])('%s is relayed or refused on HEAD, and what follows is a request of its own', async (_what, lines, body) => {
    const { port, origin } = await start();
    const client = open(port);
    client.write(head('HEAD', ...lines) + body + NEXT);
    const first = await client.response({ head: true });
    expect([200, 400, 413]).toContain(first.status);
    if (first.status !== 200) return expect(origin.requests).toHaveLength(0);
    expect(await client.response()).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(origin.requests.map(({ method, body: got }) => [method, got.toString()])).toEqual([
      ['HEAD', 'hello'],
      ['GET', ''],
    ]);
  });

  it.each([
    ['of length 0 on GET', 'GET', 'Content-Length: 0'],
    ['of length 0 on POST', 'POST', 'Content-Length: 0'],
    ['that is not there on POST', 'POST', 'X-Odd: 1'],
    ['that is not there on DELETE', 'DELETE', 'X-Odd: 1'],
  ])('%s is none', async (_what, method, line) => {
    const { port, origin } = await start();
    await exchange(port, head(method, line), { settleMs: 1 });
    expect(origin.requests[0]?.headers).not.toHaveProperty('transfer-encoding');
    expect(origin.requests[0]?.headers['content-length'] ?? '0').toBe('0');
    expect(bodyBytes(origin)).toBe('');
  });

  it('in no chunk but the last is empty', async () => {
    const { port, origin } = await start();
    const { response } = await exchange(port, `${head('POST', CHUNKED)}0\r\n\r\n`, { settleMs: 1 });
    expect(response?.status).toBe(200);
    expect(origin.requests).toMatchObject([{ complete: true, body: Buffer.alloc(0) }]);
  });

  it('loses the extensions of its chunks', async () => {
    const { port, origin } = await start();
    await exchange(port, `${head('POST', CHUNKED)}5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n`, { settleMs: 1 });
    expect(origin.requests[0]?.body.toString()).toBe('hello');
    expect(bodyBytes(origin)).not.toMatch(/[;=]/);
  });

  it('loses its trailers', async () => {
    const { port, origin } = await start();
    const trailers = 'X-Checksum: 1\r\nAuthorization: Bearer late\r\nTE: trailers\r\n';
    const { response } = await exchange(
      port,
      `${head('POST', CHUNKED, 'Trailer: X-Checksum')}${chunk('hello')}0\r\n${trailers}\r\n`,
      { settleMs: 1 },
    );
    expect(response?.status).toBe(200);
    expect(origin.requests).toMatchObject([{ complete: true, trailers: [], body: Buffer.from('hello') }]);
    expect(origin.received(0).toString()).not.toMatch(/checksum|bearer|trailer/i);
  });

  it.each(['Content-Length: 5', CHUNKED, 'Host: other.test'])(
    'with %j among its trailers moves no boundary',
    async (trailer) => {
      const { port, origin } = await start();
      const sent = `${head('POST', CHUNKED)}${chunk('hello')}0\r\n${trailer}\r\n\r\n`;
      await exchange(port, sent + NEXT.replace('GET', 'PUT'), { settleMs: 50 });
      for (const request of origin.requests) {
        expect(['POST', 'PUT']).toContain(request.method);
        expect(request.trailers).toEqual([]);
        expect(request.headers.host).toBe('a');
      }
    },
  );

  it('that looks like a request stays a body', async () => {
    const { port, origin } = await start();
    const smuggled = 'GET /here/admin HTTP/1.1\r\nHost: a\r\n\r\n';
    for (const sent of [
      `${head('GET', `Content-Length: ${smuggled.length}`)}${smuggled}`,
      `${head('DELETE', CHUNKED)}${chunk(smuggled)}0\r\n\r\n`,
    ]) {
      const { response } = await exchange(port, sent, { settleMs: 1 });
      expect(response?.status).toBe(200);
    }
    expect(origin.requests.map(({ url, body }) => [url, body.toString()])).toEqual([
      ['/', smuggled],
      ['/', smuggled],
    ]);
  });
});

describe('a body over the limit', () => {
  const route = { maxBodyBytes: 10 };

  it('whose length is known is 413 before the upstream hears of it', async () => {
    const { port, origin } = await start({ route });
    const { response, closed } = await exchange(port, `${head('POST', 'Content-Length: 11')}${'x'.repeat(11)}`);
    expect(response).toMatchObject({ status: 413, headers: { connection: 'close' }, complete: true });
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });

  it('whose length is known is 413 before it has come', async () => {
    const { port, origin } = await start({ route });
    const client = open(port);
    client.write(head('POST', 'Content-Length: 99999999999'));
    expect(await client.response()).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(origin.accepted).toBe(0);
  });

  it('in chunks is 413 when it is crossed, and the upstream never sees its end', async () => {
    const { port, origin, carriers } = await start({ route });
    const client = open(port);
    client.write(head('POST', CHUNKED) + chunk('12345'));
    await eventually(() => origin.requests.length === 1);
    client.write(chunk('123456'));
    expect(await client.response()).toMatchObject({ status: 413, headers: { connection: 'close' }, complete: true });
    await eventually(() => carriers[0]?.closed ?? false);
    expect(origin.requests[0]?.complete).toBe(false);
    expect(bodyBytes(origin)).not.toMatch(/0\r\n\r\n$/);
  });

  it('in chunks is 413 where all of it came at once', async () => {
    const { port, origin } = await start({ route });
    const { response, closed } = await exchange(port, `${head('POST', CHUNKED)}${chunk('x'.repeat(11))}0\r\n\r\n`);
    expect(response).toMatchObject({ status: 413, headers: { connection: 'close' }, complete: true });
    expect(closed).toBe(true);
    expect(origin.requests.every(({ complete }) => !complete)).toBe(true);
  });

  it('of a known length ends the connection, so what follows is never run', async () => {
    const { port, origin } = await start({ route });
    const { raw } = await exchange(port, `${head('POST', 'Content-Length: 11')}${'x'.repeat(11)}${NEXT}`);
    expect(raw.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(origin.accepted).toBe(0);
  });

  it('in chunks ends the connection, so what follows is never answered', async () => {
    const { port } = await start({ route });
    const { raw } = await exchange(port, `${head('POST', CHUNKED)}${chunk('x'.repeat(11))}0\r\n\r\n${NEXT}`);
    expect(raw.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it.each([
    ['of a known length', `${head('POST', 'Content-Length: 10')}${'x'.repeat(10)}`],
    ['in chunks', `${head('POST', CHUNKED)}${chunk('x'.repeat(4))}${chunk('x'.repeat(6))}0\r\n\r\n`],
  ])('is none at exactly the limit, %s', async (_what, sent) => {
    const { port, origin } = await start({ route });
    const { response } = await exchange(port, sent, { settleMs: 1 });
    expect(response?.status).toBe(200);
    expect(origin.requests[0]?.body.toString()).toBe('x'.repeat(10));
  });

  it('is any at all where the limit is 0, and a request without a body is none', async () => {
    const { port } = await start({ route: { maxBodyBytes: 0 } });
    expect((await exchange(port, `${head('POST', 'Content-Length: 1')}x`)).response?.status).toBe(413);
    expect((await exchange(port, `${head('POST', CHUNKED)}${chunk('x')}0\r\n\r\n`)).response?.status).toBe(413);
    expect((await exchange(port, head('POST', 'Content-Length: 0'), { settleMs: 1 })).response?.status).toBe(200);
  });
});

describe('Expect: 100-continue', () => {
  const EXPECT = 'Expect: 100-continue';

  it('is answered with 100 once the body is wanted, then with the answer', async () => {
    const { port, origin } = await start();
    const client = open(port);
    client.write(head('POST', EXPECT, 'Content-Length: 5'));
    const go = (await client.read()).toString();
    expect(go).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hello');
    expect(await client.response()).toMatchObject({ status: 200, informational: [], body: Buffer.from('ok') });
    expect(origin.requests).toHaveLength(1);
    expect(origin.requests[0]?.headers).not.toHaveProperty('expect');
    expect(bodyBytes(origin)).toBe('hello');
  });

  it('is answered with one 100 where the body comes in chunks, which the gateway counts', async () => {
    const { port, origin } = await start();
    const client = open(port);
    client.write(head('POST', 'expect: 100-Continue', CHUNKED));
    expect((await client.read()).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write(`${chunk('hello')}${chunk('you')}0\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 200, informational: [] });
    expect(origin.requests[0]?.body.toString()).toBe('helloyou');
  });

  it.each([
    ['a route that is not there', head('POST', EXPECT, 'Content-Length: 5').replace('/here', '/nowhere'), 404],
    ['a body over the limit', head('POST', EXPECT, 'Content-Length: 11'), 413],
    ['a malformed path', head('POST', EXPECT, 'Content-Length: 5').replace('/here', '/here/..%2f'), 400],
    ['a body in chunks for a route that is not there', head('POST', EXPECT, CHUNKED).replace('/here', '/no'), 404],
  ])('is refused for %s without 100, and the connection ends', async (_what, sent, status) => {
    const { port, origin } = await start({ route: { maxBodyBytes: 10 } });
    const { response, raw } = await exchange(port, sent);
    expect(response).toMatchObject({ status, informational: [], headers: { connection: 'close' } });
    expect(raw).not.toMatch(/100 Continue/);
    expect(origin.accepted).toBe(0);
  });

  it('whose body the client keeps back after a refusal does not turn the next request into one', async () => {
    const { port, origin } = await start();
    const client = open(port);
    client.write(head('POST', EXPECT, `Content-Length: ${NEXT.length}`).replace('/here', '/nowhere'));
    expect((await client.response()).status).toBe(404);
    client.write(NEXT);
    const rest = await client.readAll();
    expect(rest.toString()).toBe('');
    expect(origin.accepted).toBe(0);
  });

  it('gets no 100 where the upstream is down', async () => {
    const { port, origin } = await start();
    await origin.close();
    const { response, raw } = await exchange(port, head('POST', EXPECT, 'Content-Length: 5'));
    expect(response?.status).toBe(502);
    expect(raw).not.toMatch(/100 Continue/);
  });

  it.each(['Expect: 200-ok', 'Expect: fries', 'Expect: 100-continued', 'Expect: x-100-continue'])(
    '%j is an expectation that nobody knows: 417',
    async (line) => {
      const { port, origin } = await start();
      const { response, raw } = await exchange(port, `${head('POST', line, 'Content-Length: 5')}hello`);
      expect(response?.status).toBe(417);
      expect(raw).not.toMatch(/100 Continue/);
      expect(origin.accepted).toBe(0);
    },
  );

  it('of HTTP/1.0 means nothing', async () => {
    const { port, origin } = await start();
    const sent = `${head('POST', EXPECT, 'Content-Length: 5')}hello`.replace('HTTP/1.1', 'HTTP/1.0');
    const { response, raw } = await exchange(port, sent);
    expect(response?.status).toBe(200);
    expect(raw).not.toMatch(/100 Continue/);
    expect(bodyBytes(origin)).toBe('hello');
  });
});

describe('an answer that comes before the body was read', () => {
  const LARGE = 4_000_000;

  /** Refuses at the head, without reading on, and closes or not. */
  function refusing(status: number, andClose: boolean): (socket: Socket) => void {
    return (socket) => {
      reply(socket, status, andClose ? { connection: 'close' } : {}, `refused with ${status}`);
      if (andClose) socket.end();
    };
  }

  it.each([
    [401, false],
    [413, false],
    [401, true],
    [413, true],
  ])('reaches the client: %d, and the upstream closes: %s', async (status, andClose) => {
    const refuse = refusing(status, andClose);
    const { port, origin } = await start({
      onHead: ({ headers }, socket) => {
        if (headers['x-refuse'] !== undefined) refuse(socket);
      },
      onRequest: ({ headers }, socket) => {
        if (headers['x-refuse'] === undefined) reply(socket, 200, {}, 'fresh');
      },
    });
    const client = open(port);
    client.write(head('POST', 'X-Refuse: 1', `Content-Length: ${LARGE}`) + 'x'.repeat(LARGE / 4));
    const response = await client.response();
    expect(response).toMatchObject({ status, complete: true, headers: { connection: 'close' } });
    expect(response.body.toString()).toBe(`refused with ${status}`);
    await client.closed;
    const next = await exchange(port, NEXT, { settleMs: 1 });
    expect(next.response).toMatchObject({ status: 200, body: Buffer.from('fresh') });
    expect(origin.requests[0]?.complete).toBe(false);
  });

  it('leaves a connection whose little rest still comes ready for the next request', async () => {
    const { port } = await start({
      onHead: ({ headers }, socket) => {
        if (headers['x-refuse'] !== undefined) refusing(413, false)(socket);
      },
      onRequest: ({ headers }, socket) => {
        if (headers['x-refuse'] === undefined) reply(socket, 200, {}, 'fresh');
      },
    });
    const client = open(port);
    client.write(head('POST', 'X-Refuse: 1', 'Content-Length: 50000') + 'x'.repeat(10_000));
    const response = await client.response();
    expect(response).toMatchObject({ status: 413, complete: true });
    if (response.headers.connection === 'close') return client.closed;
    client.write('x'.repeat(40_000) + NEXT);
    expect(await client.response({ withinMs: 2_000 })).toMatchObject({ status: 200, body: Buffer.from('fresh') });
  });

  it('for a body in chunks reaches the client, and the connection ends', async () => {
    const { port } = await start({
      onHead: (_request, socket) => {
        refusing(413, false)(socket);
      },
    });
    const client = open(port);
    client.write(head('POST', CHUNKED) + chunk('hello'));
    expect(await client.response()).toMatchObject({ status: 413, complete: true, headers: { connection: 'close' } });
  });

  it('of the gateway itself leaves a connection with a small body ready for the next request', async () => {
    const { port } = await start({
      onRequest: (_request, socket) => {
        reply(socket, 200, {}, 'fresh');
      },
    });
    const client = open(port);
    client.write(`${head('POST', 'Content-Length: 5').replace('/here', '/nowhere')}hello${NEXT}`);
    expect((await client.response()).status).toBe(404);
    expect(await client.response()).toMatchObject({ status: 200, body: Buffer.from('fresh') });
  });
});

describe('a client that leaves inside its body', () => {
  it.each([
    ['by FIN, of a known length', 'end', `${head('POST', 'Content-Length: 100')}half`],
    ['by RST, of a known length', 'reset', `${head('POST', 'Content-Length: 100')}half`],
    ['by FIN, in chunks', 'end', head('POST', CHUNKED) + chunk('half')],
    ['by RST, in chunks', 'reset', head('POST', CHUNKED) + chunk('half')],
  ] as const)('%s, never looks complete to the upstream', async (_what, how, sent) => {
    const { port, origin, carriers } = await start();
    const client = open(port);
    client.write(sent);
    await eventually(() => origin.requests.length === 1 && bodyBytes(origin).includes('half'));
    client[how]();
    await eventually(() => carriers[0]?.closed ?? false);
    expect(origin.requests).toMatchObject([{ complete: false }]);
    expect(bodyBytes(origin)).not.toMatch(/0\r\n\r\n$/);
  });
});
