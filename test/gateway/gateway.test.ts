import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse, Middleware } from '../../src/core/types.js';
import { createGateway, type Gateway, type GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeRequest, type FakeRequestOptions } from '../support/request.js';

interface Answer {
  readonly status: number;
  readonly headers: GatewayResponse['headers'];
  readonly text: string;
}

async function ask(gateway: Gateway, request: FakeRequestOptions = {}): Promise<Answer> {
  const { status, headers, body } = await gateway.handle(fakeRequest(request));
  return { status, headers, text: await bodyText(body) };
}

function codeOf({ text }: Answer): string {
  return (JSON.parse(text) as { code: string }).code;
}

const quiet = { accessLog: false } as const;
/** What health shows of a gateway without protections. */
const nothing = { draining: false, circuits: {}, stores: {}, load: null, upstreams: {}, pools: {}, checks: {} };
const here: GatewayConfig = { ...quiet, routes: [{ path: '/', respond: { body: 'here' } }] };

describe('handle, without an adapter', () => {
  it('answers from a route', async () => {
    const gateway = createGateway({
      ...quiet,
      routes: [{ path: '/a', respond: { status: 201, headers: { 'x-own': '1' }, body: 'made' } }],
    });
    expect(await ask(gateway, { url: '/a/b' })).toMatchObject({ status: 201, headers: { 'x-own': '1' }, text: 'made' });
  });

  it('gives each answer headers of its own', async () => {
    const gateway = createGateway({
      ...quiet,
      routes: [{ path: '/', respond: { headers: { 'x-a': '1' }, body: '' } }],
    });
    const first = await gateway.handle(fakeRequest());
    first.headers['x-a'] = 'changed';
    expect((await ask(gateway)).headers['x-a']).toBe('1');
  });

  it('answers by a handler, which sees its parameters', async () => {
    const gateway = createGateway({
      ...quiet,
      routes: [
        {
          path: '/hello/:name',
          respond: (ctx) => ({ status: 200, headers: {}, body: `hello ${ctx.params.name ?? ''}` }),
        },
      ],
    });
    expect((await ask(gateway, { url: '/hello/ada' })).text).toBe('hello ada');
  });

  it('answers 404 and 405 as problem documents', async () => {
    const gateway = createGateway({ ...quiet, routes: [{ path: '/a', methods: ['GET'], respond: { body: '' } }] });
    const missing = await ask(gateway, { url: '/b' });
    expect(missing.status).toBe(404);
    expect(missing.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(missing.text)).toMatchObject({
      ...{ type: 'about:blank', title: 'Route not found', status: 404, instance: '/b' },
      ...{ code: 'ERR_GATEWAY_ROUTE_NOT_FOUND', error: 'Route not found' },
    });
    const wrong = await ask(gateway, { url: '/a', method: 'POST' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.allow).toContain('GET');
  });

  it('never throws: what a handler throws is 500, and its message stays inside', async () => {
    const gateway = createGateway({
      ...quiet,
      routes: [
        {
          path: '/',
          respond: () => {
            throw new Error('secret of the inside');
          },
        },
      ],
    });
    const answer = await ask(gateway);
    expect(answer.status).toBe(500);
    expect(codeOf(answer)).toBe('ERR_GATEWAY_INTERNAL');
    expect(answer.text).not.toContain('secret');
  });

  it('refuses what its adapter found malformed before anything acts on it', async () => {
    let calls = 0;
    const gateway = createGateway({
      ...quiet,
      routes: [{ path: '/', respond: () => ({ status: 200, headers: {}, body: String(++calls) }) }],
    });
    const fault = { code: 'ERR_GATEWAY_REQUEST_MALFORMED', detail: 'Nonsense.' } as const;
    const answer = await ask(gateway, { fault });
    expect(answer.status).toBe(400);
    expect(calls).toBe(0);
  });

  it('answers an upstream that is down with 502', async () => {
    const gateway = createGateway({ ...quiet, routes: [{ path: '/', target: 'http://127.0.0.1:1' }] });
    const answer = await ask(gateway);
    expect(answer.status).toBe(502);
    await gateway.close();
  });

  it('has a request id on every answer, the client’s own only where it is harmless', async () => {
    const gateway = createGateway(here);
    expect((await ask(gateway)).headers['x-request-id']).toMatch(/^[\w.-]{8,128}$/);
    expect((await ask(gateway, { url: '/health' })).headers['x-request-id']).toBeDefined();
    expect((await ask(gateway, { headers: { 'x-request-id': 'bad id\u0000' } })).headers['x-request-id']).not.toContain(
      ' ',
    );
  });
});

describe('an exchange', () => {
  interface Line {
    readonly path: string;
    readonly status: number;
    readonly aborted?: boolean;
  }

  function logged(routes: GatewayConfig['routes']): { gateway: Gateway; lines: Line[] } {
    const lines: Line[] = [];
    const accessLog = { sink: (line: string) => void lines.push(JSON.parse(line) as Line) };
    return { gateway: createGateway({ accessLog, routes }), lines };
  }

  const streaming = (body: Readable): GatewayConfig['routes'] => [
    { path: '/', respond: () => ({ status: 200, headers: {}, body }) },
  ];

  it('is over at once where its body is bytes', async () => {
    const { gateway, lines } = logged([{ path: '/', respond: { body: 'x' } }]);
    await gateway.handle(fakeRequest());
    expect(lines).toMatchObject([{ path: '/', status: 200 }]);
  });

  it('is over when its stream has been read', async () => {
    const { gateway, lines } = logged(streaming(Readable.from([Buffer.from('a'), Buffer.from('b')])));
    const { body } = await gateway.handle(fakeRequest());
    expect(lines).toEqual([]);
    expect(await bodyText(body)).toBe('ab');
    await eventually(() => lines.length === 1);
    expect(lines[0]?.aborted).toBeUndefined();
  });

  it('is aborted when its stream is destroyed', async () => {
    const { gateway, lines } = logged(streaming(new Readable({ read: () => undefined })));
    const { body } = await gateway.handle(fakeRequest());
    (body as Readable).destroy();
    await eventually(() => lines.length === 1);
    expect(lines[0]).toMatchObject({ aborted: true });
  });
});

describe('defaults', () => {
  const upload = { method: 'POST', headers: { 'content-length': '20' }, body: 'x'.repeat(20) } as const;

  it('hold for every route, and a route of its own mind overrides them', async () => {
    const gateway = createGateway({
      ...quiet,
      defaults: { maxBodyBytes: 10 },
      routes: [
        { path: '/usual', respond: { body: 'ok' } },
        { path: '/large', respond: { body: 'ok' }, maxBodyBytes: 100 },
        { path: '/endless', respond: { body: 'ok' }, maxBodyBytes: Infinity },
      ],
    });
    expect((await ask(gateway, { url: '/usual', ...upload })).status).toBe(413);
    expect((await ask(gateway, { url: '/large', ...upload })).status).toBe(200);
    expect((await ask(gateway, { url: '/endless', ...upload })).status).toBe(200);
  });

  it('limit a body to 10 MiB where nobody says anything', async () => {
    const gateway = createGateway(here);
    const large = { method: 'POST', headers: { 'content-length': '10485761' }, body: Readable.from([]) } as const;
    expect((await ask(gateway, large)).status).toBe(413);
  });

  it('of a path rule give way to any path rule of the route', () => {
    const gateway = createGateway({
      ...quiet,
      defaults: { stripPrefix: false },
      routes: [
        { path: '/a', target: 'http://a' },
        { path: '/b', target: 'http://b', rewrite: '/x' },
        { path: '/c', target: 'http://c', stripPrefix: true },
        { path: '/d', target: 'http://d', pathRewrite: { '^/d': '/y' } },
      ],
    });
    const urls = ['/a/1', '/b/1', '/c/1', '/d/1'].map((url) => gateway.explain('GET', url).upstreamUrl);
    expect(urls).toEqual(['http://a/a/1', 'http://b/x/1', 'http://c/1', 'http://d/y/1']);
  });

  it('and a route each give their part of the timeouts', async () => {
    const clock = new FakeClock();
    const dispatcher = { dispatch: () => true };
    const gateway = createGateway({
      ...quiet,
      clock,
      defaults: { timeouts: { firstByteMs: 1_000 } },
      routes: [{ path: '/', target: 'http://a', dispatcher, timeouts: { totalMs: 60_000 } }],
    });
    const answer = ask(gateway);
    await eventually(() => clock.pending > 0);
    clock.advance(1_010);
    const code = await Promise.race([answer.then(codeOf), sleep(200, 'no answer')]);
    expect(code).toBe('ERR_GATEWAY_FIRST_BYTE_TIMEOUT');
  });
});

describe('the order of layers', () => {
  function recorder(): { seen: string[]; layer: (name: string) => Middleware } {
    const seen: string[] = [];
    const layer =
      (name: string): Middleware =>
      async (ctx, next) => {
        seen.push(`> ${name}`);
        const response = await next(ctx);
        seen.push(`< ${name}`);
        return response;
      };
    return { seen, layer };
  }

  it('is everywhere, defaults, route; answers come back in the mirror order', async () => {
    const { seen, layer } = recorder();
    const gateway = createGateway({
      ...quiet,
      use: [layer('everywhere 1'), layer('everywhere 2')],
      defaults: { use: [layer('defaults')] },
      routes: [{ path: '/', respond: { body: '' }, use: [layer('route')] }],
    });
    await ask(gateway);
    const inward = ['everywhere 1', 'everywhere 2', 'defaults', 'route'];
    expect(seen).toEqual([...inward.map((name) => `> ${name}`), ...inward.reverse().map((name) => `< ${name}`)]);
  });

  it('has the body limit before layers of one’s own, and health before the routes', async () => {
    const { seen, layer } = recorder();
    const gateway = createGateway({
      ...quiet,
      use: [layer('own')],
      routes: [{ path: '/', respond: { body: '' }, maxBodyBytes: 1 }],
    });
    const answer = await ask(gateway, { method: 'POST', headers: { 'content-length': '5' }, body: '12345' });
    expect(answer.status).toBe(413);
    expect((await ask(gateway, { url: '/health' })).status).toBe(200);
    expect(seen).toEqual([]);
  });

  it('lets a layer of one’s own answer in the place of the route', async () => {
    const gateway = createGateway({
      ...quiet,
      routes: [
        {
          path: '/',
          respond: () => {
            throw new Error('not reached');
          },
          use: [(ctx) => refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY')],
        },
      ],
    });
    expect((await ask(gateway)).status).toBe(503);
  });

  it('makes a layer that forgets its answer a 500', async () => {
    const forgetful = (() => undefined) as unknown as Middleware;
    const gateway = createGateway({ ...quiet, routes: [{ path: '/', respond: { body: '' }, use: [forgetful] }] });
    expect((await ask(gateway)).status).toBe(500);
  });

  it('writes the access log for refusals and failures too', async () => {
    const lines: string[] = [];
    const gateway = createGateway({
      accessLog: { sink: (line) => void lines.push(line) },
      routes: [
        {
          path: '/fails',
          respond: () => {
            throw new Error('broken');
          },
        },
      ],
    });
    await ask(gateway, { url: '/fails' });
    await ask(gateway, { url: '/nowhere' });
    expect(lines.map((line) => (JSON.parse(line) as { status: number }).status)).toEqual([500, 404]);
  });
});

describe('health', () => {
  it('is healthy from the start, with whole seconds of uptime, on the clock of the config', async () => {
    const clock = new FakeClock();
    const gateway = createGateway({ ...here, clock, health: { details: true } });
    clock.advance(90_500);
    expect(gateway.health()).toEqual({
      status: 'healthy',
      uptime: 90,
      timestamp: '2026-01-01T00:01:30.500Z',
      ...nothing,
    });
    const answer = await ask(gateway, { url: '/health' });
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(answer.text)).toEqual(gateway.health());
  });

  it('is unhealthy from the moment of close', async () => {
    const gateway = createGateway(here);
    const closing = gateway.close();
    expect(gateway.health().status).toBe('unhealthy');
    expect((await ask(gateway, { url: '/health' })).status).toBe(503);
    await closing;
  });

  it('moves, or is off', async () => {
    const moved = createGateway({ ...here, health: { path: '/-/up' } });
    expect((await ask(moved, { url: '/-/up' })).text).toContain('healthy');
    expect((await ask(moved, { url: '/health' })).text).toBe('here');
    const none = createGateway({ ...here, health: false });
    expect((await ask(none, { url: '/health' })).text).toBe('here');
  });

  it('takes GET and HEAD of its own path alone', async () => {
    const gateway = createGateway(here);
    expect((await ask(gateway, { url: '/health', method: 'HEAD' })).status).toBe(200);
    expect((await ask(gateway, { url: '/health', method: 'POST' })).text).toBe('here');
    expect((await ask(gateway, { url: '/healthy' })).text).toBe('here');
  });
});

describe('close', () => {
  it('refuses what comes after it with 503', async () => {
    const gateway = createGateway(here);
    await gateway.close();
    const answer = await ask(gateway);
    expect(answer.status).toBe(503);
    expect(codeOf(answer)).toBe('ERR_GATEWAY_DRAINING');
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.headers.connection).toBe('close');
  });

  it('waits for what is in flight, and no longer than its deadline', async () => {
    const clock = new FakeClock();
    const body = new Readable({ read: () => undefined });
    const gateway = createGateway({
      ...quiet,
      clock,
      routes: [{ path: '/', respond: () => ({ status: 200, headers: {}, body }) }],
    });
    await gateway.handle(fakeRequest());
    let isClosed = false;
    const closing = gateway.close({ timeoutMs: 5_000 }).then(() => (isClosed = true));
    await clock.advanceAsync(4_990);
    expect(isClosed).toBe(false);
    await clock.advanceAsync(20);
    await closing;
    expect(isClosed).toBe(true);
    body.destroy();
  });

  it('waits for nothing where nothing is in flight, and leaves no timer', async () => {
    const clock = new FakeClock();
    const gateway = createGateway({ ...here, clock });
    await ask(gateway);
    await gateway.close({ timeoutMs: 1_000_000 });
    expect(clock.pending).toBe(0);
  });

  it('resolves for each of its callers', async () => {
    const clock = new FakeClock();
    const body = new Readable({ read: () => undefined });
    const gateway = createGateway({
      ...quiet,
      clock,
      routes: [{ path: '/', respond: () => ({ status: 200, headers: {}, body }) }],
    });
    await gateway.handle(fakeRequest());
    const both = Promise.all([gateway.close({ timeoutMs: 60_000 }), gateway.close({ timeoutMs: 60_000 })]);
    body.destroy();
    await both;
    expect(clock.pending).toBe(0);
  });

  it('is what leaving a scope does', async () => {
    const gateway = createGateway(here);
    await gateway[Symbol.asyncDispose]();
    expect((await ask(gateway)).status).toBe(503);
  });
});
