import { createServer, type RequestListener } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ActiveHealthOptions } from '../../src/health-check/index.js';
import { VERSION } from '../../src/core/version.js';
import { httpProbe } from '../../src/health-check/http-probe.js';
import { authority, hasOpenssl, type Authority } from '../integration/certificates.js';
import { eventually } from '../support/eventually.js';
import { listen, type Listening } from '../support/listen.js';
import { rawUpstream, reply, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';
import { check, checking } from './probes.js';

async function upstream(onRequest?: RawRequestHandler): Promise<RawUpstream> {
  const target = await rawUpstream(onRequest);
  onTestFinished(() => target.close());
  return target;
}

async function serve(listener: RequestListener): Promise<Listening> {
  const target = await listen(createServer(listener));
  onTestFinished(() => target.close());
  return target;
}

describe('a check by HTTP', () => {
  it('is one GET of the path over a connection of its own, which it closes', async () => {
    const target = await upstream();
    expect(await check(`${target.url}/base`, { path: '/health?full=1' })).toBeNull();
    const [request] = target.requests;
    expect(request).toMatchObject({ method: 'GET', url: '/health?full=1' });
    expect({ ...request?.headers }).toEqual({
      host: `127.0.0.1:${target.port}`,
      'user-agent': `innergate-health/${VERSION}`,
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'close',
    });
    await eventually(() => target.connections === 0);
  });

  it('sends fields of the user, the host among them, and the last word is theirs', async () => {
    const target = await upstream();
    const headers = { Host: 'users.internal', 'User-Agent': 'mine', Authorization: 'Bearer abc', ['__proto__']: 'x' };
    expect(await check(target.url, { headers })).toBeNull();
    expect(target.requests[0]?.head).toMatch(/^host: users\.internal\r$/im);
    expect(target.requests[0]?.headers).toMatchObject({ 'user-agent': 'mine', authorization: 'Bearer abc' });
    expect(target.requests[0]?.head).toContain('__proto__: x');
  });

  it.each<[number, ActiveHealthOptions, string | null]>([
    [200, {}, null],
    [204, {}, null],
    [302, {}, null],
    [399, {}, null],
    [400, {}, 'status 400'],
    [503, {}, 'status 503'],
    [302, { statuses: ['200-299'] }, 'status 302'],
    [200, { statuses: [204] }, 'status 200'],
    [503, { statuses: [204, '500-503'] }, null],
    [504, { statuses: [204, '500-503'] }, 'status 504'],
    [700, {}, 'status 700'],
  ])('finds of status %i, with %j: %s', async (status, options, reason) => {
    const target = await serve((_request, response) => response.writeHead(status, { location: '/elsewhere' }).end());
    expect(await check(target.url, options)).toBe(reason);
    expect(target.accepted).toBe(1);
  });

  it('by HEAD wants no body', async () => {
    const target = await upstream((_request, socket) => reply(socket, 200, { 'content-length': '9' }, null));
    expect(await check(target.url, { method: 'HEAD' })).toBeNull();
    expect(target.requests[0]?.method).toBe('HEAD');
  });

  it('goes to another port where that is said', async () => {
    const target = await upstream();
    expect(await check('http://127.0.0.1:1', { port: target.port })).toBeNull();
    expect(target.requests[0]?.headers.host).toBe(`127.0.0.1:${target.port}`);
  });

  it('goes to a unix socket where that is said', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'innergate-health-'));
    const server = createServer((request, response) =>
      response.writeHead(request.headers.host === 'users' ? 200 : 500).end(),
    );
    const socketPath = join(folder, 'users.sock');
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    onTestFinished(() => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    expect(await check('http://users', { socketPath })).toBeNull();
    expect(await check('http://users', { socketPath: `${socketPath}.gone` })).toBe('connect ENOENT');
    expect(await check('http://users', { socketPath, type: 'tcp' })).toBeNull();
  });
});

describe('the body of an answer', () => {
  it.each<[string, string | RegExp, string | null]>([
    ['{"status":"up"}', '"up"', null],
    ['{"status":"up"}', /"status":"(up|ok)"/, null],
    ['{"status":"down"}', '"up"', 'the body does not contain "\\"up\\""'],
    ['{"status":"secret"}', /"up"/, 'the body does not contain "/\\"up\\"/"'],
    ['', 'x', 'the body does not contain "x"'],
    ['größe', 'größe', null],
    [`${'a'.repeat(65_534)}ok`, 'ok', null],
    [`${'a'.repeat(65_535)}ok`, 'ok', 'the body does not contain "ok"'],
    [`${'a'.repeat(2_046)}ok`, /ok/, null],
    [`${'a'.repeat(2_047)}ok`, /ok/, 'the body does not contain "/ok/"'],
  ])('of %.20s... with %s is %s', async (text, body, reason) => {
    const target = await serve((_request, response) => response.end(text));
    expect(await check(target.url, { body })).toBe(reason);
  });

  it('matches a pattern that is global each time', async () => {
    const target = await serve((_request, response) => response.end('ok'));
    const body = /ok/g;
    expect([await check(target.url, { body }), await check(target.url, { body })]).toEqual([null, null]);
  });

  it('is found across chunks', async () => {
    const target = await serve((_request, response) => {
      response.write('{"status":"u');
      setImmediate(() => response.end('p"}'));
    });
    expect(await check(target.url, { body: '"up"' })).toBeNull();
  });

  it('is quick to look at, whatever the target sends', async () => {
    const target = await serve((_request, response) => response.end('a'.repeat(65_536)));
    expect(await check(target.url, { body: /^a*a*b/ })).toMatch(/does not contain/);
  });
});

