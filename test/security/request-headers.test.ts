import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { gateway, serve } from '../../src/adapters/node/index.js';
import type { Middleware } from '../../src/core/types.js';
import type { GatewayConfig, RouteConfig } from '../../src/gateway/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import { exchange } from '../support/raw-client.js';
import { rawUpstream, type RawRequest, type RawUpstream } from '../support/raw-upstream.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started {
  readonly port: number;
  readonly origin: RawUpstream;
}

/** A gateway on a fixed clock, with ids that repeat, in front of an upstream that believes everything. */
async function start(
  config: Partial<GatewayConfig> = {},
  route: Partial<RouteConfig> = {},
  onRequest?: Parameters<typeof rawUpstream>[0],
): Promise<Started> {
  const origin = await rawUpstream(onRequest);
  const running = await serve(
    {
      accessLog: false,
      clock: new FakeClock(),
      requestId: { generate: () => 'made-here' },
      routes: [{ path: '/', target: origin.url, ...route }],
      ...config,
    },
    { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0 },
  );
  cleanups.push(
    () => running.close(),
    () => origin.close(),
  );
  return { port: Number(new URL(running.url).port), origin };
}

function get(...lines: readonly string[]): string {
  return ['GET /a?b HTTP/1.1', 'Host: shop.test', ...lines, '', ''].join('\r\n');
}

/** What the gateway itself writes for such a request. */
const OWN_LINES = [
  'x-forwarded-for: 127.0.0.1',
  'x-forwarded-proto: http',
  'x-forwarded-host: shop.test',
  'x-forwarded-port: 80',
  'forwarded: for=127.0.0.1;host=shop.test;proto=http',
  'via: 1.1 innergate',
  'x-request-id: made-here',
  'x-gateway-timestamp: 2026-01-01T00:00:00.000Z',
];

function headWith(...relayed: readonly string[]): string {
  return ['GET /a?b HTTP/1.1', 'host: shop.test', 'connection: keep-alive', ...relayed, ...OWN_LINES, '', ''].join(
    '\r\n',
  );
}

async function headFor(data: string, config: Partial<GatewayConfig> = {}): Promise<string> {
  const { port, origin } = await start(config);
  const { response } = await exchange(port, data, { settleMs: 1 });
  expect(response?.status).toBe(200);
  expect(origin.requests).toHaveLength(1);
  // Whether this one is there is up to the gateway; with any other value it stays and fails the comparison.
  return origin.received(0).toString('latin1').replace('\r\nx-real-ip: 127.0.0.1\r\n', '\r\n');
}

