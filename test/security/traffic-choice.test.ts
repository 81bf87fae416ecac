/** What clients choose by: sides of a split, versions and tenants; and the copies that they must not see. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type GatewayConfig, type RouteConfig } from '../../src/gateway/index.js';
import { SECRET, tokenOf } from '../auth/jwt/support.js';
import {
  failOnUncaught,
  MB,
  pump,
  send,
  startGateway,
  startRawUpstream,
  startUpstream,
  times,
  type RunningGateway,
} from '../integration/harness.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { exchange } from '../support/raw-client.js';
import { reply, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';
import { type Echo, type Upstream } from '../support/upstream.js';
import { get, lines, SMUGGLED } from './front.js';

failOnUncaught();

function named(name: string): Promise<Upstream> {
  return startUpstream((_request, response) => response.end(name));
}

async function gatewayOf(
  route: Omit<RouteConfig, 'path'>,
  config: Partial<GatewayConfig> = {},
): Promise<RunningGateway> {
  return startGateway({ ...config, routes: [{ path: '/', ...route }] });
}

interface Told {
  readonly status: number;
  readonly text: string;
  readonly head: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The one answer to bytes on a connection of their own. */
async function ask({ port }: { readonly port: number }, data: string, head = false): Promise<Told> {
  const { response, raw } = await exchange(port, data, { settleMs: 5, head });
  expect(raw.match(/^HTTP\//gm), 'answers').toHaveLength(1);
  const [headOnly = ''] = raw.split('\r\n\r\n');
  const { status = 0, body = Buffer.alloc(0), headers = {} } = response ?? {};
  return { status, text: body.toString(), head: headOnly, headers };
}

/** Values that a client may send in the place of a name, as bytes of a field. */
const ODD: readonly [name: string, value: string][] = [
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['toString', 'toString'],
  ['hasOwnProperty', 'hasOwnProperty'],
  ['a list', 'acme, umbrella'],
  ['a list of the same', 'acme, acme'],
  ['a comma at its end', 'acme,'],
  ['JSON', '["acme"]'],
  ['another case', 'ACME'],
  ['a Cyrillic look-alike', Buffer.from('асme').toString('latin1')],
  ['wide letters', Buffer.from('ａｃｍｅ').toString('latin1')],
  ['a joiner inside', Buffer.from('ac\u200dme').toString('latin1')],
  ['an encoded letter', '%61cme'],
  ['quotation marks', '"acme"'],
  ['a slash', 'acme/../umbrella'],
  ['a tab inside', 'ac\tme'],
  ['12 KB', 'a'.repeat(12_000)],
  ['a script', '<script>alert(1)</script>'],
];

describe('tenants by a header', () => {
  async function tenanted(more: Partial<NonNullable<RouteConfig['tenant']>> = {}): Promise<RunningGateway> {
    const [acme, umbrella, usual] = await Promise.all(['acme', 'umbrella', 'usual'].map(named));
    const of = (upstream: Upstream | undefined): object => ({ to: { target: upstream?.url } });
    const all = { acme: of(acme), umbrella: of(umbrella), usual: of(usual) };
    return gatewayOf({ tenant: { by: { header: 'x-tenant' }, tenants: all, ...more } as never });
  }

  it.each(ODD)('are chosen by no other name: %s', async (_name, value) => {
    const running = await tenanted();
    expect((await ask(running, get('/', 'X-Tenant: acme'))).text).toBe('acme');
    const { status, text, head } = await ask(running, get('/', `X-Tenant: ${value}`));
    expect([status, text]).toEqual([404, expect.stringContaining('ERR_GATEWAY_TENANT_UNKNOWN')]);
    expect(head + text).not.toMatch(/acme|umbrella|usual|127\.0\.0\.1|script/i);
    await eventually(() => running.log.length === 2);
    expect(JSON.stringify(running.log[1]).length).toBeLessThan(1_500);
  });

  it('get nothing by default where a name is unknown', async () => {
    const running = await tenanted({ default: 'usual' });
    expect((await ask(running, get('/'))).text).toBe('usual');
    expect((await ask(running, get('/', 'X-Tenant:'))).text).toBe('usual');
    expect((await ask(running, get('/', 'X-Tenant: nobody'))).status).toBe(404);
  });

  it.each([
    ['of two tenants', ['X-Tenant: acme', 'X-Tenant: umbrella']],
    ['of the same tenant', ['X-Tenant: acme', 'X-Tenant: acme']],
    ['in two spellings', ['X-Tenant: acme', 'x-tEnAnT: umbrella']],
    ['the first of which is empty', ['X-Tenant:', 'X-Tenant: acme', 'X-Tenant: umbrella']],
  ])('are chosen by none of two fields %s', async (_name, fields) => {
    const running = await tenanted({ default: 'usual' });
    for (let again = 0; again < 3; again++) {
      const { status, text } = await ask(running, get('/', ...fields));
      expect(status).toBe(404);
      expect(text).not.toMatch(/acme|umbrella/);
    }
  });

  it.each([
    ['CR LF', 'X-Tenant: acme\r\n umbrella'],
    ['a bare CR', 'X-Tenant: acme\rX-Other: umbrella'],
    ['a bare LF', 'X-Tenant: acme\nX-Tenant: umbrella'],
    ['NUL', 'X-Tenant: acme\0'],
    ['a space before the colon', 'X-Tenant : acme'],
    ['64 KB', `X-Tenant: ${'a'.repeat(65_536)}`],
  ])('are not reached by a field with %s', async (_name, field) => {
    const running = await tenanted();
    const { response, raw } = await exchange(running.port, get('/', field), { settleMs: 5 });
    expect([400, 404, 431]).toContain(response?.status);
    expect(raw).not.toMatch(/\r\n\r\n(?:acme|umbrella)/);
  });

  it('are told to caches on every answer, refusals too', async () => {
    const running = await tenanted();
    for (const data of [get('/', 'X-Tenant: acme'), get('/', 'X-Tenant: nobody'), get('/')])
      expect((await ask(running, data)).headers.vary).toMatch(/x-tenant/i);
  });
});

describe('tenants by host', () => {
  async function hosted(config: Partial<GatewayConfig> = {}): Promise<RunningGateway> {
    const [acme, umbrella] = [await named('acme'), await named('umbrella')];
    return gatewayOf(
      {
        tenant: {
          by: 'host',
          tenants: {
            acme: { to: { target: acme.url }, hosts: ['acme.test', '*.acme.test'] },
            umbrella: { to: { target: umbrella.url }, hosts: ['umbrella.test'] },
          },
        },
      },
      config,
    );
  }

  function from(host: string, ...fields: string[]): string {
    return lines('GET / HTTP/1.1', `Host: ${host}`, ...fields, '');
  }

  it.each([
    'acme.test',
    'acme.test:80',
    'acme.test:65535',
    'acme.test.',
    'ACME.test',
    'aCmE.TeSt.:8080',
    'a.b.acme.test',
  ])('are the same in whatever spelling: %s', async (host) => {
    expect((await ask(await hosted(), from(host))).text).toBe('acme');
  });

  it.each([
    'umbrella.test.acme.evil.test',
    'acme.test.evil.test',
    'evilacme.test',
    '.acme.test',
    'acme.test..',
    'acme_test',
    '*.acme.test',
    'acme.test@umbrella.test',
    'umbrella.test,acme.test',
    'umbrella.test acme.test',
    'acme.test/umbrella.test',
    'acme.test%00',
    'acme.test:80:80',
    'acme.test:x',
    '[::1]',
    '127.0.0.1',
    '__proto__',
    'constructor',
    '',
    `${'a.'.repeat(8_000)}acme.test`,
  ])('are nobody behind a host that is none of theirs: %j', async (host) => {
    const { status, text } = await ask(await hosted(), from(host));
    const isBelow = host === '*.acme.test' || host === '.acme.test';
    if (isBelow) expect(text === 'acme' || status >= 400).toBe(true);
    else {
      expect([400, 404, 431]).toContain(status);
      expect(text).not.toMatch(/umbrella|acme/);
    }
  });

  it('are not chosen by what an untrusted client forwards', async () => {
    const running = await hosted();
    const fields = [
      'X-Forwarded-Host: umbrella.test',
      'Forwarded: for=1.2.3.4;host=umbrella.test',
      'X-Host: umbrella.test',
    ];
    fields.push('X-Original-Host: umbrella.test', ':authority: umbrella.test'.slice(1), 'X-Forwarded-For: 127.0.0.1');
    const { text } = await ask(running, from('acme.test', ...fields));
    expect(text).toBe('acme');
    expect((await ask(running, from('nobody.test', ...fields))).status).toBe(404);
    const trusting = await hosted({ trustProxy: 'loopback' });
    expect((await ask(trusting, from('acme.test', ...fields))).text).toBe('umbrella');
  });

  it('are not chosen by two hosts at once', async () => {
    const running = await hosted();
    for (const data of [
      from('acme.test', 'Host: umbrella.test'),
      lines('GET http://umbrella.test/ HTTP/1.1', 'Host: acme.test', ''),
      lines('GET / HTTP/1.1', 'X-No-Host: acme.test', ''),
    ])
      expect((await ask(running, data)).status).toBe(400);
  });
});

describe('tenants of callers', () => {
  async function guardedTenants(by: NonNullable<RouteConfig['tenant']>['by']): Promise<RunningGateway> {
    const [acme, umbrella] = [await named('acme'), await named('umbrella')];
    return gatewayOf(
      {
        auth: { jwt: { secret: SECRET, algorithms: ['HS256'] } },
        tenant: { by, tenants: { acme: { to: { target: acme.url } }, umbrella: { to: { target: umbrella.url } } } },
      },
      { clock: new FakeClock() },
    );
  }

  function as(claims: Readonly<Record<string, unknown>>, ...fields: string[]): string {
    return get('/', `Authorization: Bearer ${tokenOf(claims)}`, 'Connection: close', ...fields);
  }

  it('are held against the token, whatever the header says', async () => {
    const running = await guardedTenants({ header: 'x-tenant' });
    const acme = { tenant: 'acme' };
    expect((await ask(running, as(acme, 'X-Tenant: acme'))).text).toBe('acme');
    const refused: string[] = [];
    for (const name of ['umbrella', 'nobody', '__proto__', 'ACME', 'acme, umbrella', 'constructor']) {
      const { status, text } = await ask(running, as(acme, `X-Tenant: ${name}`));
      expect(status, name).toBe(403);
      refused.push(text.replace(/"requestId":"[^"]*"|"instance":"[^"]*"/g, ''));
    }
    // One that there is looks like one that there is not.
    expect(new Set(refused).size).toBe(1);
    expect(refused[0]).not.toMatch(/umbrella|acme/);
    expect((await ask(running, as(acme, 'X-Tenant: umbrella', 'X-Tenant: acme'))).status).toBe(403);
  });

  it('by claim are only what the token proves', async () => {
    const running = await guardedTenants([{ claim: 'org' }, 'tenant']);
    expect((await ask(running, as({ org: 'umbrella' }, 'X-Tenant: acme'))).text).toBe('umbrella');
    expect((await ask(running, as({ tenant: 'acme' }, 'org: umbrella'))).text).toBe('acme');
    for (const org of ['__proto__', 'constructor', ['acme'], { acme: 1 }, true, '', 0, null])
      expect((await ask(running, as({ org }))).status, JSON.stringify(org)).toBe(404);
    const { status, text } = await ask(running, get('/', 'org: acme', 'X-Tenant: acme', 'Connection: close'));
    expect([status, text.includes('acme')]).toEqual([401, false]);
  });

  it('by an inherited claim are nobody', async () => {
    const running = await guardedTenants({ claim: 'toString' });
    expect((await ask(running, as({}))).status).toBe(404);
  });
});

describe('versions', () => {
  async function versioned(): Promise<RunningGateway> {
    const [one, two] = [await named('one'), await named('two')];
    return gatewayOf({
      version: {
        by: [{ header: 'x-version' }, { vendor: 'acme' }, { accept: 'version' }, { query: 'v' }],
        versions: { 1: { to: { target: one.url }, deprecated: '2026-01-01' }, 2: { to: { target: two.url } } },
        default: '2',
      },
    });
  }

  it.each([
    ...ODD.filter(([name]) => !/comma|tab/.test(name)),
    ['a number that is another text', '01'],
    ['a number with a point', '1.0'],
    ['a letter too many', 'vv1'],
    ['an Arabic digit', Buffer.from('١').toString('latin1')],
  ])('are none by another name: %s', async (_name, value) => {
    const running = await versioned();
    const { status, text, headers } = await ask(running, get('/', `X-Version: ${value}`));
    expect([status, text]).toEqual([404, expect.stringContaining('ERR_GATEWAY_VERSION_UNKNOWN')]);
    expect(text).not.toContain(value === 'constructor' ? 'constructor' : `"${value}"`);
    expect(headers.deprecation).toBeUndefined();
    expect(headers.vary?.toLowerCase()).toBe('x-version, accept');
  });

  it('are not confused by an Accept that never ends', async () => {
    const running = await versioned();
    const accepts = ['application/vnd.acme.'.repeat(500), ',;='.repeat(4_000), 'a/b;version="'.repeat(800)];
    accepts.push(`application/vnd.acme${'.v'.repeat(5_000)}`, '*/*;q=0.'.padEnd(12_000, '0'), 'a/b;version=__proto__');
    for (const accept of accepts) {
      const { status } = await ask(running, get('/', `Accept: ${accept}`));
      expect([200, 404]).toContain(status);
    }
  });

  it('go by the first of two queries, whatever the service takes', async () => {
    const running = await versioned();
    expect((await ask(running, get('/?v=1&v=2'))).text).toBe('one');
    expect((await ask(running, get('/?v[]=1'))).text).toBe('two');
    expect((await ask(running, get('/?__proto__=1&v=constructor'))).status).toBe(404);
  });

  it('are chosen by none of two fields', async () => {
    expect((await ask(await versioned(), get('/', 'X-Version: 1', 'X-Version: 2'))).status).toBe(404);
  });
});

describe('a split', () => {
  async function divided(more: Partial<NonNullable<RouteConfig['split']>> = {}): Promise<RunningGateway> {
    const [stable, canary] = [await startUpstream(), await named('canary')];
    return gatewayOf({
      split: {
        sticky: true,
        override: { cookie: 'side' },
        answerHeader: 'x-side',
        variants: { stable: { to: { target: stable.url } }, canary: { weight: 0, to: { target: canary.url } } },
        ...more,
      },
    });
  }

  it.each(ODD)('is not broken by a client that names a side by %s', async (_name, value) => {
    const running = await divided();
    const { status, headers, head } = await ask(running, get('/', `Cookie: side=${value}`));
    expect([status, headers['x-side']]).toEqual([200, 'stable']);
    expect(head).not.toMatch(/127\.0\.0\.1|canary/);
  });

  it('sends a client that names a canary there, and tells nothing more', async () => {
    const running = await divided();
    const { text, headers } = await ask(running, get('/', 'Cookie: side=canary; gateway-bucket=1'));
    expect([text, headers['x-side'], headers['set-cookie']]).toEqual(['canary', 'canary', undefined]);
  });

  it.each([
    'x',
    '-1',
    '1e9',
    'NaN',
    '0x10',
    '9'.repeat(9_000),
    '1\t2',
    '"',
    '"1',
    '__proto__',
    '٣',
    '%31',
    '1; gateway-bucket=2',
    '',
  ])('takes no forged bucket for its own: %j', async (value) => {
    const running = await divided();
    const { status, headers } = await ask(
      running,
      get('/', `Cookie: gateway-bucket=${Buffer.from(value).toString('latin1')}`),
    );
    expect(status).toBe(200);
    if (!value.startsWith('1;'))
      expect(headers['set-cookie']).toMatch(/^gateway-bucket=\d{1,9}; Max-Age=\d+; Path=\/; HttpOnly;/);
  });

  it('leaves every cookie of the answer in its place', async () => {
    const cookies = ['a=1; Path=/', 'gateway-bucket=own', 'b=2'];
    const service = await startUpstream((_request, response) => response.setHeader('set-cookie', cookies).end());
    const running = await gatewayOf({ split: { sticky: true, variants: { only: { to: { target: service.url } } } } });
    const { headers } = await send(running.url);
    expect(headers['set-cookie']?.slice(0, 3)).toEqual(cookies);
    expect(headers['set-cookie']).toHaveLength(4);
  });

  it.each(['a\r\nSet-Cookie: x=1', 'a\nb', 'a\0b', 'ü→', ' ', ''])(
    'does not start with a variant that would change the answer: %j',
    (name) => {
      const to = { target: 'http://127.0.0.1:1' };
      const routes = [{ path: '/', split: { answerHeader: 'x-side', variants: { [name]: { to } } } }];
      expect(() => createGateway({ routes })).toThrow(ConfigError);
    },
  );

  it.each(['x-side\r\nx', 'x side', 'x:', '', 'ü'])('does not start with such a field: %j', (answerHeader) => {
    const to = { target: 'http://127.0.0.1:1' };
    const routes = [{ path: '/', split: { answerHeader, variants: { a: { to } } } }];
    expect(() => createGateway({ routes })).toThrow(ConfigError);
  });

  it('keeps the names __proto__ and constructor for variants', async () => {
    const [proto, other] = [await named('proto'), await named('other')];
    const variants = JSON.parse(
      `{"__proto__":{"to":{"target":"${proto.url}"}},"constructor":{"to":{"target":"${other.url}"}}}`,
    ) as never;
    let running: RunningGateway;
    try {
      running = await gatewayOf({ split: { override: { header: 'x-side' }, variants } });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return;
    }
    expect((await ask(running, get('/', 'X-Side: __proto__'))).text).toBe('proto');
    expect((await ask(running, get('/', 'X-Side: constructor'))).text).toBe('other');
  });

  it('is told to caches, refusals of its sides included', async () => {
    const running = await gatewayOf({
      split: { override: { header: 'x-side' }, variants: { none: { to: { target: 'http://127.0.0.1:1' } } } },
    });
    const { status, headers } = await ask(running, get('/', 'X-Side: nothing'));
    expect([status, headers.vary]).toEqual([502, 'x-side']);
  });

  it('writes no side of its own into a log because of a client', async () => {
    const running = await divided();
    await times(30, (index) => ask(running, get('/', `Cookie: side=forged-${index}`)));
    await eventually(() => running.log.length === 30);
    expect(new Set(running.log.map((line) => (line as unknown as { variant: string }).variant))).toEqual(
      new Set(['stable']),
    );
  });
});

describe('a mirror', () => {
  interface Mirrored {
    readonly running: RunningGateway;
    readonly service: Upstream;
    readonly shadow: RawUpstream;
  }

  async function mirrored(onRequest?: RawRequestHandler, options: object = {}): Promise<Mirrored> {
    const [service, shadow] = [await startUpstream(), await startRawUpstream(onRequest)];
    const running = await gatewayOf({
      target: service.url,
      mirror: { to: { target: shadow.url }, methods: '*', ...options },
    });
    return { running, service, shadow };
  }

  it.each([
    ['plainly', ['X-Gateway-Shadow: 1']],
    ['twice', ['X-Gateway-Shadow: 1', 'x-gateway-shadow: 2']],
    ['with underscores', ['X_Gateway_Shadow: 1', 'X-Gateway_Shadow: 1']],
    ['and takes it away', ['X-Gateway-Shadow: 0', 'Connection: x-gateway-shadow']],
    ['as a field of the connection', ['Connection: keep-alive, X-Gateway-Shadow', 'X-Gateway-Shadow: 1']],
  ])('marks copies alone: a client that forges the mark %s', async (_name, fields) => {
    const { service, shadow, running } = await mirrored();
    const { status } = await ask(running, get('/', ...fields));
    expect(status).toBe(200);
    await eventually(() => shadow.requests.length === 1);
    const names = service.requests[0]?.rawHeaders.filter((_, at) => at % 2 === 0).join() ?? '';
    expect(names).not.toMatch(/gateway.shadow/i);
    const marks = shadow.requests[0]?.rawHeaders.filter(([name]) => /gateway.shadow/i.test(name)) ?? [];
    expect(marks.map(([name, value]) => `${name.toLowerCase()}: ${value}`)).toEqual(['x-gateway-shadow: 1']);
  });

  it('marks no trailer of a client, either', async () => {
    const { service, shadow, running } = await mirrored();
    const body = '3\r\nabc\r\n0\r\nX-Gateway-Shadow: 1\r\n\r\n';
    await ask(
      running,
      lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Trailer: x-gateway-shadow', '') + body,
    );
    await eventually(() => shadow.requests[0]?.complete === true);
    expect([shadow.requests[0]?.body.toString(), shadow.requests[0]?.trailers]).toEqual(['abc', []]);
    expect(service.requests[0]?.trailers).toEqual({});
  });

  const SMUGGLING: readonly [name: string, data: string][] = [
    [
      'CL and TE',
      lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Transfer-Encoding: chunked', '') +
        `0\r\n\r\n${SMUGGLED}`,
    ],
    ['two lengths', lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0', 'Content-Length: 44', '') + SMUGGLED],
    ['a list of lengths', lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0, 0', '') + SMUGGLED],
    ['a length with a sign', lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: +4', '') + SMUGGLED],
    [
      'chunked in disguise',
      lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: xchunked', '') + `0\r\n\r\n${SMUGGLED}`,
    ],
    [
      'chunked twice',
      lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked, chunked', '') + `0\r\n\r\n${SMUGGLED}`,
    ],
    [
      'a space before the colon',
      lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding : chunked', '') + `0\r\n\r\n${SMUGGLED}`,
    ],
    ['a bad chunk', lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '') + `zz\r\n\r\n${SMUGGLED}`],
  ];
  it.each(SMUGGLING)('copies no request that hides another one: %s', async (_name, data) => {
    const { service, shadow, running } = await mirrored();
    const { response } = await exchange(running.port, data, { settleMs: 20 });
    expect([400, 501]).toContain(response?.status);
    expect((await ask(running, get('/alive'))).status).toBe(200);
    await eventually(() => shadow.requests.some(({ url }) => url === '/alive'));
    const seen = [...service.requests, ...shadow.requests].map(({ url }) => url);
    expect(seen).not.toContain('/smuggled');
    expect(shadow.requests.filter(({ complete }) => complete).map(({ url }) => url)).toEqual(['/alive']);
  });

  it('keeps a length that frames a body in the copy, whatever bytes are in it', async () => {
    const { shadow, running } = await mirrored();
    const body = `0\r\n\r\n${SMUGGLED}`;
    for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS'])
      await ask(running, lines(`${method} / HTTP/1.1`, 'Host: a', `Content-Length: ${body.length}`, '') + body);
    await eventually(() => shadow.requests.length === 4 && shadow.requests.every(({ complete }) => complete));
    expect(shadow.requests.map(({ body: copied }) => copied.toString())).toEqual([body, body, body, body]);
    expect(shadow.requests.map(({ url }) => url)).toEqual(['/', '/', '/', '/']);
  });

  it.each(['HEAD', 'OPTIONS'])('copies %s, and the answer to the copy goes nowhere', async (method) => {
    const { shadow, service, running } = await mirrored((_request, socket) => {
      reply(socket, 418, { 'set-cookie': 'shadow=1', 'x-shadow': '1' }, method === 'HEAD' ? null : 'shadow');
    });
    const { status, head } = await ask(running, lines(`${method} / HTTP/1.1`, 'Host: a', ''), method === 'HEAD');
    expect(status).toBe(200);
    expect(head).not.toMatch(/shadow/);
    await eventually(() => shadow.requests.length === 1);
    expect([shadow.requests[0]?.method, service.requests[0]?.method]).toEqual([method, method]);
  });

  it('gives both the same bytes of a body', async () => {
    const { shadow, running } = await mirrored(undefined, { maxBodyBytes: MB });
    const body = randomBytes(300_000).toString('base64');
    const answer = await send(running.url, { method: 'PUT', body, headers: { 'content-type': 'text/plain' } });
    await eventually(() => shadow.requests[0]?.complete === true);
    expect(shadow.requests[0]?.body.toString() === (JSON.parse(answer.text) as Echo).body).toBe(true);
    expect(shadow.requests[0]?.body.toString() === body).toBe(true);
  });

  const SHADOWS: readonly [name: string, handler: RawRequestHandler][] = [
    ['hangs', () => undefined],
    ['resets', (_request, socket) => socket.resetAndDestroy()],
    ['speaks no HTTP', (_request, socket) => socket.end('\0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')],
    [
      'answers twice',
      (_request, socket) => {
        for (const body of ['a', 'evil']) reply(socket, 200, { [`x-${body}`]: '1' }, body);
      },
    ],
    ['answers 1 GB', (_request, socket) => pumpAnswer(socket)],
    ['has a head without end', (_request, socket) => pump(socket, 100 * MB, { bytes: 0 })],
    [
      'switches the protocol',
      (_request, socket) => socket.write('HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
    ['sends back', (_request, socket) => reply(socket, 302, { location: 'http://127.0.0.1:1/' })],
  ];
  it.each(SHADOWS)('serves clients as ever where the shadow %s', async (_name, handler) => {
    const { service, shadow, running } = await mirrored(handler, { timeoutMs: 300, maxInFlight: 10 });
    const answers = await times(30, (index) => send(running.url, { method: 'POST', body: `body ${index}` }));
    expect(answers.map(({ status, text }) => [status, (JSON.parse(text) as Echo).body])).toEqual(
      answers.map((_, index) => [200, `body ${index}`]),
    );
    expect(JSON.stringify(answers.map(({ headers }) => headers))).not.toMatch(/evil/);
    expect(service.requests).toHaveLength(30);
    await eventually(() => shadow.requests.length > 0);
    expect(running.gateway.health().status).toBe('healthy');
  });

  it('ends its copies when the gateway is closed', async () => {
    const { service, shadow, running } = await mirrored(() => undefined, { timeoutMs: 60_000 });
    await times(5, () => send(running.url));
    await eventually(() => shadow.requests.length === 5 && shadow.connections === 5);
    expect(service.requests).toHaveLength(5);
    await running.listener.close({ timeoutMs: 0 });
    await eventually(() => shadow.connections === 0);
  });
});

async function pumpAnswer(socket: Parameters<RawRequestHandler>[1]): Promise<void> {
  reply(socket, 200, { 'content-length': '1000000000' }, null);
  await pump(socket, 1_000_000_000, { bytes: 0 });
}
