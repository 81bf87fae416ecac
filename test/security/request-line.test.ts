import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, rawClient } from '../support/raw-client.js';
import { reply, type RawRequestHandler } from '../support/raw-upstream.js';
import { expectRefused, front, get, lines, MOUNTINGS, observe, SMUGGLED, type Front } from './front.js';

const BROKEN_HEADS: [string, string][] = [
  ['a carriage return alone in a value', get('/x', 'X-A: b\rX-B: c')],
  ['a carriage return alone behind a value', get('/x', 'X-A: b\r')],
  ['a carriage return alone as a line end', 'GET /x HTTP/1.1\rHost: gateway.test\r\r'],
  ['line feeds alone as line ends', 'GET /x HTTP/1.1\nHost: gateway.test\n\n'],
  ['a line feed alone after the request line', 'GET /x HTTP/1.1\nHost: gateway.test\r\n\r\n'],
  ['a line feed alone between two fields', lines('GET /x HTTP/1.1', 'Host: gateway.test\nX-A: b', '')],
  ['a line feed alone before the empty line', 'GET /x HTTP/1.1\r\nHost: gateway.test\n\r\n'],
  ['a line feed alone as the empty line', 'GET /x HTTP/1.1\r\nHost: gateway.test\r\n\n'],
  ['a NUL in a value', get('/x', 'X-A: b\0c')],
  ['a NUL in a name', get('/x', 'X-\0A: b')],
  ['a bell in a value', get('/x', 'X-A: \x07')],
  ['an escape in a value', get('/x', 'X-A: \x1b[31m')],
  ['a DEL in a value', get('/x', 'X-A: \x7f')],
  ['a vertical tab in a value', get('/x', 'X-A: b\vc')],
  ['a folded line', get('/x', 'X-A: b', ' c')],
  ['a line folded with a tab', get('/x', 'X-A: b', '\tc')],
  ['a folded Host', lines('GET /x HTTP/1.1', 'Host:', ' gateway.test', '')],
  ['a first field that starts with a space', lines('GET /x HTTP/1.1', ' Host: gateway.test', '')],
  ['a space before the colon', get('/x', 'X-A : b')],
  ['a tab before the colon', get('/x', 'X-A\t: b')],
  ['an empty name', get('/x', ': b')],
  ['a line without a colon', get('/x', 'X-A')],
  ['a name with a space', get('/x', 'X A: b')],
  ['a name with a non-ASCII byte', get('/x', 'X-\u00e4: b')],
  ['a name in brackets', get('/x', '[X]: b')],
  ['a tab in place of a space', lines('GET\t/x\tHTTP/1.1', 'Host: gateway.test', '')],
  ['a space in the target', lines('GET /x y HTTP/1.1', 'Host: gateway.test', '')],
  ['a space at the end of the line', lines('GET /x HTTP/1.1 ', 'Host: gateway.test', '')],
  ['a space at the start of the line', lines(' GET /x HTTP/1.1', 'Host: gateway.test', '')],
];

const BAD_HOSTS: [string, readonly string[]][] = [
  ['twice', ['Host: gateway.test', 'Host: evil.test']],
  ['twice the same', ['Host: gateway.test', 'Host: gateway.test']],
  ['twice in other cases', ['Host: gateway.test', 'HOST: evil.test']],
  ['twice, the first empty', ['Host:', 'Host: evil.test']],
  ['twice, the second empty', ['Host: gateway.test', 'Host:']],
  ['empty', ['Host:']],
  ['a space', ['Host:  ']],
  ['user information', ['Host: a@b']],
  ['user and password', ['Host: a:b@c.test']],
  ['a path', ['Host: a/b']],
  ['a list', ['Host: a, b']],
  ['a list without a space', ['Host: a,b']],
  ['a port that is no number', ['Host: a:abc']],
  ['a port of six digits', ['Host: a:123456']],
  ['two ports', ['Host: a:1:2']],
  ['a negative port', ['Host: a:-1']],
  ['a port alone', ['Host: :80']],
  ['a space inside', ['Host: a b']],
  ['a tab inside', ['Host: a\tb']],
  ['a scheme', ['Host: http://a']],
  ['a query', ['Host: a?b']],
  ['a fragment', ['Host: a#b']],
  ['a backslash', ['Host: a\\b']],
  ['a quotation mark', ['Host: "a"']],
  ['angle brackets', ['Host: <script>']],
  ['an open bracket', ['Host: [::1']],
  ['an IPv6 address without brackets', ['Host: ::1']],
  ['a zone', ['Host: [fe80::1%25eth0]']],
  ['a byte above ASCII', ['Host: \u00e4.test']],
  ['256 bytes', [`Host: ${'a'.repeat(256)}`]],
];

