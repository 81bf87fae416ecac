import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/adapters/node/index.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { exchange, rawClient, type Exchange, type RawResponse } from '../support/raw-client.js';
import { rawUpstream, type RawRequest, type RawUpstream } from '../support/raw-upstream.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started {
  readonly port: number;
  readonly origin: RawUpstream;
  /** The upstream's end of the connection that each request came on. */
  readonly carriers: readonly Socket[];
}

type Answer = string | ((socket: Socket, request: RawRequest) => unknown);

/** The upstream gives the first answer to the first request, and so on; the last one to all that follow. */
async function start(answers: readonly Answer[], route: Partial<RouteConfig> = {}): Promise<Started> {
  let turn = 0;
  const carriers: Socket[] = [];
  const origin = await rawUpstream((request, socket) => {
    const answer = answers[Math.min(turn++, answers.length - 1)] as Answer;
    carriers.push(socket);
    if (typeof answer === 'string') send(socket, answer);
    else answer(socket, request);
  });
  const running = await serve(
    { accessLog: false, routes: [{ path: '/', target: origin.url, ...route }] },
    { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0 },
  );
  cleanups.push(
    () => running.close(),
    () => origin.close(),
  );
  return { port: Number(new URL(running.url).port), origin, carriers };
}

/** One character per byte. */
function send(socket: Socket, text: string): void {
  socket.write(text, 'latin1');
}

/** Sends RST and nothing else: `resetAndDestroy` says FIN first, and a body without a length may end with that. */
function reset(socket: Socket): void {
  const { _handle: handle } = socket as Socket & { _handle: { reset(done: () => void): void } | null };
  handle?.reset(() => socket.destroy());
}