function valuesOf(request: RawRequest | undefined, name: string): string[] {
  return (request?.rawHeaders ?? []).filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** Sets fields on the copy of the request that goes upstream, as authentication or a transform does. */
function writes(fields: Readonly<Record<string, string>>): Middleware {
  return function writeFields(ctx, next) {
    Object.assign(ctx.draft().headers, fields);
    return next(ctx);
  };
}

describe('the head that reaches the upstream', () => {
  it('is what the client sent, and what the gateway vouches for, byte for byte', async () => {
    expect(await headFor(get('Accept: */*', 'X-Odd:  two  words\t', 'Empty:'))).toBe(
      headWith('accept: */*', 'x-odd: two  words', 'empty: '),
    );
  });

  it('carries none of the fields of the client connection', async () => {
    const sent = [
      ...['Connection: keep-alive', 'Keep-Alive: timeout=5, max=9', 'Proxy-Connection: keep-alive'],
      ...['TE: trailers, deflate;q=0.5', 'Trailer: Expires', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAA'],
      ...['Proxy-Authorization: Basic c2VjcmV0', 'Proxy-Authenticate: Basic'],
    ];
    expect(await headFor(get(...sent))).toBe(headWith());
  });

  it('carries none of them in underscores either', async () => {
    const sent = ['Proxy_Connection: keep-alive', 'Keep_Alive: timeout=5', 'Transfer_Encoding: chunked'];
    expect(await headFor(get(...sent))).toBe(headWith());
  });

  it.each(['Keep-Alive: timeout=5, max=100', 'Keep-Alive:', 'Expect: 100-continue', 'Upgrade: h2c'])(
    '%j alone is not a failure of the gateway',
    async (line) => {
      expect(await headFor(get(line))).toBe(headWith());
    },
  );

  it('loses the field that the client names in Connection', async () => {
    expect(await headFor(get('Connection: keep-alive, X-Hop', 'X-Hop: secret', 'X-Stays: 1'))).toBe(
      headWith('x-stays: 1'),
    );
  });

  it.each([
    ['two lines', ['Connection: X-Hop', 'Connection: X-Other']],
    ['odd case and spacing', ['Connection: ,\tx-HOP ,,  X-OTHER,']],
    ['close as well', ['Connection: close, X-Hop, X-Other']],
  ])('loses fields that are nominated in %s', async (_what, lines) => {
    expect(await headFor(get(...lines, 'X-Hop: 1', 'X-Other: 2', 'X-Stays: 3'))).toBe(headWith('x-stays: 3'));
  });

  it('keeps credentials, cookies, trace context and its own fields when a client nominates them', async () => {
    const nominated =
      'Authorization, Cookie, Host, Content-Length, Content-Type, Traceparent, Tracestate, Cache-Control, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Real-IP, Forwarded, Via, X-Request-Id, X-Gateway-Timestamp';
    const kept = [
      ...[
        'authorization: Bearer abc',
        'cookie: a=1',
        'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      ],
      ...['tracestate: x=1', 'cache-control: no-cache', 'content-type: text/plain'],
    ];
    expect(await headFor(get(`Connection: ${nominated}`, ...kept))).toBe(headWith(...kept));
  });

  it('keeps the length of a body whose Content-Length is nominated', async () => {
    const { port, origin } = await start();
    await exchange(
      port,
      'POST / HTTP/1.1\r\nHost: shop.test\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(origin.requests).toMatchObject([{ complete: true, headers: { 'content-length': '5' } }]);
    expect(origin.received(0).subarray(-9).toString()).toBe('\r\n\r\nhello');
  });

  it.each(['x-user-id', 'x-user-roles', 'x-consumer-id'])(
    'keeps %s of the gateway when a client nominates it',
    async (name) => {
      const data = get(`Connection: ${name}`, `${name}: forged`);
      expect(await headFor(data, { use: [writes({ [name]: 'proven' })] })).toBe(headWith(`${name}: proven`));
    },
  );

  it('keeps any field that a middleware wrote when a client nominates it', async () => {
    expect(await headFor(get('Connection: X-Tenant'), { use: [writes({ 'x-tenant': 't1' })] })).toBe(
      headWith('x-tenant: t1'),
    );
  });
});

describe('forwarded fields', () => {
  const FORGED = [
    ...[
      'X-Forwarded-For: 1.1.1.1',
      'X-Forwarded-For: 2.2.2.2',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.test',
    ],
    ...['X-Forwarded-Port: 443', 'X-Real-IP: 1.1.1.1', 'Forwarded: for=1.1.1.1;proto=https;host=evil.test'],
    ...['X_Forwarded_For: 1.1.1.1', 'X_Real_IP: 1.1.1.1', 'X_Forwarded-Host: evil.test', 'X-Gateway-Timestamp: 1999'],
  ];

  it('are replaced where nobody is trusted', async () => {
    expect(await headFor(get(...FORGED))).toBe(headWith());
  });

  it.each<[string, GatewayConfig['trustProxy']]>([
    ['a block that the peer is not in', '10.0.0.0/8'],
    ['no proxy', 0],
    ['false', false],
  ])('are replaced where %s is trusted', async (_what, trustProxy = false) => {
    expect(await headFor(get(...FORGED), { trustProxy })).toBe(headWith());
  });

  async function trusted(
    trustProxy: NonNullable<GatewayConfig['trustProxy']>,
    ...lines: string[]
  ): Promise<RawRequest> {
    const { port, origin } = await start({ trustProxy });
    await exchange(port, get(...lines), { settleMs: 1 });
    return origin.requests[0] as RawRequest;
  }

  it('are taken one hop back from one trusted proxy, and the claims behind it are dropped', async () => {
    const { headers } = await trusted(
      1,
      'X-Forwarded-For: 6.6.6.6, 203.0.113.9',
      'X-Forwarded-Proto: http, https',
      'X-Forwarded-Host: evil.test, public.test:8443',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
    );
    expect(headers).toMatchObject({
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-real-ip': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'public.test:8443',
      'x-forwarded-port': '8443',
      forwarded: 'for=203.0.113.9;host="public.test:8443";proto=https, for=127.0.0.1',
    });
  });

  it('name the rightmost address outside the trusted blocks as the client', async () => {
    const { rawHeaders, headers } = await trusted(
      ['loopback', '10.0.0.0/8'],
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-For: 2001:db8::7, 10.1.2.3',
      'X-Real-IP: 6.6.6.6',
    );
    expect(headers).toMatchObject({
      'x-forwarded-for': '2001:db8::7, 10.1.2.3, 127.0.0.1',
      'x-real-ip': '2001:db8::7',
      forwarded: 'for="[2001:db8::7]";host=shop.test;proto=http, for=10.1.2.3, for=127.0.0.1',
    });
    expect(rawHeaders.filter(([name]) => /^x-forwarded-for$/i.test(name))).toHaveLength(1);
  });

  it.each(['unknown', '_hidden', '1.2.3.4.5', 'evil\u00e9', '<script>', '127.0.0.1 OR 1=1'])(
    'from a trusted proxy that name %j for a client end at the proxy',
    async (claim) => {
      const { headers } = await trusted(1, `X-Forwarded-For: ${claim}`, `X-Real-IP: ${claim}`);
      expect([headers['x-forwarded-for'], headers['x-real-ip']]).toEqual(['127.0.0.1', '127.0.0.1']);
    },
  );

  it.each(['gopher', 'https;x', ''])(
    'from a trusted proxy with %j for a protocol keep that of the connection',
    async (claim) => {
      const { headers } = await trusted(1, 'X-Forwarded-For: 203.0.113.9', `X-Forwarded-Proto: ${claim}`);
      expect(headers['x-forwarded-proto']).toBe('http');
    },
  );

  it.each(['a@b', 'a/b', 'a"b', ''])(
    'from a trusted proxy with %j for a host keep the one of the request',
    async (claim) => {
      const { headers } = await trusted(1, 'X-Forwarded-For: 203.0.113.9', `X-Forwarded-Host: ${claim}`);
      expect(headers['x-forwarded-host']).toBe('shop.test');
    },
  );

  it('append the gateway to the Via of the client', async () => {
    const { headers } = await trusted(0, 'Via: 1.0 a', 'Via: 1.1 b');
    expect(headers.via).toBe('1.0 a, 1.1 b, 1.1 innergate');
  });
});

describe('identity fields of a client', () => {
  const NAMES = ['x-user-id', 'x-user-role', 'x-user-roles', 'x-consumer-id'];
  const SPELLINGS = NAMES.flatMap((name) => [
    name,
    name.toUpperCase(),
    name.replaceAll('-', '_'),
    name.replace('-', '_'),
    name.replaceAll('-', '_').toUpperCase(),
  ]);
  const LINES = SPELLINGS.map((name) => `${name}: forged`);

  it.each(SPELLINGS)('%s never reaches the upstream', async (name) => {
    expect(await headFor(get(`${name}: forged`, `${name}: twice`))).toBe(headWith());
  });

  it('do not reach it beside a body of unknown length, which the gateway counts', async () => {
    const { port, origin } = await start();
    const head = ['POST / HTTP/1.1', 'Host: shop.test', ...LINES, 'Transfer-Encoding: chunked', '', ''].join('\r\n');
    await exchange(port, `${head}1\r\nx\r\n0\r\n\r\n`);
    expect(origin.received(0).toString('latin1')).not.toMatch(/forged/);
    expect(origin.requests).toMatchObject([{ complete: true }]);
  });

  it('do not reach it on a route whose middleware writes its own', async () => {
    const head = await headFor(get(...LINES), { use: [writes({ 'x-user-id': 'u1' })] });
    expect(head).toBe(headWith('x-user-id: u1'));
  });

  it('do not reach it in the trailers of a body', async () => {
    const { port, origin } = await start();
    const trailers = `${LINES.join('\r\n')}\r\nAuthorization: Bearer forged\r\n`;
    const head = 'POST / HTTP/1.1\r\nHost: shop.test\r\nTrailer: X-User-Id\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { response } = await exchange(port, `${head}1\r\nx\r\n0\r\n${trailers}\r\n`);
    expect(response?.status).toBe(200);
    expect(origin.requests).toMatchObject([{ complete: true, trailers: [] }]);
    expect(origin.received(0).toString('latin1')).not.toMatch(/forged|trailer/i);
  });
});

describe('a field that may be sent once', () => {
  it.each([
    ['Authorization', ['Authorization: Bearer a', 'Authorization: Bearer b']],
    ['Authorization in another case', ['Authorization: Bearer a', 'aUTHORIZATION: Bearer a']],
    ['Host', ['Host: other.test']],
    ['the same Host', ['Host: shop.test']],
    ['Content-Type', ['Content-Type: text/plain', 'Content-Type: text/html']],
    ['Proxy-Authorization', ['Proxy-Authorization: Basic a', 'Proxy-Authorization: Basic b']],
    ['Content-Length', ['Content-Length: 0', 'Content-Length: 0']],
    ['Content-Length with two values', ['Content-Length: 1', 'Content-Length: 2']],
  ])('is refused when it comes twice: %s', async (_what, lines) => {
    const { port, origin } = await start();
    const { response, closed } = await exchange(port, get(...lines));
    expect(response).toMatchObject({ status: 400, headers: { connection: 'close' } });
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });
});

describe('cookies of a client', () => {
  it('that come in several lines go on in one', async () => {
    expect(await headFor(get('Cookie: a=1; b=2', 'Accept: */*', 'Cookie: c=3'))).toBe(
      headWith('cookie: a=1; b=2; c=3', 'accept: */*'),
    );
  });

  it('leave other repeated fields joined with a comma', async () => {
    expect(await headFor(get('Accept: a', 'Accept: b', 'X-Odd: 1', 'X-Odd: 2'))).toBe(
      headWith('accept: a, b', 'x-odd: 1, 2'),
    );
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('a field called %s is a field', async (name) => {
    expect(await headFor(get(`${name}: 1`, `${name}: 2`))).toBe(headWith(`${name.toLowerCase()}: 1, 2`));
  });
});

describe('a request id', () => {
  it.each(['abc', 'A.b_c-9', 'x'.repeat(128)])('%j of the client is kept', async (id) => {
    const { port, origin } = await start();
    const { response } = await exchange(port, get(`X-Request-Id: ${id}`));
    expect(response?.headers['x-request-id']).toBe(id);
    expect(valuesOf(origin.requests[0], 'x-request-id')).toEqual([id]);
  });

  it.each(['', 'a b', 'x'.repeat(129), 'a"b', '<script>', 'a;b', '\u00e9', 'a\tb', '${jndi:ldap://x}'])(
    '%j of the client is replaced',
    async (id) => {
      const { port, origin } = await start();
      const { response } = await exchange(port, get(`X-Request-Id: ${id}`));
      expect(response?.headers['x-request-id']).toBe('made-here');
      expect(valuesOf(origin.requests[0], 'x-request-id')).toEqual(['made-here']);
    },
  );

  it('that comes twice is replaced', async () => {
    const { port, origin } = await start();
    await exchange(port, get('X-Request-Id: a', 'X-Request-Id: b'));
    expect(valuesOf(origin.requests[0], 'x-request-id')).toEqual(['made-here']);
  });

  it.each(['a\r\nX-Injected: 1', 'a\nb', 'a\0b', '\u{1f600}'])(
    'generated as %j breaks neither the request nor the answer',
    async (id) => {
      const { port, origin } = await start({ requestId: { generate: () => id } });
      const { response, raw } = await exchange(port, get());
      expect(response).toMatchObject({ status: 200, body: Buffer.from('ok') });
      expect(raw).not.toMatch(/^x-injected/im);
      expect(origin.requests).toHaveLength(1);
      expect(origin.received(0).toString('latin1')).not.toMatch(/^x-injected/im);
    },
  );
});

describe('a value that the gateway writes upstream', () => {
  it.each([
    ['CR LF', 'a\r\nX-Injected: 1'],
    ['LF', 'a\nX-Injected: 1'],
    ['CR', 'a\rX-Injected: 1'],
    ['NUL', 'a\0b'],
    ['an emoji', 'Zo\u00eb \u{1f600}'],
  ])('with %s in it is encoded or dropped, and the request goes on', async (_what, value) => {
    const { port, origin } = await start({ use: [writes({ 'x-user-name': value })] });
    const { response } = await exchange(port, get('X-Stays: 1'));
    expect(response?.status).toBe(200);
    expect(valuesOf(origin.requests[0], 'x-stays')).toEqual(['1']);
    expect(origin.received(0).toString('latin1')).not.toMatch(/^x-injected/im);
    expect(origin.requests).toHaveLength(1);
  });
});

describe('a head that is too big', () => {
  it('is 431 and ends the connection', async () => {
    const { port, origin } = await start();
    const { response, closed } = await exchange(port, get(`X-Big: ${'x'.repeat(17_000)}`));
    expect(response).toMatchObject({ status: 431, headers: { connection: 'close' } });
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });

  it('for its URL is 414 or 431 and ends the connection', async () => {
    const { port, origin } = await start();
    const { response, closed } = await exchange(port, `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: shop.test\r\n\r\n`);
    expect([414, 431]).toContain(response?.status);
    expect(response?.headers.connection).toBe('close');
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });

  const manyLines = (count: number): string[] => Array.from({ length: count - 1 }, (_, index) => `n:${index % 10}`);

  it.each([1_000, 2_000])('in %d lines is 431 and ends the connection', async (count) => {
    const { port, origin } = await start();
    const { response, closed } = await exchange(port, get(...manyLines(count)));
    expect(response).toMatchObject({ status: 431, headers: { connection: 'close' } });
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });

  it.each([1_000, 2_000, 2_600])('in %d lines is 431 in a server of somebody else too', async (count) => {
    const origin = await rawUpstream();
    const mounted = gateway({ accessLog: false, routes: [{ path: '/', target: origin.url }] });
    const server = await listen(createServer(mounted));
    cleanups.push(
      () => server.close(),
      () => mounted.close({ timeoutMs: 0 }),
      () => origin.close(),
    );
    const { response, closed } = await exchange(server.port, get(...manyLines(count), 'Authorization: Bearer last'));
    expect(response).toMatchObject({ status: 431, headers: { connection: 'close' } });
    expect(closed).toBe(true);
    expect(origin.accepted).toBe(0);
  });

  it('just below the limit arrives with its last line', async () => {
    const { port, origin } = await start();
    const { response } = await exchange(port, get(...manyLines(998), 'X-Last: 1'));
    expect(response?.status).toBe(200);
    const { headers } = origin.requests[0] as RawRequest;
    expect(headers['x-last']).toBe('1');
    expect(headers.n?.split(', ')).toHaveLength(997);
  });
});

describe('bytes above ASCII in the head of a request', () => {
  const LATIN = 'Zo\u00eb \u00ff\u0080';
  const UTF8 = Buffer.from('na\u00efve \u{1f600}').toString('latin1');

  it.each([LATIN, UTF8])('%j arrive as they were sent', async (value) => {
    expect(await headFor(get(`X-Name: ${value}`))).toBe(headWith(`x-name: ${value}`));
  });

  it('arrive as they were sent beside a streamed body', async () => {
    const { port, origin } = await start();
    const head = `POST / HTTP/1.1\r\nHost: shop.test\r\nX-Name: ${UTF8}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await exchange(port, `${head}3\r\nabc\r\n0\r\n\r\n`);
    expect(valuesOf(origin.requests[0], 'x-name')).toEqual([UTF8]);
  });

  it('arrive as they were sent beside a body of known length', async () => {
    const { port, origin } = await start();
    await exchange(port, `POST / HTTP/1.1\r\nHost: shop.test\r\nX-Name: ${LATIN}\r\nContent-Length: 3\r\n\r\nabc`);
    expect(valuesOf(origin.requests[0], 'x-name')).toEqual([LATIN]);
    expect(origin.requests[0]?.body.toString()).toBe('abc');
  });
});
