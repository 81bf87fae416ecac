/** Fields that tell an upstream who is calling: the gateway's alone, in whatever host it is mounted. */
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import express5 from 'express';
import express4 from 'express4';
import { jwtVerify } from 'jose';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gateway as inExpress, toExpress } from '../../src/adapters/express.js';
import { gateway as inKoa, toKoa } from '../../src/adapters/koa.js';
import { authenticate, jwt } from '../../src/auth/index.js';
import { compose } from '../../src/core/compose.js';
import type { Middleware } from '../../src/core/types.js';
import type { GatewayConfig, RouteAuth } from '../../src/gateway/index.js';
import { proxy } from '../../src/proxy/index.js';
import { NOW, SECRET, tokenOf } from '../auth/jwt/support.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import { rawUpstream, type RawRequest } from '../support/raw-upstream.js';
import { front, get, lines, observe, type Front } from './front.js';
import { expectLetIn } from './guarded.js';

/** Koa 2 has no types of its own here; what the tests use is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

const GATEWAY_SECRET = 'the secret that gateway and services share';
const TOLD: RouteAuth = {
  jwt: { secret: SECRET },
  identityHeaders: {
    claims: { 'x-user-email': 'email', 'x-user-plan': 'account.plan' },
    internalToken: { secret: GATEWAY_SECRET, header: 'x-gateway-token' },
  },
};

const drafts: Middleware = function draftMiddleware(ctx, next) {
  ctx.draft();
  return next(ctx);
};

function configFor(target: string): GatewayConfig {
  return {
    clock: new FakeClock(),
    defaults: { stripPrefix: false },
    routes: [
      { path: '/alive', target },
      { path: '/public', target },
      { path: '/drafted', target, use: [drafts] },
      { path: '/retried', target, retry: true },
      { path: '/silent', target, auth: { jwt: { secret: SECRET }, identityHeaders: false } },
      { path: '/plain', target, auth: { jwt: { secret: SECRET } } },
      { path: '/optional', target, auth: { ...TOLD, mode: 'optional' } },
      { path: '/told', target, auth: TOLD },
      { path: '/told-and-drafted', target, auth: TOLD, use: [drafts] },
    ],
  };
}

/** Everybody may ask for these without credentials. */
const OPEN = ['/public', '/drafted', '/retried', '/optional'];
const NAMES = [
  'x-user-id',
  'x-user-role',
  'x-user-roles',
  'x-consumer-id',
  'x-user-email',
  'x-user-plan',
  'x-gateway-token',
];

function spellings(name: string): string[] {
  const loud = name.replace(/(?<=^|-)./g, (letter) => letter.toUpperCase());
  const forms = [name, loud, name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '_')];
  return [...forms, loud.replaceAll('-', '_'), name.replace(/-(?=[^-]*$)/, '_')].filter(isFirst);
}

function isFirst(text: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(text) === index;
}

const FORGED = NAMES.flatMap(spellings).flatMap((name) => [`${name}: forged`, `${name}: forged-again`]);
const NOMINATED = `Connection: keep-alive, ${NAMES.join(', ')}, ${NAMES.join(',').replaceAll('-', '_')}`;

/** Lines of a request in which some spelling of such a field stands, in the order of their names. */
function identityLines({ rawHeaders }: RawRequest): string[] {
  return rawHeaders
    .filter(([name]) => NAMES.includes(name.toLowerCase().replaceAll('_', '-')))
    .map(([name, value]) => `${name}: ${value}`)
    .sort();
}

interface Mounted {
  readonly listener: RequestListener;
  close(): Promise<void>;
}
type Host = (config: GatewayConfig) => Mounted;

const expressHost =
  (express: typeof express5): Host =>
  (config) => {
    const mounted = inExpress(config);
    return { listener: express().use(mounted) as RequestListener, close: () => mounted.close({ timeoutMs: 0 }) };
  };

const koaHost =
  (Application: typeof Koa): Host =>
  (config) => {
    const mounted = inKoa(config);
    const handle = new Application().use(mounted).callback();
    return { listener: (req, res) => void handle(req, res), close: () => mounted.close({ timeoutMs: 0 }) };
  };

async function frontIn(host: Host): Promise<Front> {
  const upstream = await rawUpstream();
  const { listener, close } = host({ ...configFor(upstream.url), accessLog: false });
  const server = await listen(createServer(listener));
  return {
    port: server.port,
    upstream,
    lines: [],
    async close() {
      await server.close();
      await close();
      await upstream.close();
    },
  };
}

const FRONTS: readonly [string, () => Promise<Front>][] = [
  ['served', () => front(configFor)],
  ['mounted in node:http', () => front(configFor, { mounting: 'mounted' })],
  ['mounted in Express 5', () => frontIn(expressHost(express5))],
  ['mounted in Express 4', () => frontIn(expressHost(express4 as unknown as typeof express5))],
  ['mounted in Koa 3', () => frontIn(koaHost(Koa))],
  ['mounted in Koa 2', () => frontIn(koaHost(Koa2))],
];

