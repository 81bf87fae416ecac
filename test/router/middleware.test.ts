import { describe, expect, it } from 'vitest';
import type { GatewayRequest, Handler } from '../../src/core/types.js';
import { route, Router, type RouteTarget } from '../../src/router/index.js';
import { fakeContext } from '../support/request.js';

const target: RouteTarget = { handle: (ctx) => ({ status: 200, headers: {}, body: JSON.stringify(ctx.params) }) };
const next: Handler = () => ({ status: 404, headers: {}, body: 'next' });

describe('route', () => {
  const middleware = route(
    new Router<RouteTarget>()
      .add({ path: '/users/:id', id: 'user', methods: ['GET'] }, target)
      .add({ path: '/host', host: 'api.test', query: { q: '1' }, headers: { 'x-v': '2' } }, target),
  );

  it('calls the handler of the route with params and route set', async () => {
    const ctx = fakeContext({ url: '/users/4%202;v=1/posts' });
    expect(await middleware(ctx, next)).toMatchObject({ status: 200, body: '{"id":"4 2"}' });
    expect(ctx.route).toMatchObject({ id: 'user', path: '/users/:id', values: ['4%202;v=1'], rest: '/posts' });
  });

  it('matches host, headers and query of the request', async () => {
    const ctx = fakeContext({ url: '/host?q=1', headers: { Host: 'api.test:8080', 'X-V': '2' } });
    expect(await middleware(ctx, next)).toMatchObject({ status: 200 });
  });

  it('goes on to what is next where no route takes the path', async () => {
    const ctx = fakeContext({ url: '/nothing' });
    expect(await middleware(ctx, next)).toMatchObject({ body: 'next' });
    expect(ctx.route).toBeNull();
  });

  it('answers 405 with Allow where the method is wrong, and asks nobody else', async () => {
    const ctx = fakeContext({ method: 'POST', url: '/users/1' });
    expect(await middleware(ctx, next)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(ctx.refusal).toBe('ERR_GATEWAY_METHOD_NOT_ALLOWED');
  });

  it('takes a router whose conditions ask for the whole request', async () => {
    const router = new Router<RouteTarget, GatewayRequest>();
    router.add({ path: '/', when: ({ clientIp }) => clientIp === '192.0.2.1' }, target);
    expect(await route(router)(fakeContext({ clientIp: '192.0.2.1' }), next)).toMatchObject({ status: 200 });
    expect(await route(router)(fakeContext({ clientIp: '192.0.2.2' }), next)).toMatchObject({ body: 'next' });
  });
});