/** Writes, and ends the connection behind it: with FIN, or with RST once the bytes are out. */
function sendThen(how: 'FIN' | 'RST', text: string): (socket: Socket) => void {
  return (socket) => {
    if (how === 'FIN') socket.end(text, 'latin1');
    else socket.write(text, 'latin1', () => setTimeout(reset, 5, socket));
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const HEAD = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';
const FRESH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh';
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

/** One request, on a connection of its own. */
function ask(port: number, data = GET): Promise<Exchange> {
  return exchange(port, data, { head: data.startsWith('HEAD'), settleMs: 10 });
}

function textOf(response: RawResponse | undefined): string | undefined {
  return response?.body.toString('latin1');
}

/** The next client gets what the upstream means for it. */
async function expectFresh(port: number): Promise<void> {
  const { response, raw } = await ask(port);
  expect(response).toMatchObject({ status: 200, complete: true });
  expect(textOf(response)).toBe('fresh');
  expect(raw).not.toMatch(/poison/);
}

describe('a 304 of an upstream', () => {
  it.each(['Content-Length: 1234', 'Content-Length: 0', 'ETag: "x"', 'Transfer-Encoding: chunked'])(
    'with %j is a 304 to the client, and the next request works',
    async (line) => {
      const { port } = await start([`HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n${line}\r\n\r\n`, FRESH]);
      const { response, raw, closed } = await ask(port);
      expect(response).toMatchObject({ status: 304, reason: 'Not Modified' });
      expect(response?.headers.etag).toContain('"e"');
      expect(raw.endsWith('\r\n\r\n')).toBe(true);
      expect(closed).toBe(false);
      await expectFresh(port);
    },
  );

  it('with a length serves two requests on one connection of the client', async () => {
    const { port } = await start(['HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', FRESH]);
    const client = rawClient(port);
    client.write(GET);
    expect(await client.response()).toMatchObject({ status: 304 });
    client.write(GET);
    expect(await client.response()).toMatchObject({ status: 200, body: Buffer.from('fresh') });
    client.destroy();
  });
});

describe('an answer without a body', () => {
  it.each([
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['204 with Content-Length: 0', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
    ['204 with a coding', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('%s names no length and no coding', async (_what, answer) => {
    const { port } = await start([answer, FRESH]);
    const { response, raw, closed } = await ask(port);
    expect(response?.status).toBe(204);
    expect(response?.headers).not.toHaveProperty('content-length');
    expect(response?.headers).not.toHaveProperty('transfer-encoding');
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
    expect(closed).toBe(false);
    await expectFresh(port);
  });

  it.each([
    ['text', 'HTTP/1.1 204 No Content\r\n\r\npoison'],
    ['text that is announced', 'HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison'],
    ['chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n'],
    ['a whole answer', `HTTP/1.1 204 No Content\r\n\r\n${POISON}`],
    [
      'a whole answer that is announced',
      `HTTP/1.1 204 No Content\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
    ],
  ])('204 that carries %s is 204 or 502, and its connection is not used again', async (_what, answer) => {
    const { port, origin, carriers } = await start([answer, FRESH]);
    const { response, raw } = await ask(port);
    expect([204, 502]).toContain(response?.status);
    expect(raw).not.toMatch(/poison/);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
    expect(origin.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it.each([
    ['nothing', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n'],
    ['text', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 6\r\n\r\npoison'],
    ['chunks', 'HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n'],
  ])('205 that carries %s is a 205 of length 0', async (_what, answer) => {
    const { port } = await start([answer, FRESH]);
    const { response, raw } = await ask(port);
    expect(response).toMatchObject({ status: 205, headers: { 'content-length': '0' } });
    expect(response?.headers).not.toHaveProperty('transfer-encoding');
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
    await expectFresh(port);
  });

  it.each([
    ['nothing', ''],
    ['its body', 'poison'],
    ['a whole answer', POISON],
  ])('to a HEAD that carries %s keeps its length and nothing else', async (_what, rest) => {
    const { port } = await start([`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n${rest}`, FRESH]);
    const { response, raw } = await ask(port, HEAD);
    expect(response).toMatchObject({ status: 200, headers: { 'content-length': '6' } });
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
    await expectFresh(port);
  });

  it('to a HEAD leaves the connection of the client open', async () => {
    const { port } = await start(['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n', FRESH]);
    const client = rawClient(port);
    client.write(HEAD);
    expect(await client.response({ head: true })).toMatchObject({ status: 200, headers: { 'content-length': '6' } });
    client.write(GET);
    expect(await client.response()).toMatchObject({ status: 200, body: Buffer.from('fresh') });
    client.destroy();
  });
});

describe('an answer ahead of the answer', () => {
  const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
  const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';

  it.each([
    ['103', EARLY],
    ['102', PROCESSING],
    ['several', EARLY + PROCESSING + EARLY],
  ])('%s in the same packet leaves the final one intact', async (_what, early) => {
    const { port } = await start([early + FRESH]);
    const { response } = await ask(port);
    expect(response).toMatchObject({ status: 200, complete: true, body: Buffer.from('fresh') });
    expect(response?.headers).not.toHaveProperty('link');
    await expectFresh(port);
  });

  it('103 in a packet of its own leaves the final one intact', async () => {
    const { port } = await start([
      (socket) => {
        socket.write(EARLY, () => setImmediate(send, socket, FRESH));
      },
    ]);
    const { response } = await ask(port);
    expect(response).toMatchObject({ status: 200, body: Buffer.from('fresh') });
  });

  it('103 and then nothing is 502', async () => {
    const { port } = await start([sendThen('FIN', EARLY), FRESH]);
    expect((await ask(port)).response?.status).toBe(502);
    await expectFresh(port);
  });

  it.each([1, 50])('%d times 100 that nobody asked for is 200 or 502, and no hang', async (times) => {
    const { port } = await start(['HTTP/1.1 100 Continue\r\n\r\n'.repeat(times) + FRESH, FRESH]);
    const { response } = await ask(port);
    expect([200, 502]).toContain(response?.status);
    expect(response?.complete).toBe(true);
    await expectFresh(port);
  });

  it.each([
    ['websocket', 'Upgrade: websocket\r\nConnection: Upgrade\r\n'],
    ['h2c', 'Upgrade: h2c\r\nConnection: Upgrade\r\n'],
    ['nothing', ''],
  ])('101 to %s that nobody asked for is 502, and its connection is not used again', async (_what, lines) => {
    const { port, carriers } = await start([`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n${POISON}`, FRESH]);
    const { response, raw } = await ask(port);
    expect(response?.status).toBe(502);
    expect(raw).not.toMatch(/poison/);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
  });

  it('101 to a request that asked for h2c is 502 too', async () => {
    const { port } = await start([
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
      FRESH,
    ]);
    const upgrade =
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
    expect((await ask(port, upgrade)).response?.status).toBe(502);
    await expectFresh(port);
  });
});

describe('an answer that breaks off', () => {
  const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart';
  const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n';

  it.each<[string, 'FIN' | 'RST', string]>([
    ['below its length', 'FIN', LENGTH],
    ['below its length, by a reset', 'RST', LENGTH],
    ['between two chunks', 'FIN', CHUNKED],
    ['between two chunks, by a reset', 'RST', CHUNKED],
    ['inside a chunk', 'FIN', `${CHUNKED}9\r\nhalf`],
    ['inside the size of a chunk', 'FIN', `${CHUNKED}9`],
    ['before its last line', 'FIN', `${CHUNKED}0\r\n`],
    ['inside its trailers', 'FIN', `${CHUNKED}0\r\nX-Trailer: 1\r\n`],
    ['inside a body without a length, by a reset', 'RST', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart'],
  ])('%s never looks complete to the client', async (_what, how, answer) => {
    const { port, origin } = await start([sendThen(how, answer), FRESH]);
    const { response, closed } = await ask(port);
    if (response?.status === 200) expect(response.complete).toBe(false);
    else expect([undefined, 502]).toContain(response?.status);
    expect(closed || response?.status === 502).toBe(true);
    await expectFresh(port);
    expect(origin.requests).toHaveLength(2);
  });

  it('after its head has left destroys the connection of the client, without a last chunk', async () => {
    let breakOff = (): void => undefined;
    const { port } = await start([
      (socket) => {
        send(socket, CHUNKED);
        breakOff = () => {
          reset(socket);
        };
      },
      FRESH,
    ]);
    const client = rawClient(port);
    client.write(GET);
    let got = '';
    while (!got.includes('part')) got += (await client.read()).toString();
    breakOff();
    await client.closed;
    expect(client.received().toString()).not.toMatch(/\r\n0\r\n/);
    await expectFresh(port);
  });

  it('to a client of HTTP/1.0 ends in a reset or short of its length, not in an orderly end alone', async () => {
    const { port } = await start([sendThen('FIN', LENGTH)]);
    const { response, closed } = await ask(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(closed).toBe(true);
    if (response?.status === 200) expect(response.complete).toBe(false);
  });

  it.each<[string, 'FIN' | 'RST', string]>([
    ['before a byte', 'FIN', ''],
    ['before a byte, by a reset', 'RST', ''],
    ['inside the status line', 'FIN', 'HTTP/1.1 20'],
    ['inside a field', 'FIN', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['inside a field, by a reset', 'RST', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('%s is 502', async (_what, how, answer) => {
    const { port, origin } = await start([sendThen(how, answer), FRESH]);
    const { response, closed } = await ask(port);
    expect(response).toMatchObject({ status: 502, complete: true });
    expect(closed).toBe(false);
    expect(origin.requests).toHaveLength(1);
    await expectFresh(port);
  });
});

describe('nonsense of an upstream', () => {
  it.each([
    [
      'chunked and a length',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n6\r\npoison\r\n0\r\n\r\n',
    ],
    [
      'a length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 3\r\n\r\npoison'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 6, 3\r\n\r\npoison'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\npoison'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -6\r\n\r\npoison'],
    ['a length beyond 64 bits', 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551622\r\n\r\npoison'],
    ['a CR in a field', 'HTTP/1.1 200 OK\r\nX-Odd: a\rb\r\nContent-Length: 6\r\n\r\npoison'],
    ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX-Odd: a\0b\r\nContent-Length: 6\r\n\r\npoison'],
    ['a control character in a field', 'HTTP/1.1 200 OK\r\nX-Odd: a\u0001b\r\nContent-Length: 6\r\n\r\npoison'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX-Odd: a\r\n b\r\nContent-Length: 6\r\n\r\npoison'],
    ['a folded first field', 'HTTP/1.1 200 OK\r\n X-Odd: a\r\nContent-Length: 6\r\n\r\npoison'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nX-Odd : a\r\nContent-Length: 6\r\n\r\npoison'],
    ['a field without a name', 'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 6\r\n\r\npoison'],
    ['a line without a colon', 'HTTP/1.1 200 OK\r\npoison\r\nContent-Length: 6\r\n\r\npoison'],
    ['no status line', 'poison'],
    ['a page without a head', '<html>poison</html>\r\n\r\n'],
    ['a greeting of another protocol', 'SSH-2.0-OpenSSH_9.2\r\npoison\r\n\r\n'],
    ['a request', 'GET /poison HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['another protocol', 'ICY 200 OK\r\nContent-Length: 6\r\n\r\npoison'],
    ['HTTP/9.9', 'HTTP/9.9 200 OK\r\nContent-Length: 6\r\n\r\npoison'],
    ['status 99', 'HTTP/1.1 099 Odd\r\nContent-Length: 6\r\n\r\npoison'],
    ['status 1000', 'HTTP/1.1 1000 Odd\r\nContent-Length: 6\r\n\r\npoison'],
    ['status 2x0', 'HTTP/1.1 2x0 Odd\r\nContent-Length: 6\r\n\r\npoison'],
    ['status 0', 'HTTP/1.1 000 Odd\r\nContent-Length: 6\r\n\r\npoison'],
    ['no status', 'HTTP/1.1  OK\r\nContent-Length: 6\r\n\r\npoison'],
    ['a negative status', 'HTTP/1.1 -20 OK\r\nContent-Length: 6\r\n\r\npoison'],
  ])('%s is 502, and its connection is closed', async (_what, answer) => {
    const { port, carriers } = await start([answer, FRESH]);
    const { response, raw, closed } = await ask(port);
    expect(response).toMatchObject({ status: 502, complete: true });
    expect(response?.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(raw).not.toMatch(/poison|127\.0\.0\.1/);
    expect(closed).toBe(false);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
  });

  it.each([
    ['a chunk size that is none', 'xyz\r\npoison\r\n0\r\n\r\n'],
    ['an oversize chunk size', 'fffffffffffffffff\r\npoison'],
    ['a chunk size with a sign', '-6\r\npoison\r\n0\r\n\r\n'],
    ['a chunk that is longer than it says', '2\r\npoison\r\n0\r\n\r\n'],
  ])('%s never looks complete, and its connection is closed', async (_what, chunks) => {
    const { port, carriers } = await start([`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, FRESH]);
    const { response, closed } = await ask(port);
    if (response?.status === 200) expect(response.complete).toBe(false);
    else expect([undefined, 502]).toContain(response?.status);
    expect(closed || response?.status === 502).toBe(true);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
  });
});

describe('an odd status line', () => {
  it.each(['HTTP/2.0', 'HTTP/0.9'])('with %s is 502 or passed on in HTTP/1.1', async (version) => {
    const { port } = await start([`${version} 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfresh`, FRESH]);
    const { response } = await ask(port);
    expect([200, 502]).toContain(response?.status);
    expect(response).toMatchObject({ httpVersion: '1.1', complete: true });
    await expectFresh(port);
  });

  it.each([
    [299, 'HTTP/1.1 299 Odd'],
    [418, "HTTP/1.1 418 I'm a teapot"],
    [599, 'HTTP/1.1 599 Odd'],
    [200, 'HTTP/1.1 200 caf\u00e9 \u00ff'],
    [200, 'HTTP/1.1 200 '],
    [200, 'HTTP/1.1 200'],
    [402, `HTTP/1.1 402 ${'x'.repeat(5_000)}`],
  ])('is passed on as %d: %j', async (status, line) => {
    const { port } = await start([`${line}\r\nContent-Length: 5\r\n\r\nfresh`, FRESH]);
    const { response } = await ask(port);
    expect(response).toMatchObject({ status, complete: true, body: Buffer.from('fresh') });
    await expectFresh(port);
  });

  it.each([600, 999])('with %d is 502 or passed on, and not a failure of the gateway', async (status) => {
    const { port } = await start([`HTTP/1.1 ${status} Odd\r\nContent-Length: 5\r\n\r\nfresh`, FRESH]);
    const { response } = await ask(port);
    expect([status, 502]).toContain(response?.status);
    await expectFresh(port);
  });
});

describe('bytes after a complete answer', () => {
  const COMPLETE = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst';
  const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n';
  const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

  it.each([
    ['an answer, after a length', COMPLETE, POISON],
    ['an answer, after chunks', CHUNKED, POISON],
    ['an answer, after an empty one', EMPTY, POISON],
    ['text, after a length', COMPLETE, 'poison'],
    ['text, after chunks', CHUNKED, 'poison'],
    ['half an answer', COMPLETE, 'HTTP/1.1 200 OK\r\nX-Poison: 1\r\n'],
  ])('in the same packet do not reach the next client: %s', async (_what, answer, more) => {
    const { port, origin, carriers } = await start([answer + more, FRESH]);
    const first = await ask(port);
    expect(first.response).toMatchObject({ status: 200, complete: true });
    expect(first.raw).not.toMatch(/poison/i);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
    expect(origin.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it.each([
    ['an answer', POISON],
    ['text', 'poison'],
    ['half an answer', 'HTTP/1.1 200 OK\r\nX-Poison: 1\r\n'],
  ])('that come later do not reach the next client: %s', async (_what, more) => {
    let sendMore = (): void => undefined;
    const { port, origin, carriers } = await start([
      (socket) => {
        send(socket, COMPLETE);
        sendMore = () => {
          send(socket, more);
        };
      },
      FRESH,
    ]);
    const first = await ask(port);
    expect(textOf(first.response)).toBe('first');
    sendMore();
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
    expect(origin.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it('do not reach a client that waits in the queue for that very connection', async () => {
    let release = (): void => undefined;
    const { port, origin } = await start(
      [
        (socket) => {
          release = () => {
            send(socket, COMPLETE + POISON);
          };
        },
        FRESH,
      ],
      { maxConnections: 1 },
    );
    const first = ask(port);
    await eventually(() => origin.requests.length === 1);
    const waiting = [ask(port), ask(port)];
    await eventually(() => origin.connections === 1);
    release();
    expect(textOf((await first).response)).toBe('first');
    for (const { response, raw } of await Promise.all(waiting)) {
      expect(raw).not.toMatch(/poison/);
      expect([200, 502]).toContain(response?.status);
    }
    await expectFresh(port);
  });

  it('on a connection that the upstream meant to close do not reach the next client', async () => {
    const { port } = await start([COMPLETE.replace('\r\n', '\r\nConnection: close\r\n') + POISON, FRESH]);
    expect(textOf((await ask(port)).response)).toBe('first');
    await expectFresh(port);
  });
});

describe('an upstream of HTTP/1.0', () => {
  it('that ends its body by closing is complete and chunked to the client', async () => {
    const { port } = await start([
      sendThen('FIN', 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it'),
      FRESH,
    ]);
    const { response, closed } = await ask(port);
    expect(response).toMatchObject({ status: 200, httpVersion: '1.1', complete: true });
    expect(response?.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'content-type': 'text/plain' });
    expect(textOf(response)).toBe('all of it');
    expect(closed).toBe(false);
    await expectFresh(port);
  });

  it('that ends its body by closing, in many pieces, is complete', async () => {
    const piece = 'x'.repeat(60_000);
    const { port } = await start([
      (socket) => {
        send(socket, 'HTTP/1.0 200 OK\r\n\r\n');
        for (let i = 0; i < 20; i++) send(socket, piece);
        socket.end();
      },
    ]);
    const { response } = await ask(port);
    expect(response?.complete).toBe(true);
    expect(response?.body.length).toBe(20 * piece.length);
  });

  it('that names a length needs no chunks', async () => {
    const { port } = await start([sendThen('FIN', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nfresh')]);
    const { response } = await ask(port);
    expect(response).toMatchObject({ status: 200, headers: { 'content-length': '5' }, body: Buffer.from('fresh') });
  });

  it('without a length of HTTP/1.1 is complete and chunked as well', async () => {
    const { port } = await start([sendThen('FIN', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it')]);
    const { response } = await ask(port);
    expect(response).toMatchObject({ status: 200, complete: true, headers: { 'transfer-encoding': 'chunked' } });
    expect(textOf(response)).toBe('all of it');
  });

  it('is relayed to a client of HTTP/1.0 without chunks, and the connection ends', async () => {
    const { port } = await start([sendThen('FIN', 'HTTP/1.0 200 OK\r\n\r\nall of it')]);
    const { response, closed } = await ask(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(response?.headers).not.toHaveProperty('transfer-encoding');
    expect(textOf(response)).toBe('all of it');
    expect(closed).toBe(true);
  });
});

describe('an answer over maxResponseBytes', () => {
  const limited = { maxResponseBytes: 10 };

  it('that says so is 502, and the connection to the upstream is closed', async () => {
    const { port, carriers } = await start(
      [`HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n${'x'.repeat(11)}`, FRESH],
      limited,
    );
    const { response } = await ask(port);
    expect(response).toMatchObject({ status: 502, complete: true });
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
  });

  it('that does not say so never looks complete', async () => {
    const chunk = `6\r\n${'x'.repeat(6)}\r\n`;
    const { port, carriers } = await start(
      [
        (socket) => {
          send(socket, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
          setImmediate(send, socket, `${chunk}0\r\n\r\n`);
        },
        FRESH,
      ],
      limited,
    );
    const { response, closed } = await ask(port);
    if (response?.status === 200) expect(response.complete).toBe(false);
    else expect([undefined, 502]).toContain(response?.status);
    expect(closed || response?.status === 502).toBe(true);
    await eventually(() => carriers[0]?.closed ?? false);
    await expectFresh(port);
  });

  it('is 502 where it is crossed before anything has left', async () => {
    const { port } = await start(
      [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n${'x'.repeat(11)}\r\n0\r\n\r\n`],
      limited,
    );
    expect((await ask(port)).response).toMatchObject({ status: 502, complete: true });
  });

  it.each([
    ['with a length', `HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n${'x'.repeat(10)}`],
    ['in chunks', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`],
  ])('is none at exactly the limit, %s', async (_what, answer) => {
    const { port } = await start([answer], limited);
    expect((await ask(port)).response).toMatchObject({
      status: 200,
      complete: true,
      body: Buffer.from('x'.repeat(10)),
    });
  });

  it('is none where only the length of a HEAD is above it', async () => {
    const { port } = await start(['HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n'], limited);
    expect((await ask(port, HEAD)).response).toMatchObject({ status: 200, headers: { 'content-length': '11' } });
  });

  it('is none where only the length of a 304 is above it', async () => {
    const { port } = await start(['HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n'], limited);
    expect((await ask(port)).response?.status).toBe(304);
  });
});