describe.each(FRONTS)('a gateway that is %s', (_how, start) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(() => gateway.close());

  it.each(OPEN)('lets no identity of a client through, on %s', async (path) => {
    const request = await expectLetIn(gateway, get(path, ...FORGED, NOMINATED));
    expect(identityLines(request)).toEqual([]);
    expect(request.head).not.toContain('forged');
  });

  it.each(OPEN)('lets none through beside a body that streams, nor in its trailers, on %s', async (path) => {
    const head = lines(`POST ${path} HTTP/1.1`, 'Host: gateway.test', ...FORGED, 'Transfer-Encoding: chunked', '');
    const { response, arrived, bytes } = await observe(gateway, `${head}1\r\nx\r\n0\r\n${lines(...FORGED, '')}`);
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ complete: true, trailers: [] }]);
    expect(bytes).not.toContain('forged');
  });

  it.each(['/told', '/told-and-drafted', '/optional'])('tells who is calling, and that alone, on %s', async (path) => {
    const claims = { roles: ['admin', 'editor'], azp: 'web', email: 'ada@shop.test', account: { plan: 'gold' } };
    const credentials = `Authorization: Bearer ${tokenOf(claims)}`;
    const request = await expectLetIn(gateway, get(path, ...FORGED, NOMINATED, credentials));
    const told = identityLines(request);
    const [token = ''] = told.filter((line) => line.startsWith('x-gateway-token: '));
    expect(told.filter((line) => line !== token)).toEqual([
      'x-consumer-id: web',
      'x-user-email: ada@shop.test',
      'x-user-id: u1',
      'x-user-plan: gold',
      'x-user-role: admin',
      'x-user-roles: ["admin","editor"]',
    ]);
    const key = Buffer.from(GATEWAY_SECRET);
    const { payload } = await jwtVerify(token.slice(17), key, { currentDate: new Date(NOW * 1_000) });
    expect(payload).toMatchObject({ sub: 'u1', roles: ['admin', 'editor'], azp: 'web' });
    expect(request.head).not.toContain('forged');
  });

  it('leaves a field out where a token says nothing of it, whatever the client says', async () => {
    const request = await expectLetIn(gateway, get('/told', ...FORGED, `Authorization: Bearer ${tokenOf()}`));
    expect(identityLines(request).map((line) => line.replace(/(?<=-token: ).*/, '...'))).toEqual([
      'x-gateway-token: ...',
      'x-user-id: u1',
    ]);
  });

  it('writes only the usual fields where no others are asked for, and none where that is off', async () => {
    const fields = [...FORGED, NOMINATED, `Authorization: Bearer ${tokenOf({ email: 'ada@shop.test' })}`];
    const plain = await expectLetIn(gateway, get('/plain', ...fields));
    expect(identityLines(plain)).toEqual(['x-user-id: u1']);
    expect(identityLines(await expectLetIn(gateway, get('/silent', ...fields)))).toEqual([]);
  });

  it('tells of each of two requests on a connection who is calling', async () => {
    const requests = ['first', 'second'].map((sub) => get('/plain', `Authorization: Bearer ${tokenOf({ sub })}`));
    const { arrived } = await observe(gateway, [...requests, get('/public', ...FORGED)].join(''));
    expect(arrived.map(({ headers }) => headers['x-user-id'])).toEqual(['first', 'second', undefined]);
  });
});

describe('each spelling of an identity field', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(configFor);
  });
  afterAll(() => gateway.close());

  it.each(NAMES.flatMap(spellings))('%s is kept from the upstream, by itself', async (name) => {
    for (const path of ['/public', '/drafted'])
      expect(identityLines(await expectLetIn(gateway, get(path, `${name}: forged`, 'Connection: close')))).toEqual([]);
  });

  it.each(NAMES)('%s of the gateway cannot be nominated away', async (name) => {
    const token = tokenOf({ role: 'admin', azp: 'web', email: 'ada@shop.test', account: { plan: 'gold' } });
    const credentials = `Authorization: Bearer ${token}`;
    const { headers } = await expectLetIn(gateway, get('/told', `Connection: close, ${name}`, credentials));
    expect(headers[name]).toEqual(expect.stringMatching(/./));
  });
});

