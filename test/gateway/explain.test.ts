import { describe, expect, it } from 'vitest';
import { createGateway, type GatewayConfig } from '../../src/gateway/index.js';

const off = { requestId: false, accessLog: false, health: false } as const;

const shop = createGateway({
  ...off,
  routes: [
    { path: '/api/users', target: 'http://users:3001' },
    { path: '/api/users/:id', id: 'one-user', methods: ['GET'], target: 'http://users:3001', rewrite: '/u/:id' },
    { path: '/api/base', target: 'http://base:3002/v1' },
    { path: '/api/keep', target: 'http://keep:3003', stripPrefix: false },
    { path: '/api/exact', exact: true, target: 'http://exact:3004' },
    { path: '/api/regex', target: 'http://regex:3005', pathRewrite: { '^/api/regex': '/r' } },
    { path: '/admin', host: 'admin.test', target: 'http://admin:3006' },
    { path: '/v', headers: { 'x-version': '2' }, target: 'http://two:3007' },
    { path: '/here', respond: { body: 'here' } },
  ],
});

describe('explain', () => {
  it.each([
    ['/api/users', 'http://users:3001/'],
    ['/api/users?a=1&a=2&', 'http://users:3001/?a=1&a=2&'],
    ['/api/users/42', 'http://users:3001/u/42'],
    ['/api/users/a%2Fb', 'http://users:3001/u/a%2Fb'],
    ['/api/base/x', 'http://base:3002/v1/x'],
    ['/api/keep/x', 'http://keep:3003/api/keep/x'],
    ['/api/exact', 'http://exact:3004/api/exact'],
    ['/api/regex/x', 'http://regex:3005/r/x'],
    ['/here', null],
  ])('tells of GET %s that it goes to %s', (url, upstreamUrl) => {
    expect(shop.explain('GET', url)).toMatchObject({ refusal: null, upstreamUrl });
  });

  it('names the route and its parameters', () => {
    expect(shop.explain('GET', '/api/users/a%20b')).toMatchObject({
      route: { id: 'one-user', path: '/api/users/:id' },
      params: { id: 'a b' },
    });
  });

  it('tells what a request without a route gets', () => {
    expect(shop.explain('GET', '/nowhere')).toMatchObject({ route: null, refusal: 'not found', upstreamUrl: null });
    expect(shop.explain('GET', '/%2e%2e/api')).toMatchObject({ route: null, refusal: 'malformed' });
  });

  it('tells of a wrong method which ones are allowed', () => {
    const gateway = createGateway({
      ...off,
      routes: [{ path: '/a', methods: ['GET', 'POST'], target: 'http://a' }],
    });
    const explanation = gateway.explain('DELETE', '/a');
    expect(explanation).toMatchObject({ route: null, refusal: 'method not allowed' });
    expect(explanation.allow).toEqual(expect.arrayContaining(['GET', 'POST']));
  });

  it('takes the host from the headers or from an absolute URL, and header names in any case', () => {
    expect(shop.explain('GET', '/admin').refusal).toBe('not found');
    expect(shop.explain('GET', '/admin', { Host: 'admin.test' }).refusal).toBeNull();
    expect(shop.explain('GET', 'http://admin.test/admin').refusal).toBeNull();
    expect(shop.explain('GET', '/v', { 'X-Version': '2' }).refusal).toBeNull();
    expect(shop.explain('GET', '/v', { 'X-Version': '1' }).refusal).toBe('not found');
  });

  it('lists what was looked at, in the order of precedence, with what came of it', () => {
    const { considered } = shop.explain('GET', '/api/users/42');
    expect(considered.map(({ id }) => id)).toEqual(['one-user', '/api/users']);
    expect(considered[0]?.reason).toBe('matched');
    expect(considered[1]?.reason).toContain('more specific');
  });

  it('lists the layers of the request, the outermost first', () => {
    const named = (name: string): NonNullable<GatewayConfig['use']>[number] =>
      Object.defineProperty((ctx, next) => next(ctx), 'name', { value: name });
    const gateway = createGateway({
      routes: [{ path: '/a', target: 'http://a', use: [named('route')] }],
      use: [named('everywhere')],
      defaults: { use: [named('defaults')] },
    });
    expect(gateway.explain('GET', '/a').policies).toEqual([
      'diagnostics',
      'request-id',
      'access-log',
      'error-boundary',
      'request-guard',
      'health',
      'body-limit',
      'everywhere',
      'defaults',
      'route',
    ]);
    expect(gateway.explain('GET', '/b').policies).toEqual([
      'diagnostics',
      'request-id',
      'access-log',
      'error-boundary',
      'request-guard',
      'health',
    ]);
    expect(shop.explain('GET', '/here').policies).toEqual([
      'diagnostics',
      'error-boundary',
      'request-guard',
      'body-limit',
    ]);
  });

  it('gives the same answer every time', () => {
    const first = shop.explain('GET', '/api/users/1');
    for (let i = 0; i < 100; i++) shop.explain('GET', '/api/users/1');
    expect(shop.explain('GET', '/api/users/1')).toEqual(first);
  });
});
