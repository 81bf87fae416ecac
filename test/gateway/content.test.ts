import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ConfigError } from '../../src/core/options.js';
import { createGateway, type Gateway, type GatewayConfig, type RouteConfig } from '../../src/gateway/index.js';
import type { TransformOptions } from '../../src/transforms/index.js';
import { bodyBytes, fakeRequest, type FakeRequestOptions } from '../support/request.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const users = { body: { name: 'Ada', password: 'engine' } };

function gatewayOf(config: Omit<GatewayConfig, 'accessLog'>): Gateway {
  return createGateway({ accessLog: false, ...config });
}

async function ask(gateway: Gateway, request: FakeRequestOptions = {}) {
  const { status, headers, body } = await gateway.handle(fakeRequest(request));
  return { status, headers, bytes: await bodyBytes(body) };
}

async function textOf(gateway: Gateway, request?: FakeRequestOptions): Promise<string> {
  return (await ask(gateway, request)).bytes.toString();
}

function faultsOf(route: Partial<RouteConfig>, defaults: GatewayConfig['defaults'] = {}): readonly string[] {
  try {
    gatewayOf({ routes: [{ path: '/users/:id', respond: users, ...route }], defaults });
    return [];
  } catch (error) {
    return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('transforms', () => {
  const defaults = { transforms: { response: { omit: ['password'] } } };

  it('hold for every route by defaults, and not where a route says false', async () => {
    const gateway = gatewayOf({
      defaults,
      routes: [
        { path: '/', respond: users },
        { path: '/raw', respond: users, transforms: false },
        { path: '/own', respond: users, transforms: { response: { wrap: 'data' } } },
      ],
    });
    expect(await textOf(gateway)).toBe('{"name":"Ada"}');
    expect(await textOf(gateway, { url: '/raw' })).toBe('{"name":"Ada","password":"engine"}');
    expect(await textOf(gateway, { url: '/own' })).toBe('{"data":{"name":"Ada","password":"engine"}}');
  });

  it('see what a fallback answers in the place of the service, and no refusal', async () => {
    const gateway = gatewayOf({
      defaults,
      routes: [
        {
          path: '/',
          respond: () => Promise.reject(new Error('down')),
          fallback: users,
          // Open from the second request on: the fallback stands in for a refusal then.
          circuitBreaker: { failureThreshold: 1 },
        },
        { path: '/none', respond: () => Promise.reject(new Error('down')) },
      ],
    });
    for (let call = 0; call < 3; call++) expect(await textOf(gateway)).toBe('{"name":"Ada"}');
    expect(JSON.parse(await textOf(gateway, { url: '/none' }))).toMatchObject({ code: 'ERR_GATEWAY_INTERNAL' });
  });

  it('take no parameter that the path has not, be they of the route or of defaults', () => {
    const add = (value: string): TransformOptions => ({ request: { type: 'add-header', key: 'x-id', value } });
    expect(faultsOf({ transforms: add('{params.id}') })).toEqual([]);
    expect(faultsOf({ transforms: add('{params.ids}') })).toEqual([
      "routes[0].transforms.request.value: {params.ids}: '/users/:id' has no :ids",
    ]);
    expect(faultsOf({}, { transforms: add('{params.name}') })).toEqual([
      "defaults.transforms.request.value: {params.name}: '/users/:id' has no :name",
    ]);
    expect(faultsOf({ transforms: false }, { transforms: add('{params.name}') })).toEqual([]);
  });
});

describe('stripHeaders', () => {
  const headers = { server: 'Apache', 'x-powered-by': 'PHP', 'x-instance': '7' };

  it('holds by defaults beside transforms of the route, which may write such a field again', async () => {
    const gateway = gatewayOf({
      defaults: { stripHeaders: ['X-Instance'] },
      routes: [
        {
          path: '/',
          respond: { headers, body: 'x' },
          transforms: { response: { add: { headers: { server: 'us' } } } },
        },
        { path: '/raw', respond: { headers, body: 'x' }, stripHeaders: false },
        { path: '/known', respond: { headers, body: 'x' }, stripHeaders: true },
      ],
    });
    const shown = async (url: string): Promise<unknown> =>
      JSON.parse(JSON.stringify((await ask(gateway, { url })).headers));
    expect(await shown('/')).not.toHaveProperty('x-instance');
    expect(await shown('/')).toMatchObject({ server: 'us' });
    expect(await shown('/raw')).toMatchObject(headers);
    expect(await shown('/known')).toMatchObject({ 'x-instance': '7' });
    expect(await shown('/known')).not.toHaveProperty('server');
  });
});

describe('validation', () => {
  const schema = { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } };

  it('refuses what does not fit before the route is asked', async () => {
    let asked = 0;
    const respond: RouteConfig['respond'] = () => {
      asked++;
      return { status: 201, headers: {}, body: null };
    };
    const gateway = gatewayOf({ routes: [{ path: '/orders', respond, validation: { body: schema } }] });
    const post = { method: 'POST', url: '/orders', headers: JSON_TYPE };
    const refused = await ask(gateway, { ...post, body: '{"sku":1}' });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.bytes.toString())).toMatchObject({
      code: 'ERR_GATEWAY_VALIDATION_FAILED',
      errors: [{ in: 'body', path: '/sku', message: 'must be string' }],
    });
    expect(asked).toBe(0);
    expect((await ask(gateway, { ...post, body: '{"sku":"a"}' })).status).toBe(201);
  });

  it('comes after who may call is asked', async () => {
    const gateway = gatewayOf({
      routes: [
        {
          path: '/',
          respond: users,
          validation: { query: false },
          auth: { jwt: { secret: 's'.repeat(32), audience: false } },
        },
      ],
    });
    expect((await ask(gateway)).status).toBe(401);
  });
});

