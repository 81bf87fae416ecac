/** URLs of the inside become URLs of the outside, whatever the client calls the gateway, whatever a service answers. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { rawClient } from '../support/raw-client.js';
import { reply, type RawRequest } from '../support/raw-upstream.js';
import { front, get, lines, MOUNTINGS, observe, type Front } from './front.js';

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer | null;
  /** The connection ends behind it. */
  readonly breaks?: boolean;
}

const INTERNAL = 'http://users.internal:3001';
const CLOSE = 'Connection: close';

function asHost(host: string, ...fields: readonly string[]): string {
  return lines('GET / HTTP/1.1', `Host: ${host}`, ...fields, CLOSE, '');
}

const CODINGS: Readonly<Record<string, readonly [(text: string) => Buffer, (bytes: Buffer) => Buffer]>> = {
  identity: [(text) => Buffer.from(text), (bytes) => bytes],
  gzip: [zlib.gzipSync, zlib.gunzipSync],
  deflate: [zlib.deflateSync, zlib.inflateSync],
  br: [zlib.brotliCompressSync, zlib.brotliDecompressSync],
};

describe.each(MOUNTINGS)('a %s gateway that rewrites URLs', (mounting) => {
  let gateway: Front;
  let answer: (request: RawRequest) => Answer;
  /** Connections on which the service has answered, one for each answer. */
  const carriers: Socket[] = [];

  beforeAll(async () => {
    gateway = await front(
      (target) => ({
        defaults: { stripPrefix: false },
        routes: [
          { path: '/alive', target },
          {
            path: '/',
            target,
            rewriteUrls: {
              urls: { [INTERNAL]: '/users', 'http://orders.internal': 'https://shop.test/orders', [target]: '/self' },
              types: ['application/json', 'text/html', 'text/plain'],
              requestHeaders: ['referer', 'destination'],
            },
          },
          {
            path: '/capped',
            target,
            rewriteUrls: { urls: { [INTERNAL]: '/users' }, types: ['text/plain'], maxBodyBytes: 100 },
          },
        ],
      }),
      {
        mounting,
        onRequest: (request, socket) => {
          const isAlive = request.url === '/alive';
          if (!isAlive) carriers.push(socket);
          const { status = 200, headers = {}, body = '', breaks = false } = isAlive ? {} : answer(request);
          reply(socket, status, { 'content-type': 'application/json', ...headers }, body);
          if (breaks) socket.end();
        },
      },
    );
  });
  afterAll(() => gateway.close());

  const BODY = JSON.stringify({ self: `${INTERNAL}/7` });
  const LINKED: Answer = {
    headers: { location: `${INTERNAL}/new`, link: `<${INTERNAL}/2>; rel="next"`, 'content-type': 'application/json' },
    body: BODY,
  };

  it.each([
    'evil"><script>alert(1)</script>',
    "evil'-alert(1)-'",
    'evil";x="',
    'evil;x',
    'evil,other',
    'evil other',
    'evil/users',
    'evil?x',
    'evil#x',
    'user:password@evil',
    'evil\\x',
    'evil<x>',
    'evil&x=1',
    'evil(x)',
    'evil=x',
    'evil$&x',
    "evil$`x$'",
    'evil%22%3E',
    '[::1"]',
    '[evil]',
    'evil\u00e9',
    'evil:x',
    'evil:123456',
    'x'.repeat(300),
  ])('puts nothing of the host %j into a body or a field', async (host) => {
    answer = () => LINKED;
    const { response } = await observe(gateway, asHost(host));
    if (response?.status === 400) return;
    expect(response?.status).toBe(200);
    const { self } = JSON.parse(response?.body.toString() ?? '') as { self: string };
    expect([`${INTERNAL}/7`, `http://${host}/users/7`]).toContain(self);
    if (!self.startsWith(INTERNAL)) expect(host).toMatch(/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i);
    expect(response?.headers.location?.replace(self.slice(0, -2), '')).toBe('/new');
    expect(response?.headers.link?.replace(self.slice(0, -2), '')).toBe('</2>; rel="next"');
  });

  it('trusts no other field for the host', async () => {
    answer = () => LINKED;
    const fields = ['X-Forwarded-Host: evil.test', 'Forwarded: host=evil.test;proto=https', 'X-Host: evil.test'];
    const { raw } = await observe(gateway, asHost('gateway.test', ...fields, 'X-Forwarded-Proto: https'));
    expect(raw).not.toContain('evil');
    expect(raw).toContain('http://gateway.test/users/7');
  });

  it('leaves a URL as it is for whoever names no host', async () => {
    answer = () => LINKED;
    const { response } = await observe(gateway, lines('GET / HTTP/1.0', ''));
    expect(response?.body.toString()).toBe(BODY);
  });

  it('keeps the URLs of one host apart from those of another, be there more of them than it remembers', async () => {
    answer = () => LINKED;
    for (let i = 0; i < 140; i++) {
      const host = `h${i % 70}.test`;
      const { response } = await observe(gateway, asHost(host));
      expect(response?.body.toString()).toBe(JSON.stringify({ self: `http://${host}/users/7` }));
    }
  });

  it.each([
    ['sid=1; Domain=127.0.0.1; Path=/', 'sid=1; Domain=gateway.test; Path=/self'],
    ['sid=1; Path=/x; HttpOnly; SameSite=Strict', 'sid=1; Path=/self/x; HttpOnly; SameSite=Strict'],
    ['sid=1; domain=.127.0.0.1;path=/x', 'sid=1; domain=gateway.test;path=/self/x'],
    ['sid=1; Domain=other.test; Path=/x', 'sid=1; Domain=other.test; Path=/self/x'],
    ['__Host-sid=1; Secure; Path=/', '__Host-sid=1; Secure; Path=/'],
    ['__Secure-sid=1; Secure; Domain=127.0.0.1', '__Secure-sid=1; Secure; Domain=gateway.test'],
    ['sid=Path=/x', 'sid=Path=/x'],
    [';;; Path', ';;; Path'],
  ])('sets the cookie %s where the outside finds the service', async (given, sent) => {
    answer = () => ({ headers: { 'set-cookie': [given, 'other=1'] } });
    const { response } = await observe(gateway, get('/', CLOSE));
    const cookies = response?.rawHeaders
      .filter(([name]) => name.toLowerCase() === 'set-cookie')
      .map(([, value]) => value);
    expect(cookies).toEqual([sent, 'other=1']);
  });

  it.each(['evil"x', 'evil;x', "evil'x"])('puts nothing of the host %s into a cookie', async (host) => {
    answer = () => ({ headers: { 'set-cookie': 'sid=1; Domain=127.0.0.1; Path=/' } });
    const { response } = await observe(gateway, asHost(host));
    expect(response?.headers['set-cookie'] ?? '').not.toContain('evil');
  });

  it('does not let a client write fields by its referer', async () => {
    answer = () => ({});
    const referer = 'http://gateway.test/users/7?a=http://gateway.test/users/x';
    const { arrived } = await observe(
      gateway,
      get('/', `Referer: ${referer}`, 'Destination: http://gateway.test/usersx', CLOSE),
    );
    expect(arrived[0]?.headers.referer).toBe(`${INTERNAL}/7?a=${INTERNAL}/x`);
    expect(arrived[0]?.headers.destination).toBe('http://gateway.test/usersx');
  });

  describe.each(Object.entries(CODINGS))('in a body of the coding %s', (coding, [encode, decode]) => {
    const text = `${'x'.repeat(40_000)} ${INTERNAL}/a ${'y'.repeat(40_000)}${INTERNAL.replaceAll('/', '\\/')} //users.internal:3001/b`;
    const outside = text
      .replaceAll(INTERNAL, 'http://gateway.test/users')
      .replace(INTERNAL.replaceAll('/', '\\/'), 'http:\\/\\/gateway.test\\/users')
      .replace('//users.internal:3001', '//gateway.test/users');
    const encoded = encode(text);

    function chunksOf(bytes: Buffer, size: number): Buffer[] {
      return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
    }

    async function received(given: Answer, data = get('/', `Accept-Encoding: ${coding}`, CLOSE)): Promise<string> {
      answer = () => given;
      const { response } = await observe(gateway, data);
      expect(response?.status).toBe(200);
      expect(response?.complete).toBe(true);
      const { 'content-length': length, 'transfer-encoding': framing } = response?.headers ?? {};
      if (framing === undefined && length !== undefined) expect(response?.body.length).toBe(Number(length));
      expect(response?.headers['content-encoding'] ?? 'identity').toBe(coding);
      return decode(response?.body ?? Buffer.alloc(0)).toString();
    }

    const headers = { 'content-type': 'text/plain', ...(coding === 'identity' ? {} : { 'content-encoding': coding }) };

    it('rewrites every URL, with the right length', async () => {
      expect(await received({ headers, body: encoded })).toBe(outside);
    });

    it('rewrites what comes in chunks, whatever their size', async () => {
      for (const size of [3, 1_000, 65_536]) {
        const chunks = chunksOf(encoded, size);
        const body = Buffer.concat([
          ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
          Buffer.from('0\r\n\r\n'),
        ]);
        expect(await received({ headers: { ...headers, 'transfer-encoding': 'chunked' }, body })).toBe(outside);
      }
    });

    it('does not end an answer well whose source broke off', async () => {
      const length = { 'content-length': String(encoded.length) };
      answer = () => ({ headers: { ...headers, ...length }, body: encoded.subarray(0, -10), breaks: true });
      const { response, raw } = await observe(gateway, get('/', `Accept-Encoding: ${coding}`));
      if (response?.status !== 502) expect(response?.complete).toBe(false);
      expect(raw).not.toMatch(/\r\n0\r\n\r\n$/);
      expect(raw).not.toContain('internal');
    });

    it('keeps no connection to a service that has stopped, when the client leaves', async () => {
      const length = { 'content-length': String(encoded.length) };
      answer = () => ({ headers: { ...headers, ...length }, body: encoded.subarray(0, -10) });
      for (let i = 0; i < 10; i++) {
        const before = gateway.upstream.requests.length;
        const client = rawClient(gateway.port);
        client.write(get('/', `Accept-Encoding: ${coding}`));
        await eventually(() => gateway.upstream.requests.length > before);
        await sleep(5);
        client.destroy();
      }
      await eventually(() => carriers.slice(-10).every(({ destroyed }) => destroyed));
    });
  });

  it.each([
    ['plain text as gzip', { headers: { 'content-encoding': 'gzip' }, body: BODY }],
    ['nothing as gzip', { headers: { 'content-encoding': 'gzip' }, body: '' }],
  ])('answers 502, or with nothing, for %s', async (_name, given: Answer) => {
    answer = () => given;
    const { response } = await observe(gateway, get('/', 'Accept-Encoding: gzip', CLOSE));
    expect(response?.body.toString()).not.toContain('internal');
    expect([200, 502]).toContain(response?.status);
    if (response?.status === 200) expect(response.body.length).toBeLessThanOrEqual(20);
  });

  it('cuts an answer whose gzip breaks in the middle', async () => {
    const whole = zlib.gzipSync(Buffer.from(Array.from({ length: 200_000 }, (_, i) => `${i * 7919}`).join(' ')));
    const broken = Buffer.concat([whole.subarray(0, 300_000), Buffer.alloc(1_000, 0xff)]);
    answer = () => ({ headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, body: broken });
    const { response, closed } = await observe(gateway, get('/', 'Accept-Encoding: gzip'));
    expect(response?.complete).toBe(false);
    expect(closed).toBe(true);
  });

  it('unpacks no bomb into memory', async () => {
    const body = Buffer.concat(Array<Buffer>(160).fill(zlib.gzipSync(Buffer.alloc(1_048_576))));
    answer = () => ({ headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, body });
    const before = process.memoryUsage().rss;
    let peak = before;
    const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
    const client = rawClient(gateway.port);
    client.write(get('/', 'Accept-Encoding: gzip', CLOSE));
    const { complete } = await client.response({ withinMs: 10_000 });
    clearInterval(sample);
    expect(complete).toBe(true);
    // Garbage that nobody has collected yet takes up to 60 MiB, the whole body would take 160 MiB and more.
    expect(peak - before).toBeLessThan(110 * 1_048_576);
  });

  it('asks for no part of a body, and leaves one alone that comes nevertheless', async () => {
    answer = ({ headers }) =>
      headers.range === undefined
        ? { body: BODY }
        : { status: 206, headers: { 'content-range': 'bytes 0-5/100' }, body: BODY.slice(0, 6) };
    const { response } = await observe(gateway, get('/', 'Range: bytes=0-5', 'If-Range: "a"', CLOSE));
    expect(response?.status).toBe(200);
    expect(response?.body.toString()).toContain('http://gateway.test/users/7');
  });

  it('says of a HEAD nothing that is not true of a GET', async () => {
    answer = ({ method }) => ({
      headers: { 'content-length': String(BODY.length), etag: '"a"', 'accept-ranges': 'bytes' },
      body: method === 'HEAD' ? null : BODY,
    });
    const { response } = await observe(gateway, lines('HEAD / HTTP/1.1', 'Host: gateway.test', CLOSE, ''), true);
    expect(response?.headers).toMatchObject({ etag: 'W/"a"' });
    expect(response?.headers).not.toHaveProperty('content-length');
    expect(response?.headers).not.toHaveProperty('accept-ranges');
  });

  it.each([204, 304])('leaves a %i without a body', async (status) => {
    answer = () => ({ status, headers: { location: `${INTERNAL}/x` }, body: null });
    const { response, raw } = await observe(gateway, get('/', CLOSE));
    expect(response?.status).toBe(status);
    expect(response?.headers.location).toBe('http://gateway.test/users/x');
    expect(raw).toMatch(/\r\n\r\n$/);
  });

  it('ends a body right that is longer than it looks through', async () => {
    const text = `${INTERNAL}/a ${'x'.repeat(200)} ${INTERNAL}/b`;
    const chunk = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    answer = () => ({ headers: { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }, body: chunk });
    const { response } = await observe(gateway, get('/capped', CLOSE));
    expect(response?.complete).toBe(true);
    expect(response?.body.toString()).toContain(`${INTERNAL}/b`);
  });

  it('answers the next request on the connection of an answer that it could not use', async () => {
    const { connections } = gateway.upstream;
    const client = rawClient(gateway.port);
    for (let i = 0; i < 100; i++) {
      answer = () => ({ headers: { 'content-encoding': 'gzip' }, body: BODY });
      client.write(get('/', 'Accept-Encoding: gzip'));
      expect((await client.response()).status).toBe(502);
    }
    answer = () => LINKED;
    client.write(get('/'));
    expect((await client.response()).status).toBe(200);
    client.destroy();
    await eventually(() => gateway.upstream.connections <= connections + 1);
  });
});