describe.each(MOUNTINGS)('the head of a request, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting });
  });

  afterAll(() => gateway.close());

  it.each(BROKEN_HEADS)('is refused for %s (row 11)', async (_case, data) => {
    await expectRefused(gateway, data + SMUGGLED);
  });

  it('is refused for HTTP/1.1 without a Host (row 12)', async () => {
    // A host that refuses it by itself does not tell the gateway, so what follows is none of the gateway's business there.
    await expectRefused(gateway, lines('GET /x HTTP/1.1', '') + (mounting === 'served' ? SMUGGLED : ''));
  });

  it.each([
    ['no version of its own', []],
    ['keep-alive', ['Connection: keep-alive']],
  ])('of HTTP/1.0 without a Host gives the upstream its own one: %s (row 12)', async (_case, fields) => {
    const { arrived, bytes, response } = await observe(gateway, lines('GET /old HTTP/1.0', ...fields, ''));
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ url: '/old', httpVersion: '1.1' }]);
    expect(bytes.match(/^host:.*$/gim)).toEqual([`host: 127.0.0.1:${gateway.upstream.port}`]);
    expect(bytes).not.toMatch(/^x-forwarded-host:/im);
  });

  it.each(BAD_HOSTS)('is refused for a Host that is %s (row 13)', async (_case, fields) => {
    await expectRefused(gateway, lines('GET /x HTTP/1.1', ...fields, '') + SMUGGLED);
  });

  it.each(BAD_HOSTS.filter(([, { length }]) => length === 1))(
    'of HTTP/1.0 is refused for a Host that is %s (row 13)',
    async (_case, fields) => {
      await expectRefused(gateway, lines('GET /x HTTP/1.0', ...fields, ''));
    },
  );

  it.each(['gateway.test', 'gateway.test:8080', 'GATEWAY.test.', '127.0.0.1:1', '[::1]', '[::1]:443', 'a-b_c.test'])(
    'may name the host %s, which arrives as it was sent (row 13)',
    async (host) => {
      const { bytes, response } = await observe(gateway, lines('GET /x HTTP/1.1', `Host: ${host}`, ''));
      expect(response?.status).toBe(200);
      expect(bytes.match(/^host:.*$/gim)).toEqual([`host: ${host}`]);
    },
  );

  it.each([
    ['http://gateway.test/x?y=1', '/x?y=1'],
    ['HTTP://GATEWAY.TEST/x', '/x'],
    ['http://gateway.test', '/'],
    ['http://gateway.test?y=1', '/?y=1'],
    ['http://gateway.test//x', '/x'],
  ])('in absolute form goes upstream in origin form: %s (row 14)', async (target, url) => {
    const { arrived, response } = await observe(gateway, get(target));
    expect(response?.status).toBe(200);
    expect(arrived.map((request) => request.url)).toEqual([url]);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://evil.test/x',
    'http://gateway.test:81/x',
    'http://gateway.test@evil.test/x',
    'http://evil.test@gateway.test/x',
    'http://user:password@gateway.test/x',
    'http://gateway.test.evil.test/x',
    'http://gateway.test\\@evil.test/x',
    'http:///x',
    'http://',
    'http:/x',
    'http:x',
    'https://evil.test/x',
    'ftp://gateway.test/x',
    'file:///etc/passwd',
    'ws://gateway.test/x',
    'javascript:alert(1)',
    'gateway.test/x',
    'gateway.test:80',
    'http://gateway.test/../admin',
    'http://gateway.test/%2e%2e/admin',
    'http://gateway.test/x#y',
  ])('in absolute form is never dialled, and is refused for %s (row 14)', async (target) => {
    await expectRefused(gateway, get(target) + SMUGGLED);
  });

  it.each(['http://user@evil.test/x', 'http://a,b/x', 'http://a:b/x', 'http://a\\b/x', `http://${'a'.repeat(256)}/x`])(
    'of HTTP/1.0 in absolute form is refused for an authority that is no host: %s (rows 13, 14)',
    async (target) => {
      await expectRefused(gateway, lines(`GET ${target} HTTP/1.0`, ''));
    },
  );

  it('with CONNECT opens no tunnel (row 15)', async () => {
    const data = lines('CONNECT 127.0.0.1:22 HTTP/1.1', 'Host: 127.0.0.1:22', '') + SMUGGLED;
    const { bytes, raw, closed } = await observe(gateway, data);
    expect(bytes).toBe('');
    expect(raw).toMatch(/^(?:HTTP\/1\.1 405 .*)?/);
    expect(raw).not.toMatch(/^HTTP\/1\.1 2/m);
    expect(closed).toBe(true);
  });

  it.each(['/x', 'http://gateway.test/x'])(
    'with CONNECT and the target %s opens no tunnel (row 15)',
    async (target) => {
      const { bytes, raw } = await observe(gateway, lines(`CONNECT ${target} HTTP/1.1`, 'Host: gateway.test', ''));
      expect(bytes).toBe('');
      expect(raw).not.toMatch(/^HTTP\/1\.1 2/m);
    },
  );

  it.each([
    ['alone', ''],
    ['with a secret to reflect', 'Cookie: session=secret\r\n'],
  ])('with TRACE gets 405 and reflects nothing: %s (row 15)', async (_case, field) => {
    const data = `TRACE /x HTTP/1.1\r\nHost: gateway.test\r\n${field}\r\n`;
    const { bytes, raw, response } = await observe(gateway, data);
    expect(bytes).toBe('');
    expect(response?.status).toBe(405);
    expect(response?.headers).toHaveProperty('allow');
    expect(raw).not.toMatch(/session|TRACE/);
  });

  it.each(['get', 'Get', 'FOO', 'GETX', 'GE', 'G\0ET', 'GET/x', '\u00e4', '__proto__', 'PRI', '-', '1'])(
    'with the method %j is refused (row 15)',
    async (method) => {
      const data = lines(`${method} /x HTTP/1.1`, 'Host: gateway.test', '') + SMUGGLED;
      await expectRefused(gateway, data, { statuses: [400, 501] });
    },
  );

  it.each(['GET', 'POST', 'HEAD', 'DELETE'])('with %s * is refused (row 16)', async (method) => {
    await expectRefused(gateway, lines(`${method} * HTTP/1.1`, 'Host: gateway.test', '') + SMUGGLED);
  });

  it.each(['*x', '**', '*/x', '*?x'])('with OPTIONS %s is refused (row 16)', async (target) => {
    await expectRefused(gateway, lines(`OPTIONS ${target} HTTP/1.1`, 'Host: gateway.test', '') + SMUGGLED);
  });

  it('with OPTIONS * is answered here (row 16)', async () => {
    const { bytes, response } = await observe(gateway, lines('OPTIONS * HTTP/1.1', 'Host: gateway.test', ''));
    expect(bytes).toBe('');
    expect([200, 204]).toContain(response?.status);
  });

  it('with OPTIONS and the path /* goes upstream as that path (row 16)', async () => {
    const { arrived } = await observe(gateway, lines('OPTIONS /* HTTP/1.1', 'Host: gateway.test', ''));
    expect(arrived).toMatchObject([{ method: 'OPTIONS', url: '/*' }]);
  });
});

