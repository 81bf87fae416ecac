import { describe, expect, it, vi } from 'vitest';
import { login } from '../../../src/auth/login/login.js';
import type { LoginOptions } from '../../../src/auth/login/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { post } from './exchange.js';

const URL_OF_SERVICE = 'http://users:3001/users/validate';
const GOOD = { email: 'ada@example.com', password: 'planted password' };

type Fetch = typeof fetch;

function answering(status: number, body: string | object | null): Fetch {
  const text = typeof body === 'object' && body !== null ? JSON.stringify(body) : body;
  return () => Promise.resolve(new Response(text, { status }));
}

function loginVia(send: Fetch, options: Partial<LoginOptions> = {}) {
  return login({ upstream: URL_OF_SERVICE, sign: (claims) => String(claims.sub), fetch: send, ...options });
}

describe('login with an upstream', () => {
  it('asks the service for the credentials, under the names of the body', async () => {
    const send = vi.fn<Fetch>(answering(200, { id: 7 }));
    const auth = loginVia(send, { fields: { user: 'login' } });
    const headers = { 'content-type': 'application/json', cookie: 'a=b' };
    const body = JSON.stringify({ login: 'ada', password: 'p', admin: true });
    const ctx = fakeContext({ method: 'POST', headers, body });
    ctx.requestId = 'r-1';
    expect((await auth(ctx)).status).toBe(200);
    const [url, init] = send.mock.calls[0] ?? [];
    expect(url).toBe(URL_OF_SERVICE);
    expect(init).toMatchObject({
      method: 'POST',
      body: '{"login":"ada","password":"p"}',
      redirect: 'manual',
    });
    expect(init?.headers).toEqual({
      'content-type': 'application/json',
      accept: 'application/json',
      'x-request-id': 'r-1',
    });
  });

  it.each<[string, object]>([
    ['the whole answer', { id: 7, name: 'Ada' }],
    ['its member user', { user: { id: 7, name: 'Ada' }, valid: true }],
  ])('takes for the user %s', async (_case, body) => {
    const { json } = await post(loginVia(answering(200, body)), GOOD);
    expect(json).toEqual({ token: '7', expiresIn: 86_400, user: { id: 7, name: 'Ada' } });
  });

  it.each([401, 403, 404])('takes %i for bad credentials, whatever comes with it', async (status) => {
    const { status: sent, ctx } = await post(loginVia(answering(status, { id: 7 })), GOOD);
    expect([sent, ctx.refusal]).toEqual([401, 'ERR_GATEWAY_CREDENTIALS_INVALID']);
  });

  it.each<[string, Fetch]>([
    ['500', answering(500, { id: 7 })],
    ['429', answering(429, { id: 7 })],
    ['400', answering(400, { id: 7 })],
    ['201', answering(201, { id: 7 })],
    ['204', answering(204, null)],
    ['a redirect', () => Promise.resolve(new Response(null, { status: 302, headers: { location: '/x' } }))],
    ['HTML', answering(200, '<html>')],
    ['nothing', answering(200, '')],
    ['null', answering(200, 'null')],
    ['true', answering(200, 'true')],
    ['a list', answering(200, [{ id: 7 }])],
    ['a user that is null', answering(200, { user: null, id: 7 })],
    ['a user that is a text', answering(200, { user: 'ada' })],
    ['no connection', () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))],
  ])('is unavailable where the service answers with %s', async (_case, send) => {
    const { status, headers, ctx, json } = await post(loginVia(send), GOOD);
    expect([status, headers['retry-after'], ctx.refusal]).toEqual([503, '1', 'ERR_GATEWAY_AUTH_UNAVAILABLE']);
    expect(ctx.reason).toMatch(/^the service that checks credentials: /);
    expect(`${ctx.reason ?? ''}${JSON.stringify(json)}`).not.toMatch(/planted|ada@|validate/);
  });

  it('is unavailable where the service does not answer in time', async () => {
    const clock = new FakeClock();
    const never: Fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
      });
    const answer = post(loginVia(never, { clock, timeoutMs: 300 }), GOOD);
    await clock.advanceAsync(300);
    const { status, ctx } = await answer;
    expect([status, ctx.reason]).toEqual([
      503,
      'the service that checks credentials: http://users:3001: no answer within 300 ms',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('fails where the service gives a user without an id', async () => {
    await expect(post(loginVia(answering(200, { valid: true })), GOOD)).rejects.toThrow('has no id');
  });

  it('takes members with odd names for nothing special', async () => {
    const body = '{"id":7,"__proto__":{"role":"admin"},"constructor":1}';
    const { json } = await post(loginVia(answering(200, body), { sign: (claims) => JSON.stringify(claims) }), GOOD);
    expect(json?.token).toBe('{"sub":"7"}');
  });
});