describe('what a token says of a caller', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(configFor);
  });
  afterAll(() => gateway.close());

  const ODD: readonly [string, string][] = [
    ['CR LF and a field', 'a\r\nX-Injected: 1'],
    ['CR LF CR LF and a request', 'a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a line feed', 'a\nX-Injected: 1'],
    ['a carriage return', 'a\rX-Injected: 1'],
    ['a NUL', 'a\0b'],
    ['an escape', '\u001b[31m'],
    ['DEL', 'a\u007fb'],
    ['a C1 control', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['Latin-1', 'Zo\u00eb'],
    ['what ends in a line feed beyond one byte', 'a\u010aX-Injected: 1'],
    ['Chinese', '\u674e\u96f7'],
    ['an emoji', '\u{1f600}'],
    ['a percent sign', '100%0d%0a'],
    ['blanks at its ends', ' admin '],
    ['nothing but a blank', ' '],
    ['a comma', 'admin, root'],
    ['255 characters of three bytes', '\u674e'.repeat(255)],
  ];

  it.each(ODD)('reaches the upstream whole and in ASCII, be it %s', async (_what, text) => {
    const claims = { sub: text, role: text, azp: text, email: text, account: { plan: text } };
    const credentials = `Authorization: Bearer ${tokenOf(claims)}`;
    const request = await expectLetIn(gateway, get('/told', credentials, ...FORGED));
    const { headers } = request;
    for (const name of ['x-user-id', 'x-user-role', 'x-consumer-id', 'x-user-email', 'x-user-plan']) {
      expect(headers[name]).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeURIComponent(headers[name] ?? '')).toBe(text);
    }
    expect(headers['x-user-roles']).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(headers['x-user-roles'] ?? '')).toEqual([text]);
    expect(request.head).not.toMatch(/^(?:x-injected|GET \/smuggled)/im);
  });

  it('never reads like what another caller is', async () => {
    const subjects = ['a\n', 'a%0A', 'a%250A', 'a', 'a ', '\ud800', '\udfff', '\ufffd', '%ED%A0%80'];
    const seen: (string | undefined)[] = [];
    for (const sub of subjects) {
      const { headers } = await expectLetIn(gateway, get('/plain', `Authorization: Bearer ${tokenOf({ sub })}`));
      seen.push(headers['x-user-id']);
    }
    expect(new Set(seen).size).toBe(subjects.length);
  });

  it.each<[string, unknown, string | undefined]>([
    ['a number', 42, '42'],
    ['a boolean', false, 'false'],
    ['a list', ['a', '\u00e9\n'], '["a","\\u00e9\\n"]'],
    ['an object', { a: { b: 1 } }, '{"a":{"b":1}}'],
    ['null', null, undefined],
    ['an empty text', '', ''],
    ['4096 characters', 'x'.repeat(4_096), 'x'.repeat(4_096)],
    ['4097 characters', 'x'.repeat(4_097), undefined],
    ['4096 characters that take more', '\u00e9'.repeat(1_000), undefined],
  ])('may be %s', async (_what, email, written) => {
    const credentials = `Authorization: Bearer ${tokenOf({ email })}`;
    const { headers } = await expectLetIn(gateway, get('/told', credentials, 'X-User-Email: forged'));
    expect(headers['x-user-email']).toBe(written);
  });

  it('is nothing that only a prototype says', async () => {
    const claims = '{"__proto__":{"email":"forged@evil.test","account":{"plan":"gold"}}}';
    const token = tokenOf(JSON.parse(claims) as Record<string, unknown>);
    const request = await expectLetIn(gateway, get('/told', `Authorization: Bearer ${token}`));
    expect([request.headers['x-user-email'], request.headers['x-user-plan']]).toEqual([undefined, undefined]);
  });
});

describe('pieces that are put together by hand', () => {
  const identity = authenticate({
    strategies: [jwt({ secret: SECRET, clock: new FakeClock() })],
    identityHeaders: { claims: { 'x-user-email': 'email' } },
    mode: 'optional',
  });

  it.each<[string, (middleware: Middleware) => RequestListener]>([
    ['Express', (middleware) => express5().use(toExpress(middleware)) as RequestListener],
    ['Koa', (middleware) => new Koa().use(toKoa(middleware)).callback()],
  ])('keep the identity of a client from the upstream in %s, too', async (_host, mount) => {
    const upstream = await rawUpstream();
    const forward = proxy({ target: upstream.url });
    const server = await listen(createServer(mount(compose([identity], forward))));
    const hosted: Front = { port: server.port, upstream, lines: [], close: () => server.close() };
    try {
      const own = ['x-user-id', 'x-user-roles', 'x-user-email'];
      const forged = own.flatMap(spellings).map((name) => `${name}: forged`);
      const anonymous = await expectLetIn(hosted, get('/', ...forged));
      expect(anonymous.head).not.toContain('forged');
      const credentials = `Authorization: Bearer ${tokenOf({ email: 'ada@shop.test' })}`;
      const known = await expectLetIn(hosted, get('/', ...forged, credentials));
      expect(known.headers).toMatchObject({ 'x-user-id': 'u1', 'x-user-email': 'ada@shop.test' });
      expect(known.head).not.toContain('forged');
    } finally {
      await hosted.close();
      await forward.close();
      await upstream.close();
    }
  });
});