const TLS_HELLO = Buffer.from(
  '16030100c5010000c10303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0008130213031301',
  'hex',
);

const OTHER_PROTOCOLS: [string, string | Buffer][] = [
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
  ['half the preface of HTTP/2 and a request', `PRI * HTTP/2.0\r\n\r\n${SMUGGLED}`],
  ['a request of HTTP/2.0 as text', `${lines('GET /x HTTP/2.0', 'Host: gateway.test', '')}${SMUGGLED}`],
  ['a request of HTTP/2.0 as text without a Host', `GET /x HTTP/2.0\r\n\r\n${SMUGGLED}`],
  ['a request of HTTP/2 as text', `${lines('GET /x HTTP/2', 'Host: gateway.test', '')}${SMUGGLED}`],
  ['HTTP/0.9', `GET /x\r\n\r\n${SMUGGLED}`],
  ['HTTP/0.9 with a field', 'GET /x\r\nHost: gateway.test\r\n\r\n'],
  ['HTTP/0.9 by name', `${lines('GET /x HTTP/0.9', 'Host: gateway.test', '')}${SMUGGLED}`],
  ['HTTP/1.2', `${lines('GET /x HTTP/1.2', 'Host: gateway.test', '')}${SMUGGLED}`],
  ['HTTP/1.9', lines('GET /x HTTP/1.9', 'Host: gateway.test', '')],
  ['HTTP/3.0', lines('GET /x HTTP/3.0', 'Host: gateway.test', '')],
  ['HTTP/1', lines('GET /x HTTP/1', 'Host: gateway.test', '')],
  ['HTTP/01.1', lines('GET /x HTTP/01.1', 'Host: gateway.test', '')],
  ['HTTP/1.10', lines('GET /x HTTP/1.10', 'Host: gateway.test', '')],
  ['http in lower case', lines('GET /x http/1.1', 'Host: gateway.test', '')],
  ['another name of a protocol', lines('GET /x HTTPS/1.1', 'Host: gateway.test', '')],
  ['RTSP', lines('DESCRIBE rtsp://gateway.test/x RTSP/1.0', 'CSeq: 1', '')],
  ['a hello of TLS', TLS_HELLO],
  ['a version 2 hello of SSL', Buffer.from('802e0100020015000000100100800200800300800600400400', 'hex')],
  ['a greeting of SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['SMTP', 'EHLO evil.test\r\n'],
  ['the PROXY protocol', `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${SMUGGLED}`],
  ['a response', lines('HTTP/1.1 200 OK', 'Content-Length: 0', '')],
  ['NULs', Buffer.alloc(64)],
  ['bytes of 255', Buffer.alloc(64, 255)],
];

describe.each(MOUNTINGS)('another protocol, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting });
  });

  afterAll(() => gateway.close());

  it.each(OTHER_PROTOCOLS)('gets 400 or nothing and a closed connection: %s (row 17)', async (_case, data) => {
    const { bytes, raw, closed } = await observe(gateway, data);
    expect.soft(bytes).toBe('');
    expect.soft(raw === '' ? 400 : raw).toEqual(raw === '' ? 400 : expect.stringMatching(/^HTTP\/1\.1 (?:400|505) /));
    expect.soft(raw.match(/^HTTP\//gm) ?? [null]).toHaveLength(1);
    expect.soft(closed).toBe(true);
  });

  it('writes no more than one line to the log for each connection (row 17)', async () => {
    const before = gateway.lines.length;
    for (const [, data] of OTHER_PROTOCOLS) await exchange(gateway.port, data);
    expect(gateway.lines.length - before).toBeLessThanOrEqual(OTHER_PROTOCOLS.length);
  });
});