describe('a check fails where the target', () => {
  it.each<[string, RawRequestHandler, string | RegExp]>([
    ['closes without an answer', (_request, socket) => socket.end(), 'socket hang up'],
    ['resets', (_request, socket) => socket.resetAndDestroy(), 'read ECONNRESET'],
    ['sends garbage', (_request, socket) => socket.write('\0\x01garbage\r\n\r\n'), /^Parse Error: Expected HTTP/],
    ['speaks another protocol', (_request, socket) => socket.write('SSH-2.0-OpenSSH_9\r\n'), /^Parse Error/],
    ['switches protocols', (_request, socket) => socket.write('HTTP/1.1 101 Up\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'), 'the connection was closed without an answer'], // prettier-ignore
    ['breaks off in the head', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\na: b'), 'socket hang up'],
    ['breaks off in the body', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'), 'the answer broke off'], // prettier-ignore
    ['breaks off in a chunk', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab'), 'the answer broke off'], // prettier-ignore
    ['sends a head of 20 KB', (_request, socket) => reply(socket, 200, { a: 'x'.repeat(20_000) }), 'Parse Error: Header overflow'], // prettier-ignore
    ['sends two lengths', (_request, socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na'), /^Parse Error/], // prettier-ignore
  ])('%s', async (_what, onRequest, reason) => {
    const target = await upstream(onRequest);
    const found = await check(target.url);
    if (typeof reason === 'string') expect(found).toBe(reason);
    else expect(found).toMatch(reason);
    await eventually(() => target.connections === 0);
  });

  it('is not there', async () => {
    const target = await upstream();
    await target.close();
    expect(await check(target.url)).toBe('connect ECONNREFUSED');
    expect(await check(target.url.replace('127.0.0.1', 'localhost'))).toBe('connect ECONNREFUSED');
  });

  it('has a name that nobody knows', async () => {
    expect(await check('http://users.invalid')).toMatch(/^getaddrinfo E/);
  });
});

describe('the time limit ends the whole check where the target', () => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

  it.each<[string, RawRequestHandler]>([
    ['never answers', () => undefined],
    ['begins a head', (_request, socket) => socket.write('HTTP/1.1 200 OK\r\na: b\r\n')],
    ['begins a body', (_request, socket) => socket.write(head)],
    ['drips fields', (_request, socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'a: b\r\n')],
    ['drips a body', (_request, socket) => drip(socket, head, '1\r\na\r\n')],
    ['sends interim answers without end', (_request, socket) => drip(socket, '', 'HTTP/1.1 103 Early\r\na: b\r\n\r\n')],
  ])('%s', async (_what, onRequest) => {
    const target = await upstream(onRequest);
    const { checker, clock } = checking(target.url, { timeoutMs: 300 });
    clock.advance(1);
    await eventually(() => target.requests.length === 1);
    await clock.advanceAsync(299);
    expect([checker.reason, target.connections]).toEqual([null, 1]);
    await clock.advanceAsync(1);
    expect(checker.reason).toBe('no answer within 300 ms');
    await eventually(() => target.connections === 0);
  });

  /** A piece at each turn of the loop, for as long as somebody reads. */
  function drip(socket: Parameters<RawRequestHandler>[1], first: string, piece: string): void {
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), 1);
    socket.once('close', () => {
      clearInterval(timer);
    });
  }

  it('is one whose status is wrong already: then that is told, and the rest not waited for', async () => {
    const target = await upstream((_request, socket) => reply(socket, 500, { 'content-length': '9' }, 'abc'));
    const probe = httpProbe(new URL(target.url), {});
    await expect(probe(new AbortController().signal)).rejects.toThrow('status 500');
    await eventually(() => target.connections === 0);
  });
});

describe('an answer without end', () => {
  it('is read up to 64 KB, and is what it is up to there', async () => {
    let sent = 0;
    const target = await serve((_request, response) => {
      const chunk = Buffer.alloc(65_536, 'a');
      function write(): void {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      }
      response.on('drain', write);
      write();
    });
    expect(await check(target.url)).toBeNull();
    expect(await check(target.url, { body: 'aaa' })).toBeNull();
    expect(await check(target.url, { body: 'b' })).toBe('the body does not contain "b"');
    await eventually(() => target.connections === 0);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it('of interim answers, at full speed, ends at the time limit of a real clock', async () => {
    const target = await upstream((_request, socket) => {
      const many = Buffer.from('HTTP/1.1 103 Early\r\nlink: </a>; rel=preload\r\n\r\n'.repeat(1_000));
      function write(): void {
        while (!socket.destroyed && socket.write(many));
      }
      socket.on('drain', write);
      write();
    });
    const { checker } = checking(target.url, { timeoutMs: 100, clock: undefined as never });
    await eventually(() => checker.reason === 'no answer within 100 ms', { withinMs: 10_000 });
    await eventually(() => target.connections === 0);
  });
});

describe('allowedAddresses', () => {
  const denied = /no address that allowedAddresses lets be connected to/;

  it.each<[string, readonly string[], boolean]>([
    ['http://127.0.0.1', ['loopback'], true],
    ['http://127.0.0.1', ['public'], false],
    ['http://2130706433', ['public'], false],
    ['http://0x7f.1', ['public'], false],
    ['http://[::ffff:127.0.0.1]', ['public'], false],
    ['http://localhost', ['public', 'uniquelocal'], false],
    ['http://localhost', ['loopback'], true],
  ])('%s with %j: %s', async (host, allowedAddresses, isAllowed) => {
    const target = await upstream();
    for (const type of ['http', 'tcp'] as const) {
      const reason = await check(`${host}:${target.port}`, { type, allowedAddresses });
      if (isAllowed) expect(reason).toBeNull();
      else expect(reason).toMatch(denied);
    }
    expect(target.accepted).toBe(isAllowed ? 2 : 0);
  });
});

describe.runIf(hasOpenssl)('a check over TLS', () => {
  let ours: Authority;
  let theirs: Authority;

  beforeAll(() => {
    ours = authority('ours');
    theirs = authority('theirs');
  });
  afterAll(() => {
    ours.remove();
    theirs.remove();
  });

  async function secure(...names: readonly string[]): Promise<string> {
    const { cert, key } = ours.issue(...names);
    const server = createSecureServer({ cert, key }, (request, response) => {
      response.end(String((request.socket as { servername?: unknown }).servername));
    });
    server.on('tlsClientError', () => undefined);
    const target = await listen(server);
    onTestFinished(() => target.close());
    return `https://127.0.0.1:${target.port}`;
  }

  it('passes where the certificate is of an authority that is trusted, and for the address', async () => {
    const url = await secure('IP:127.0.0.1');
    expect(await check(url, { tls: { ca: ours.ca } })).toBeNull();
    expect(await check(url, { tls: { ca: [Buffer.from(ours.ca)] } })).toBeNull();
  });

  it('fails where the authority is not trusted', async () => {
    const url = await secure('IP:127.0.0.1');
    expect(await check(url)).toMatch(/unable to verify|self.signed|local issuer/);
    expect(await check(url, { tls: { ca: theirs.ca } })).toMatch(/unable to verify|self.signed|local issuer/);
  });

  it('fails where the certificate is for another name', async () => {
    const url = await secure('DNS:users.test', 'IP:192.0.2.1');
    expect(await check(url, { tls: { ca: ours.ca } })).toMatch(/does not match certificate/);
  });

  it('takes the name to verify from the options or the target, never from the host field', async () => {
    const url = await secure('DNS:users.test');
    const tls = { ca: ours.ca, servername: 'users.test' };
    expect(await check(url, { tls, body: 'users.test' })).toBeNull();
    const fooled = await check(url, { tls: { ca: ours.ca }, headers: { host: 'users.test' } });
    expect(fooled).toMatch(/does not match certificate/);
  });

  it('fails, and no more than that, where the PEM is none', async () => {
    const url = await secure('IP:127.0.0.1');
    expect(await check(url, { tls: { ca: ours.ca, cert: 'nonsense', key: 'nonsense' } })).toMatch(/PEM|no start line/);
  });

  it('fails where the target speaks no TLS, or a target over TLS is asked without', async () => {
    const plain = await serve((_request, response) => response.end());
    expect(await check(plain.url.replace('http:', 'https:'))).not.toBeNull();
    expect(await check((await secure('IP:127.0.0.1')).replace('https:', 'http:'))).not.toBeNull();
  });
});

describe('many checks', () => {
  it('leave no socket behind', async () => {
    const before = process.getActiveResourcesInfo().length;
    let count = 0;
    const target = await serve((_request, response) => {
      const kind = count++ % 4;
      if (kind === 0) response.end('ok');
      else if (kind === 1) response.writeHead(500).end('no');
      else if (kind === 2) response.socket?.resetAndDestroy();
      else response.end(Buffer.alloc(100_000));
    });
    const probe = httpProbe(new URL(target.url), {});
    for (let round = 0; round < 100; round++) {
      const checks = Array.from({ length: 10 }, () => probe(new AbortController().signal));
      await Promise.allSettled(checks);
    }
    expect(count).toBe(1_000);
    await eventually(() => target.connections === 0);
    await eventually(() => process.getActiveResourcesInfo().length <= before + 1);
  });
});