describe('compression and rewriteUrls', () => {
  it('compress what transforms and rewriting have left', async () => {
    const gateway = gatewayOf({
      routes: [
        {
          path: '/',
          respond: { body: { self: 'http://users:3001/42', password: 'engine', text: 'x'.repeat(2_000) } },
          transforms: { response: { omit: ['password'] } },
          rewriteUrls: { urls: { 'http://users:3001': 'https://api.example.com/users' }, types: ['application/json'] },
          compression: { encodings: ['gzip'] },
        },
      ],
    });
    const { headers, bytes } = await ask(gateway, { headers: { 'accept-encoding': 'gzip' } });
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(bytes.length) });
    expect(headers.vary).toContain('Accept-Encoding');
    expect(JSON.parse(gunzipSync(bytes).toString())).toEqual({
      self: 'https://api.example.com/users/42',
      text: 'x'.repeat(2_000),
    });
  });

  it('are named by explain, in their order, with what they hold to', () => {
    const gateway = gatewayOf({
      defaults: { compression: true },
      routes: [
        {
          path: '/',
          respond: users,
          validation: { query: true, body: true },
          transforms: { response: { wrap: 'data' } },
          stripHeaders: true,
          rewriteUrls: { urls: { 'http://users:3001': '/users' } },
        },
      ],
    });
    const { policies, settings } = gateway.explain('GET', '/');
    expect(policies.slice(-5)).toEqual(['compression', 'validation', 'rewrite-urls', 'transforms', 'strip-headers']);
    expect(settings).toMatchObject({
      validation: 'of query, body',
      transforms: 'response',
      'rewrite-urls': 'http://users:3001',
    });
  });
});

it.each<[Partial<RouteConfig>, RegExp]>([
  [
    { transforms: { request: { type: 'add-header', key: 'x', value: '{parms.id}' } } },
    /^routes\[0\]\.transforms\.request\.value: \{parms\.id\}/,
  ],
  [
    { transforms: { request: { type: 'add-header', key: 'x' } as never } },
    /^routes\[0\]\.transforms\.request\.value: missing/,
  ],
  [
    { transforms: { respnse: {} } as never },
    /^routes\[0\]\.transforms\.respnse: unknown option; did you mean response\?/,
  ],
  [{ rewriteUrls: { urls: { users: '/x' } } }, /^routes\[0\]\.rewriteUrls\.urls/],
  [{ compression: { minBytes: -1 } }, /^routes\[0\]\.compression\.minBytes: got -1/],
  [{ validation: {} }, /^routes\[0\]\.validation\.body: missing/],
  [{ validation: { body: { type: 'strin' } } }, /^routes\[0\]\.validation\.body: cannot be used/],
])('a config that cannot be right does not start: %#', (route, fault) => {
  expect(faultsOf(route)).toEqual([expect.stringMatching(fault)]);
});