const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];

describe.each(MOUNTINGS)('an upgrade to h2c, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting });
  });

  afterAll(() => gateway.close());

  it.each([
    ['as the RFC has it', H2C],
    ['with fields that the connection does not name', H2C.slice(1)],
    ['with Upgrade alone nominated', ['Connection: Upgrade', ...H2C.slice(1)]],
    ['in other cases', H2C.map((field) => field.toUpperCase())],
    ['in a list of protocols', ['Connection: upgrade', 'Upgrade: h2c, websocket', 'HTTP2-Settings: AAMAAABk']],
    ['on two lines', ['Connection: keep-alive', ...H2C]],
  ])('is taken out and the request answered plainly: %s (row 18)', async (_case, fields) => {
    const { arrived, bytes, response } = await observe(gateway, get('/x', ...fields));
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ url: '/x' }]);
    expect(bytes).not.toMatch(/^(?:upgrade|http2-settings):/im);
    expect(bytes).not.toMatch(/h2c|^connection:.*(?:upgrade|settings)/im);
  });

  it.each([
    ['a request', get('/second')],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])(
    'leaves no tunnel and no dead connection: %s behind it is answered, or the connection ends (row 18)',
    async (_case, next) => {
      const client = rawClient(gateway.port);
      client.write(get('/first', ...H2C));
      const first = await client.response();
      expect(first.status).toBe(200);
      client.write(next);
      const second = await client.read(undefined, { withinMs: 1_000 });
      expect(second.toString('latin1')).toMatch(/^(?:HTTP\/1\.1 (?:200|400) |$)/);
      if (second.length === 0) expect(first.headers.connection).toBe('close');
      client.destroy();
    },
  );

  it('with a body relays the body, whole and once (row 18)', async () => {
    const head = lines('POST /x HTTP/1.1', 'Host: gateway.test', ...H2C, 'Content-Length: 5', '');
    const { arrived } = await observe(gateway, `${head}hello`);
    expect(arrived.map(({ url, body }) => [url, body.toString()])).toEqual([['/x', 'hello']]);
  });
});

