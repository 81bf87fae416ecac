import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import { GatewayError } from '../../src/core/errors.js';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse, Handler, HeaderMap, Middleware } from '../../src/core/types.js';
import { cors, type CorsOptions } from '../../src/cors/index.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const APP = 'https://app.example.com';
const EVIL = 'https://evil-app.example.com';
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

const answer: Handler = () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' });
const unreachable: Handler = () => {
  throw new Error('a preflight has gone further');
};

/** As a client gets it: the answer with the fields of the exchange, without those that have no value. */
async function send(gate: Middleware, request: FakeRequestOptions, next: Handler = answer): Promise<GatewayResponse> {
  const ctx = fakeContext(request);
  const response = await gate(ctx, next);
  ctx.completeAnswer(response.headers);
  const headers = Object.fromEntries(Object.entries(response.headers).filter(([, value]) => value !== undefined));
  return { ...response, headers };
}

function from(origin: string, headers: HeaderMap = {}): FakeRequestOptions {
  return { headers: { origin, ...headers } };
}

function preflight(origin: string, headers: HeaderMap = {}): FakeRequestOptions {
  return { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT', ...headers } };
}

/** The fields that CORS is about, and those caches go by. */
function corsFields({ headers }: GatewayResponse): HeaderMap {
  const own = ([name]: readonly [string, unknown]): boolean => name === 'vary' || name.startsWith('access-control-');
  return Object.fromEntries(Object.entries(headers).filter(own));
}

describe('cors on requests', () => {
  const gate = cors({ origin: [APP, 'http://localhost:3000'], credentials: true, exposedHeaders: ['X-Request-Id'] });

  it('lets an origin of the list read the answer', async () => {
    expect((await send(gate, from(APP))).headers).toEqual({
      'content-type': 'text/plain',
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-Id',
      vary: 'Origin',
    });
  });

  it('answers each origin with its own', async () => {
    const seen = await Promise.all(
      [APP, 'http://localhost:3000', EVIL, APP].map(async (origin) => (await send(gate, from(origin))).headers),
    );
    expect(seen.map((headers) => headers['access-control-allow-origin'])).toEqual([
      APP,
      'http://localhost:3000',
      undefined,
      APP,
    ]);
  });

  it.each([
    ['another origin', from(EVIL)],
    ['the origin null', from('null')],
    ['no origin', {}],
    ['two of them', { headers: { origin: [APP, APP] } }],
    ['a WebSocket', from(APP, { upgrade: 'websocket', connection: 'upgrade' })],
  ])('tells %s nothing but that the answer depends on it', async (_name, request) => {
    const response = await send(gate, request);
    expect([response.body, corsFields(response)]).toEqual(['ok', { vary: 'Origin' }]);
  });

  it('lets everybody in by *, with an origin or without, and still varies', async () => {
    const open = cors({ origin: '*', exposedHeaders: 'X-Request-Id' });
    for (const request of [from(APP), from('null'), {}, from(APP, { upgrade: 'websocket' })])
      expect(corsFields(await send(open, request))).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'X-Request-Id',
        vary: 'Origin',
      });
  });

  it('sends back the origin of everybody by true, and of nobody by false', async () => {
    expect(corsFields(await send(cors({ origin: true }), from(EVIL)))).toEqual({
      'access-control-allow-origin': EVIL,
      vary: 'Origin',
    });
    expect(corsFields(await send(cors({ origin: false }), from(EVIL)))).toEqual({ vary: 'Origin' });
  });

  const upstream: Handler = () => ({
    status: 200,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'DELETE',
      'access-control-allow-headers': '*',
      'access-control-allow-private-network': 'true',
      'access-control-expose-headers': 'X-Secret',
      'access-control-max-age': '600',
      vary: 'Accept-Encoding, origin',
      'x-of-its-own': 'stays',
    },
    body: null,
  });

  it('replaces what an upstream says of it, drops the rest, and keeps what else an answer varies by', async () => {
    const plain = cors({ origin: APP });
    expect((await send(plain, from(APP), upstream)).headers).toEqual({
      'access-control-allow-origin': APP,
      vary: 'Accept-Encoding, origin',
      'x-of-its-own': 'stays',
    });
    for (const request of [from(EVIL), {}, from(APP, { upgrade: 'websocket' })])
      expect((await send(plain, request, upstream)).headers).toEqual({
        vary: 'Accept-Encoding, origin',
        'x-of-its-own': 'stays',
      });
  });

  it.each<[string, Handler, number]>([
    ['401', (ctx) => refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_MISSING'), 401],
    ['404', (ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND'), 404],
    ['429', (ctx) => refuse(ctx, 'ERR_GATEWAY_RATE_LIMITED'), 429],
    ['502', () => Promise.reject(new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset')), 502],
    [
      'what was thrown',
      () => {
        throw new Error('fault');
      },
      500,
    ],
  ])('is on a %s, wherever the boundary is', async (_name, handler, status) => {
    const layers = [compose([gate, errorBoundary], handler), compose([errorBoundary, gate], handler)];
    for (const handle of layers) {
      const response = await send(handle, from(APP));
      expect(response.status).toBe(status);
      expect(corsFields(response)).toMatchObject({ 'access-control-allow-origin': APP, vary: 'Origin' });
    }
  });

  it('is a plain tail call', () => {
    const response = { status: 200, headers: {}, body: null };
    expect(gate(fakeContext(from(APP)), () => response)).toBe(response);
    expect(gate(fakeContext(), () => response)).toBe(response);
  });

  it('changes no answer of its own kind for the next one', async () => {
    const first = await send(gate, preflight(APP, { 'access-control-request-headers': 'x-a' }));
    const second = await send(gate, preflight(APP));
    expect(first.headers['access-control-allow-headers']).toBe('x-a');
    expect(second.headers).not.toHaveProperty('access-control-allow-headers');
    expect(corsFields(await send(gate, {}))).toEqual({ vary: 'Origin' });
  });
});

describe('cors on preflights', () => {
  const options: CorsOptions = {
    origin: APP,
    methods: ['GET', 'PUT'],
    allowedHeaders: ['Content-Type', 'Authorization'],
    maxAge: 600,
    credentials: true,
  };

  it('answers them itself, with 204 and nothing else', async () => {
    expect(await send(cors(options), preflight(APP), unreachable)).toEqual({
      status: 204,
      headers: {
        'access-control-allow-origin': APP,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,PUT',
        'access-control-allow-headers': 'Content-Type,Authorization',
        'access-control-max-age': '600',
        vary: PREFLIGHT_VARY,
      },
      body: null,
    });
  });

  it('has defaults for all but the origin', async () => {
    const request = preflight(APP, { 'access-control-request-headers': 'authorization,x-a' });
    expect(corsFields(await send(cors({ origin: APP }), request, unreachable))).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE',
      'access-control-allow-headers': 'authorization,x-a',
      'access-control-max-age': '86400',
      vary: PREFLIGHT_VARY,
    });
  });

  it('tells other origins nothing, and sends them no further either', async () => {
    for (const origin of [EVIL, 'null', '', `${APP}/`, '__proto__']) {
      const response = await send(cors({ origin: APP }), preflight(origin), unreachable);
      expect(response).toEqual({ status: 204, headers: { vary: PREFLIGHT_VARY }, body: null });
    }
  });

  it('has an empty body where its status is 200', async () => {
    const response = await send(cors({ ...options, optionsSuccessStatus: 200 }), preflight(APP), unreachable);
    expect(response).toMatchObject({ status: 200, headers: { 'content-length': '0' }, body: null });
  });

  it('allows no fields where the list is empty, and asks each time where maxAge is 0', async () => {
    const gate = cors({ origin: APP, allowedHeaders: [], methods: [], maxAge: 0 });
    const request = preflight(APP, { 'access-control-request-headers': 'x-a' });
    expect(corsFields(await send(gate, request, unreachable))).toEqual({
      'access-control-allow-origin': APP,
      'access-control-max-age': '0',
      vary: PREFLIGHT_VARY,
    });
  });

  it.each([
    ['no name', 'x-a, x b'],
    ['empty', ''],
    ['a line break', 'x-a\r\nset-cookie: a=b'],
    ['a byte of no name', 'x-é'],
    ['without an end', 'x-a,'.repeat(2_000).slice(0, -1)],
  ])('sends back no fields of which one is %s', async (_name, requested) => {
    const request = preflight(APP, { 'access-control-request-headers': requested });
    const { status, headers } = await send(cors({ origin: APP }), request, unreachable);
    expect([status, headers['access-control-allow-headers']]).toEqual([204, undefined]);
  });

  it('passes them on, with all fields, where it is told to', async () => {
    const gate = cors({ ...options, preflightContinue: true });
    const response = await send(gate, preflight(APP));
    expect(response.body).toBe('ok');
    expect(response.headers).toMatchObject({ 'access-control-allow-methods': 'GET,PUT', vary: PREFLIGHT_VARY });
    expect(corsFields(await send(gate, preflight(EVIL)))).toEqual({ vary: PREFLIGHT_VARY });
  });

  it.each<[string, FakeRequestOptions]>([
    ['an OPTIONS that asks for no method', { method: 'OPTIONS', headers: { origin: APP } }],
    ['an OPTIONS without an origin', { method: 'OPTIONS', headers: { 'access-control-request-method': 'PUT' } }],
    ['a GET that asks for a method', from(APP, { 'access-control-request-method': 'PUT' })],
    [
      'what is unfit to be acted on',
      { ...preflight(APP), fault: { code: 'ERR_GATEWAY_REQUEST_MALFORMED', detail: 'Two lengths.' } },
    ],
  ])('is none: %s', async (_name, request) => {
    const response = await send(cors({ origin: APP }), request);
    expect([response.status, response.body, response.headers.vary]).toEqual([200, 'ok', 'Origin']);
  });
});

describe('cors with a function', () => {
  it('waits for it, and stays synchronous where it is', async () => {
    const known = (origin: string): boolean => origin === APP;
    const late = cors({ origin: (origin) => Promise.resolve(known(origin)) });
    expect(cors({ origin: known })(fakeContext(from(APP)), answer)).not.toBeInstanceOf(Promise);
    for (const gate of [late, cors({ origin: known })]) {
      expect((await send(gate, from(APP))).headers['access-control-allow-origin']).toBe(APP);
      expect(corsFields(await send(gate, from(EVIL)))).toEqual({ vary: 'Origin' });
      expect((await send(gate, preflight(APP), unreachable)).headers['access-control-allow-origin']).toBe(APP);
    }
  });

  it.each<[string, CorsOptions['origin']]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('lets nobody in where it %s', async (_name, origin) => {
    const handle = compose([errorBoundary, cors({ origin })], unreachable);
    for (const request of [from(APP), preflight(APP)]) {
      const response = await send(handle, request);
      expect([response.status, corsFields(response)]).toEqual([500, { vary: 'Origin' }]);
    }
  });
});
