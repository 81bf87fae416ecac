import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/adapters/node/index.js';
import type { Middleware } from '../../src/core/types.js';
import type { GatewayConfig, RouteConfig } from '../../src/gateway/index.js';
import { exchange, rawClient, type RawResponse } from '../support/raw-client.js';
import { rawUpstream, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started {
  readonly port: number;
  readonly origin: RawUpstream;
}

async function start(
  answer: RawRequestHandler | string,
  config: Partial<GatewayConfig> = {},
  route: Partial<RouteConfig> = {},
): Promise<Started> {
  const origin = await rawUpstream(
    typeof answer === 'string'
      ? (_request, socket) => {
          send(socket, answer);
        }
      : answer,
  );
  const routes = [{ path: '/', target: origin.url, ...route }];
  const running = await serve(
    { accessLog: false, requestId: { generate: () => 'made-here' }, routes, ...config },
    { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0 },
  );
  cleanups.push(
    () => running.close(),
    () => origin.close(),
  );
  return { port: Number(new URL(running.url).port), origin };
}

/** One character per byte. */
function send(socket: Socket, text: string): void {
  socket.write(text, 'latin1');
}

function answering(...lines: readonly string[]): string {
  return ['HTTP/1.1 200 OK', ...lines, 'Content-Length: 2', '', 'ok'].join('\r\n');
}

const GET = 'GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n';
const HEAD = 'HEAD / HTTP/1.1\r\nHost: shop.test\r\n\r\n';

/** Fields that the gateway's own server writes for the client's connection. */
const CONNECTION_FIELDS = new Set(['date', 'connection', 'keep-alive']);

/** The fields of an answer but those of the connection, in order. */
function fieldsOf(response: RawResponse | undefined): string[] {
  return (response?.rawHeaders ?? [])
    .filter(([name]) => !CONNECTION_FIELDS.has(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}

async function fieldsFor(...lines: readonly string[]): Promise<string[]> {
  const { port } = await start(answering(...lines));
  const { response } = await exchange(port, GET, { settleMs: 1 });
  expect(response).toMatchObject({ status: 200, complete: true });
  expect(response?.body.toString()).toBe('ok');
  return fieldsOf(response);
}

const PLAIN = ['content-length: 2', 'x-request-id: made-here'];

/** Sets fields on the answer, as a transform does. */
function answersWith(fields: Readonly<Record<string, string | string[]>>): Middleware {
  return async function addFields(ctx, next) {
    const response = await next(ctx);
    Object.assign(response.headers, fields);
    return response;
  };
}

describe('the head that reaches the client', () => {
  it('is what the upstream sent, and the request id', async () => {
    expect(await fieldsFor('Content-Type: text/plain', 'X-Odd:  two  words ', 'Empty:')).toEqual([
      'content-type: text/plain',
      'x-odd: two  words',
      'empty: ',
      ...PLAIN,
    ]);
  });

  it('carries none of the fields of the upstream connection', async () => {
    const { port } = await start(
      answering(
        ...['Connection: keep-alive', 'Keep-Alive: timeout=77', 'Proxy-Connection: keep-alive', 'TE: trailers'],
        ...['Trailer: Expires', 'Upgrade: h2c', 'Proxy-Authenticate: Basic', 'Proxy-Authorization: Basic c2VjcmV0'],
      ),
    );
    const { response } = await exchange(port, GET, { settleMs: 1 });
    expect(response).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(fieldsOf(response)).toEqual(PLAIN);
    expect(response?.headers['keep-alive']).toBe('timeout=65');
  });

  it('does not close the connection of the client with that of the upstream', async () => {
    const { port, origin } = await start((_request, socket) => {
      send(socket, answering('Connection: close'));
      socket.end();
    });
    const client = rawClient(port);
    for (let turn = 0; turn < 2; turn++) {
      client.write(GET);
      expect(await client.response()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
    }
    client.destroy();
    expect(origin.accepted).toBe(2);
  });

  it.each([
    ['one line', ['Connection: X-Hop, X-Other']],
    ['two lines', ['Connection: X-Hop', 'Connection: X-Other']],
    ['odd case and spacing', ['Connection: ,\tx-HOP ,,  X-OTHER,']],
    ['close as well', ['Connection: close, X-Hop, X-Other']],
  ])('loses the fields that the upstream names in Connection in %s', async (_what, lines) => {
    expect(await fieldsFor(...lines, 'X-Hop: 1', 'X-Other: 2', 'X-Stays: 3')).toEqual(['x-stays: 3', ...PLAIN]);
  });

  it('keeps framing, type, coding and cookies when the upstream nominates them', async () => {
    const kept = ['set-cookie: a=1', 'content-type: text/plain', 'content-encoding: identity'];
    expect(
      await fieldsFor('Connection: Content-Length, Set-Cookie, Content-Type, Content-Encoding, X-Request-Id', ...kept),
    ).toEqual([...kept, ...PLAIN]);
  });

  it('carries the request id of the gateway, not one of the upstream', async () => {
    expect(await fieldsFor('X-Request-Id: theirs', 'X-Request-Id: twice')).toEqual([
      'x-request-id: made-here',
      'content-length: 2',
    ]);
  });
});

describe('cookies of an upstream', () => {
  const COOKIES = ['a=1; Path=/', 'b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly', 'a=3; Domain=x.test, c=4'];

  it('stay separate, in order and byte for byte', async () => {
    const fields = await fieldsFor(
      ...COOKIES.flatMap((cookie, index) => [`Set-Cookie: ${cookie}`, `X-Between-${index}: 1`]),
    );
    expect(fields.filter((field) => field.startsWith('set-cookie'))).toEqual(
      COOKIES.map((cookie) => `set-cookie: ${cookie}`),
    );
  });

  it('of which there is one stay one', async () => {
    expect(await fieldsFor('SET-COOKIE: a=1')).toEqual(['set-cookie: a=1', ...PLAIN]);
  });
});

describe('a trailer of an upstream', () => {
  it('that is announced beside a length does not end the gateway', async () => {
    const { port } = await start(answering('Trailer: X-Checksum'));
    for (let turn = 0; turn < 2; turn++) {
      const { response } = await exchange(port, GET, { settleMs: 1 });
      expect(response).toMatchObject({ status: 200, body: Buffer.from('ok'), complete: true });
      expect(response?.headers.trailer).toBeUndefined();
    }
  });

  it('after a chunked body is dropped', async () => {
    const { port } = await start(
      'HTTP/1.1 200 OK\r\nTrailer: X-User-Id\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-User-Id: 1\r\nSet-Cookie: a=1\r\n\r\n',
    );
    const { response, raw } = await exchange(port, GET);
    expect(response).toMatchObject({ status: 200, body: Buffer.from('ok'), complete: true, trailers: [] });
    expect(raw).not.toMatch(/user-id|set-cookie|trailer/i);
  });
});

describe('bytes above ASCII in the head of an answer', () => {
  const UTF8 = Buffer.from('na\u00efve \u{1f600}').toString('latin1');
  const LINES = ['HTTP/1.1 200 OK', `X-Name: ${UTF8}`, 'X-Latin: Zo\u00eb\u00ff\u0080'];
  const ARRIVED = { 'x-name': UTF8, 'x-latin': 'Zo\u00eb\u00ff\u0080' };

  it('arrive as they were sent with a body in the same packet', async () => {
    const { port } = await start([...LINES, 'Content-Length: 2', '', 'ok'].join('\r\n'));
    const { response } = await exchange(port, GET, { settleMs: 1 });
    expect(response).toMatchObject({ status: 200, headers: ARRIVED, body: Buffer.from('ok') });
  });

  it.each(['GET', 'HEAD'])('arrive as they were sent with no body, to a %s', async (method) => {
    const { port } = await start([...LINES, 'Content-Length: 0', '', ''].join('\r\n'));
    const { response } = await exchange(port, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`, { head: true, settleMs: 1 });
    expect(response).toMatchObject({ status: 200, headers: { ...ARRIVED, 'content-length': '0' } });
  });

  it('arrive as they were sent with a 304', async () => {
    const { port } = await start(['HTTP/1.1 304 Not Modified', ...LINES.slice(1), '', ''].join('\r\n'));
    const { response } = await exchange(port, GET, { settleMs: 1 });
    expect(response).toMatchObject({ status: 304, headers: ARRIVED });
  });

  it('arrive as they were sent ahead of a body that has not come yet', async () => {
    let letBodyGo = (): void => undefined;
    const { port } = await start((_request, socket) => {
      send(socket, [...LINES, 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
      letBodyGo = () => {
        send(socket, `7\r\ndata: \u00e9\r\n0\r\n\r\n`);
      };
    });
    const client = rawClient(port);
    client.write(GET);
    let head = '';
    while (!head.includes('\r\n\r\n')) head += (await client.read(undefined, { withinMs: 1_500 })).toString('latin1');
    expect(head).toContain(`x-name: ${UTF8}\r\n`);
    expect(head.endsWith('\r\n\r\n')).toBe(true);
    letBodyGo();
    expect((await client.read(17)).toString('latin1')).toBe('7\r\ndata: \u00e9\r\n0\r\n\r\n');
    client.destroy();
  });

  it('arrive as they were sent with text that a middleware answers', async () => {
    const respond = { status: 200, headers: { 'x-name': UTF8 }, body: 'caf\u00e9' };
    const running = await serve(
      { accessLog: false, routes: [{ path: '/', respond }] },
      { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0 },
    );
    cleanups.push(() => running.close());
    const { response } = await exchange(Number(new URL(running.url).port), GET, { settleMs: 1 });
    expect(response).toMatchObject({ status: 200, headers: { 'x-name': UTF8 }, body: Buffer.from('caf\u00e9') });
  });
});

describe('a value that the gateway writes into an answer', () => {
  it.each([
    ['CR LF', 'a\r\nX-Injected: 1'],
    ['LF', 'a\nX-Injected: 1'],
    ['CR', 'a\rX-Injected: 1'],
    ['NUL', 'a\0b'],
    ['an emoji', 'Zo\u00eb \u{1f600}'],
  ])('with %s in it is encoded or dropped, and the rest arrives', async (_what, value) => {
    const use = [answersWith({ 'x-user-name': value, 'x-stays': '1', 'set-cookie': ['a=1', 'b=2'] })];
    const { port } = await start(answering('X-Name: Zo\u00eb'), { use });
    const { response, raw } = await exchange(port, GET);
    expect(response).toMatchObject({ status: 200, body: Buffer.from('ok'), complete: true });
    expect(fieldsOf(response)).toEqual(expect.arrayContaining(['x-name: Zo\u00eb', 'x-stays: 1', 'set-cookie: b=2']));
    expect(raw).not.toMatch(/^x-injected/im);
  });

  it('is dropped where one of its lines is bad', async () => {
    const { port } = await start(answering(), {
      use: [answersWith({ 'set-cookie': ['a=1', 'b=2\r\nX-Injected: 1'] })],
    });
    const { response, raw } = await exchange(port, GET);
    expect(response).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(raw).not.toMatch(/^x-injected/im);
  });

  it.each(['bad name', 'x\r\nX-Injected', '', 'x:y'])('under the name %j is dropped', async (name) => {
    const { port } = await start(answering(), { use: [answersWith({ [name]: '1' })] });
    const { response, raw } = await exchange(port, GET);
    expect(response).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(raw).not.toMatch(/^x-injected/im);
  });

  it('cannot break out of a Location that a client chose a part of', async () => {
    const location = 'Location: http://ORIGIN/a%0d%0aX-Injected:%201';
    const { port } = await start((request, socket) => {
      send(socket, answering(location.replace('ORIGIN', `127.0.0.1:${socket.localPort ?? 0}`)));
      expect(request.method).toBe('GET');
    });
    const { response, raw } = await exchange(port, GET);
    expect(response?.headers.location).toBe('http://shop.test/a%0d%0aX-Injected:%201');
    expect(raw).not.toMatch(/^x-injected/im);
  });

  it.each(['x.test\r\nX-Injected: 1', 'x\0', '\u{1f600}'])(
    'for cookies as %j does not break the answer',
    async (cookieDomainRewrite) => {
      const { port } = await start(answering('Set-Cookie: a=1; Domain=y.test'), {}, { cookieDomainRewrite });
      const { response, raw } = await exchange(port, GET);
      expect(response).toMatchObject({ status: 200, body: Buffer.from('ok') });
      expect(raw).not.toMatch(/^x-injected/im);
    },
  );
});

describe('a head of an upstream that is too big', () => {
  it.each([
    ['in one field', [`X-Big: ${'x'.repeat(17_000)}`]],
    ['in 2,000 fields', Array.from({ length: 2_000 }, (_, index) => `x-field-${index}: 1`)],
  ])('%s is 502 and ends the connection to it', async (_what, lines) => {
    const { port, origin } = await start(answering(...lines));
    const { response, closed } = await exchange(port, GET);
    expect(response?.status).toBe(502);
    expect(closed).toBe(false);
    await expect.poll(() => origin.connections).toBe(0);
  });

  it('by its number of lines alone arrives whole or is 502', async () => {
    const { port } = await start(answering(...Array.from({ length: 1_500 }, () => 'n: 1'), 'X-Last: 1'));
    const { response } = await exchange(port, GET);
    if (response?.status === 200) {
      expect(response.headers.n?.split(', ')).toHaveLength(1_500);
      expect(response.headers['x-last']).toBe('1');
    } else {
      expect(response?.status).toBe(502);
    }
  });
});

describe('a field called as a property of objects', () => {
  it.each(['constructor', 'hasownproperty', 'tostring'])('%s is a field', async (name) => {
    expect(await fieldsFor(`${name}: 1`)).toEqual([`${name}: 1`, ...PLAIN]);
  });

  it('__proto__ changes no object and breaks no answer', async () => {
    const { port } = await start(answering('__proto__: 1', '__proto__: 2', 'X-Stays: 1'));
    const { response } = await exchange(port, GET);
    expect(response).toMatchObject({ status: 200, headers: { 'x-stays': '1' }, body: Buffer.from('ok') });
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('an answer to HEAD', () => {
  it('keeps the length that the body would have', async () => {
    const { port } = await start('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n');
    const { response, raw } = await exchange(port, HEAD, { head: true });
    expect(response).toMatchObject({ status: 200, headers: { 'content-length': '12345' } });
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
  });

  it('names no framing where the upstream names chunked', async () => {
    const { port } = await start('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const { response, raw } = await exchange(port, HEAD, { head: true });
    expect(response?.status).toBe(200);
    expect(response?.headers['content-length']).toBeUndefined();
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
  });
});