describe.each(MOUNTINGS)('pipelined requests, %s', (mounting) => {
  /** Answers with the path; `/slow` waits until another request has been answered. */
  function answerPath(): RawRequestHandler {
    let release: (() => void) | undefined;
    return async ({ url, headers }, socket) => {
      if (url.startsWith('/slow')) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      } else release?.();
      reply(socket, 200, { 'x-path': url }, `${url} for ${headers.authorization ?? 'nobody'}`);
    };
  }

  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting, onRequest: answerPath() });
  });

  afterAll(() => gateway.close());

  it('are answered in their order, even if the first takes longer (row 19)', async () => {
    const client = rawClient(gateway.port);
    client.write(get('/slow') + get('/fast'));
    expect((await client.response()).body.toString()).toBe('/slow for nobody');
    expect((await client.response()).body.toString()).toBe('/fast for nobody');
    client.destroy();
  });

  it('never lend each other an identity (row 19)', async () => {
    const client = rawClient(gateway.port);
    client.write(
      get('/first', 'Authorization: Bearer alice', 'Cookie: session=alice', 'X-Request-Id: alice') +
        get('/second') +
        get('/third', 'Authorization: Bearer carol'),
    );
    const bodies = [];
    for (let count = 0; count < 3; count++) bodies.push((await client.response()).body.toString());
    expect(bodies).toEqual(['/first for Bearer alice', '/second for nobody', '/third for Bearer carol']);
    const second = gateway.upstream.requests.find(({ url }) => url === '/second');
    expect(second?.head).not.toContain('alice');
    client.destroy();
  });

  it('behind a body are told from the body (row 19)', async () => {
    const body = get('/inside');
    const head = lines('POST /outer HTTP/1.1', 'Host: gateway.test', `Content-Length: ${body.length}`, '');
    const { arrived } = await observe(gateway, head + body + get('/behind'));
    expect(arrived.map(({ url }) => url).sort()).toEqual(['/behind', '/outer']);
  });

  it('behind a refused one are never run, good as they may be (row 19)', async () => {
    await expectRefused(gateway, get('/%zz') + get('/one') + get('/two'));
  });

  it('behind a refused one are never run when they come in a packet of their own (row 19)', async () => {
    const client = rawClient(gateway.port);
    client.write(get('/%zz'));
    expect((await client.response()).status).toBe(400);
    client.write(SMUGGLED);
    expect((await client.readAll()).toString('latin1')).toBe('');
    const { arrived } = await observe(gateway, get('/probe'));
    expect(arrived.map(({ url }) => url)).toEqual(['/probe']);
  });

  it('behind one that asked to close are never run (row 19)', async () => {
    const { arrived, raw } = await observe(gateway, get('/last', 'Connection: close') + SMUGGLED);
    expect(arrived.map(({ url }) => url)).toEqual(['/last']);
    expect(raw.match(/^HTTP\//gm)).toHaveLength(1);
  });

  it('behind a refused one are run where the connection is sound: a 404 ends nothing (row 19)', async () => {
    const other = await front((target) => ({ routes: [{ path: '/known', target, stripPrefix: false }] }), { mounting });
    const client = rawClient(other.port);
    client.write(get('/unknown') + get('/known'));
    expect((await client.response()).status).toBe(404);
    expect((await client.response()).status).toBe(200);
    client.destroy();
    await other.close();
  });
});

describe('a method that no route takes', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front((target) => ({
      routes: [
        { path: '/', target },
        { path: '/read', target, methods: ['GET'] },
        { path: '/write', target, methods: ['POST', 'PUT'] },
      ],
    }));
  });

  afterAll(() => gateway.close());

  it.each([
    ['POST', '/read', 'GET, HEAD'],
    ['DELETE', '/read/x', 'GET, HEAD'],
    ['OPTIONS', '/read', 'GET, HEAD'],
    ['PROPFIND', '/read', 'GET, HEAD'],
    ['M-SEARCH', '/read', 'GET, HEAD'],
    ['GET', '/write', 'POST, PUT'],
    ['HEAD', '/write', 'POST, PUT'],
  ])('%s %s gets 405 with Allow: %s (row 15)', async (method, path, allow) => {
    const data = lines(`${method} ${path} HTTP/1.1`, 'Host: gateway.test', '');
    const { bytes, response } = await observe(gateway, data, method === 'HEAD');
    expect(bytes).toBe('');
    expect(response?.status).toBe(405);
    expect(response?.headers.allow).toBe(allow);
  });

  it.each(['X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'])(
    'is not let in by %s (row 15)',
    async (field) => {
      const { arrived } = await observe(gateway, get('/read', field));
      expect(arrived).toMatchObject([{ method: 'GET' }]);
    },
  );
});
