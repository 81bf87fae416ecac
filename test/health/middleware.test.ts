import { describe, expect, it } from 'vitest';
import { ConfigError, validate } from '../../src/core/options.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { Health, health, type HealthOptions } from '../../src/health/index.js';
import { healthPaths } from '../../src/health/options.js';
import { healthSchema } from '../../src/health/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';

const passed: GatewayResponse = { status: 299, headers: {}, body: 'passed on' };

type Endpoint = ReturnType<typeof health>;

async function ask(middleware: Endpoint, request: FakeRequestOptions): Promise<{ status: number; body: unknown }> {
  const { status, body } = await middleware(fakeContext(request), () => passed);
  return { status, body: body === passed.body ? body : JSON.parse(await bodyText(body)) };
}

/** An engine that has much to tell. */
function richEngine(clock = new FakeClock()): Health {
  return new Health({
    clock,
    details: () => ({
      circuits: { 'secret-circuit': 'open' },
      stores: { 'secret-store': 'down' },
      load: 0.5,
      pools: { 'http://secret-host:1': { open: 1, idle: 1, running: 0, waiting: 0 } },
    }),
    checks: { 'secret-check': () => ({ healthy: false, message: 'secret-message' }) },
  });
}

/** A check that never comes to an end. */
const hangs = (): Promise<void> => new Promise(() => undefined);

const down = (): boolean => false;

describe('health', () => {
  it.each(['GET', 'HEAD'])('answers %s of each path with JSON that is not to be stored', async (method) => {
    for (const path of healthPaths()) {
      const response = await health()(fakeContext({ method, url: `${path}?x` }), () => passed);
      expect(response).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
      });
      expect(JSON.parse(await bodyText(response.body))).toHaveProperty('status');
    }
  });

  it.each([
    ['POST', '/health'],
    ['DELETE', '/livez'],
    ['OPTIONS', '/readyz'],
    ['GET', '/health/'],
    ['GET', '/health/x'],
    ['GET', '/Livez'],
    ['GET', '/x/readyz'],
    ['GET', '/constructor'],
    ['GET', '/'],
  ])('passes %s %s on', async (method, url) => {
    expect(await health()(fakeContext({ method, url }), () => passed)).toBe(passed);
  });

  it('answers at once where nothing has to be waited for', () => {
    const middleware = health(new Health({ checks: { a: down } }), { details: true });
    for (const url of [...healthPaths(), '/readyz?verbose'])
      expect(middleware(fakeContext({ url }), () => passed)).not.toBeInstanceOf(Promise);
  });

  it('each answer is the owner of its fields', async () => {
    const middleware = health();
    const first = await middleware(fakeContext({ url: '/livez' }), () => passed);
    first.headers['x-changed'] = '1';
    expect((await middleware(fakeContext({ url: '/livez' }), () => passed)).headers).not.toHaveProperty('x-changed');
  });

  it('hands out its engine', () => {
    const engine = new Health();
    expect(health(engine).engine).toBe(engine);
    expect(health().engine).toBeInstanceOf(Health);
  });
});

describe('/livez', () => {
  it.each(['/livez', '/healthz'])(
    '%s is 200 whatever fails, while the process drains too, and runs no check',
    async (url) => {
      let runs = 0;
      const vital = { check: () => ++runs < 0, critical: true };
      const engine = new Health({ checks: { vital } });
      const middleware = health(engine);
      expect(await ask(middleware, { url })).toEqual({ status: 200, body: { status: 'live' } });
      expect(runs).toBe(0);
      await engine.check();
      engine.drain();
      expect(await ask(middleware, { url })).toEqual({ status: 200, body: { status: 'live' } });
    },
  );
});

describe('/readyz', () => {
  it('is 200, and 503 from the very moment of drain()', async () => {
    const engine = new Health();
    const middleware = health(engine);
    expect(await ask(middleware, { url: '/readyz' })).toEqual({ status: 200, body: { status: 'ready' } });
    engine.drain();
    expect(await ask(middleware, { url: '/readyz' })).toEqual({ status: 503, body: { status: 'not-ready' } });
  });

  it('is 503 while a critical check is down, and then 200 again', async () => {
    const clock = new FakeClock();
    let isUp = false;
    const check = { check: () => isUp, critical: true, cacheMs: 50 };
    const middleware = health(new Health({ clock, checks: { check } }));
    expect((await ask(middleware, { url: '/readyz' })).status).toBe(503);
    isUp = true;
    clock.advance(50);
    expect((await ask(middleware, { url: '/readyz' })).status).toBe(200);
  });

  it('is 200 while another check is down, a store is down and a circuit is open', async () => {
    expect(await ask(health(richEngine()), { url: '/readyz' })).toEqual({ status: 200, body: { status: 'ready' } });
  });

  it('waits for a critical check until its time limit, and for no other', async () => {
    const clock = new FakeClock();
    const lone = health(new Health({ clock, checks: { slow: hangs } }));
    expect((await ask(lone, { url: '/readyz' })).status).toBe(200);
    const vital = health(new Health({ clock, checks: { slow: { check: hangs, critical: true, timeoutMs: 80 } } }));
    const answer = ask(vital, { url: '/readyz' });
    await clock.advanceAsync(80);
    expect((await answer).status).toBe(503);
  });

  it.each(['?verbose', '?verbose=', '?verbose=1', '?a=b&verbose'])('with %s tells viewers why', async (query) => {
    const engine = richEngine();
    const middleware = health(engine, { details: true, service: 'shop', version: '1.2.3' });
    const { status, body } = await ask(middleware, { url: `/readyz${query}` });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...engine.report(),
      status: 'ready',
      service: 'shop',
      version: '1.2.3',
    });
    engine.drain();
    expect(await ask(middleware, { url: `/readyz${query}` })).toMatchObject({
      status: 503,
      body: { status: 'not-ready', draining: true },
    });
  });

  it.each(['', '?verbos', '?x=verbose', '?Verbose'])('with %j is short', async (query) => {
    const { body } = await ask(health(richEngine(), { details: true }), { url: `/readyz${query}` });
    expect(body).toEqual({ status: 'ready' });
  });
});

describe('/health', () => {
  it('is the whole report for viewers, with service and version', async () => {
    const engine = richEngine();
    const middleware = health(engine, { details: true, service: 'shop', version: '1.2.3' });
    const { status, body } = await ask(middleware, { url: '/health' });
    expect(status).toBe(200);
    expect(body).toEqual({ ...engine.report(), service: 'shop', version: '1.2.3' });
    expect(body).toMatchObject({
      status: 'degraded',
      checks: { 'secret-check': { status: 'down', critical: false, message: 'secret-message' } },
    });
  });

  it('has neither service nor version where none is given', async () => {
    const { body } = await ask(health(new Health(), { details: true }), { url: '/health' });
    expect(Object.keys(body as object)).toEqual([
      ...['status', 'draining', 'uptime', 'timestamp', 'circuits', 'stores', 'load', 'checks'],
    ]);
  });

  it('is 503 where the process is unhealthy, alone', async () => {
    const checks = { vital: { check: down, critical: true } };
    expect(await ask(health(new Health({ checks })), { url: '/health' })).toMatchObject({
      status: 503,
      body: { status: 'unhealthy' },
    });
    const engine = new Health();
    engine.drain();
    expect((await ask(health(engine), { url: '/health' })).status).toBe(503);
  });

  it('has the names of checks as they are', async () => {
    const checks = Object.fromEntries(['__proto__', 'constructor', '', '\0'].map((name) => [name, down]));
    const { body } = await ask(health(new Health(), { details: true, checks }), { url: '/health' });
    expect(Object.keys((body as { checks: object }).checks)).toEqual(Object.keys(checks));
  });

  it('runs checks of the options on the engine', async () => {
    const engine = new Health({ checks: { a: down } });
    health(engine, { checks: { b: down } });
    expect((await engine.check()).checks).toMatchObject({ a: { status: 'down' }, b: { status: 'down' } });
    expect(() => health(engine, { checks: { b: down } })).toThrow(ConfigError);
  });

  it('strangers cause no more runs than cacheMs allows', async () => {
    const clock = new FakeClock();
    let runs = 0;
    const middleware = health(
      new Health({ clock, checks: { a: { check: () => Promise.resolve(++runs > 0), critical: true } } }),
    );
    const urls = ['/health', '/readyz', '/readyz?verbose', '/health?nocache'];
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => ask(middleware, { url: urls[index % 4] as string })),
      );
      clock.advance(2_500);
    }
    expect(runs).toBe(2);
  });
});

describe('details', () => {
  const loopback = { clientIp: '127.0.0.1' };

  it.each<[string, HealthOptions['details'], FakeRequestOptions, boolean]>([
    ['nobody by default', undefined, loopback, false],
    ['nobody', false, loopback, false],
    ['everybody', true, {}, true],
    ['loopback to itself', ['loopback'], loopback, true],
    ['loopback to itself by IPv6', ['loopback'], { clientIp: '::1' }, true],
    ['loopback to others', ['loopback'], { clientIp: '203.0.113.7' }, false],
    ['a block to its own', ['10.0.0.0/8', 'loopback'], { clientIp: '10.9.8.7' }, true],
    [
      'loopback to whoever comes through a proxy that nobody trusts',
      ['loopback'],
      { ...loopback, headers: { 'x-forwarded-for': '203.0.113.7' } },
      false,
    ],
    ['loopback to whoever claims it', ['loopback'], { headers: { 'x-forwarded-for': '127.0.0.1' } }, false],
    ['loopback to whoever claims it otherwise', ['loopback'], { headers: { forwarded: 'for=127.0.0.1' } }, false],
    ['whom a function names', (ctx) => ctx.request.headers['x-ops'] === '1', { headers: { 'x-ops': '1' } }, true],
    ['whom a function does not name', (ctx) => ctx.request.headers['x-ops'] === '1', {}, false],
    ['nobody where a function returns a promise', (() => Promise.resolve(true)) as never, {}, false],
    ['nobody where a function returns an object', (() => ({})) as never, {}, false],
  ])('are shown to %s: %#', async (_case, details, request, isShown) => {
    const clock = new FakeClock();
    const options: HealthOptions = { service: 'secret-service', version: 'secret-version' };
    if (details !== undefined) options.details = details;
    const engine = richEngine(clock);
    engine.addCheck('secret-vital', { check: () => !engine.isDraining, critical: true, cacheMs: 0 });
    const middleware = health(engine, options);
    const brief = { uptime: 0, timestamp: '2026-01-01T00:00:00.000Z' };
    const [report, ready] = [
      () => ask(middleware, { ...request, url: '/health' }),
      () => ask(middleware, { ...request, url: '/readyz?verbose' }),
    ];
    const before = [await report(), await ready()];
    engine.drain();
    const after = [await report(), await ready()];
    expect(JSON.stringify([before, after]).includes('secret')).toBe(isShown);
    expect([before, after].flat().map(({ status }) => status)).toEqual([200, 200, 503, 503]);
    if (isShown) return;
    expect(before.map(({ body }) => body)).toEqual([{ status: 'degraded', ...brief }, { status: 'ready' }]);
    expect(after.map(({ body }) => body)).toEqual([{ status: 'unhealthy', ...brief }, { status: 'not-ready' }]);
  });

  it('are not shown where the function that decides throws', () => {
    const details = (): boolean => {
      throw new Error('no session store');
    };
    const middleware = health(richEngine(), { details });
    expect(() => middleware(fakeContext({ url: '/health' }), () => passed)).toThrow('no session store');
  });
});

describe('paths', () => {
  it('are four by default, or those of the options', () => {
    expect(healthPaths()).toEqual(['/health', '/livez', '/healthz', '/readyz']);
    expect(healthPaths({ path: '/up', livePath: '/alive', readyPath: ['/a', '/b'] })).toEqual([
      '/up',
      '/alive',
      '/a',
      '/b',
    ]);
    expect(healthPaths({ livePath: false, readyPath: false })).toEqual(['/health']);
  });

  it('move, and then the others are free', async () => {
    const middleware = health(new Health(), { path: '/up', livePath: '/alive', readyPath: false });
    const statusOf = async (url: string): Promise<number> => (await ask(middleware, { url })).status;
    expect([await statusOf('/up'), await statusOf('/alive')]).toEqual([200, 200]);
    for (const url of ['/health', '/livez', '/healthz', '/readyz']) expect(await statusOf(url)).toBe(299);
  });

  it.each<[string, unknown, string[]]>([
    ['a path without a slash', { path: 'health' }, ['path']],
    ['an empty path', { path: '' }, ['path']],
    [
      'paths that no request has',
      { path: '/a/../b', livePath: '/a?b', readyPath: ['/%61', '/a;b'] },
      [...['path', 'livePath', 'readyPath[0]', 'readyPath[1]']],
    ],
    ['no path for the report', { path: false }, ['path']],
    ['an empty list', { livePath: [] }, ['livePath']],
    ['a path given twice', { livePath: '/up', readyPath: '/up' }, ['readyPath']],
    ['a path given twice in a list', { livePath: ['/up', '/up'] }, ['livePath']],
    ['a path that another has by default', { path: '/readyz' }, ['readyPath']],
    ['an unknown option', { paht: '/x' }, ['paht']],
    ['viewers that are none', { details: ['everybody'] }, ['details[0]']],
    ['an empty service and a version that is a number', { service: '', version: 2 }, ['service', 'version']],
    ['a check that is none', { checks: { 'my db': 'select 1' } }, ['checks["my db"]']],
  ])('does not start with %s', (_case, options, paths) => {
    const faults = [faultsOf(() => health(new Health(), options as HealthOptions)), faultsOf(() => embed(options))];
    expect(faults).toEqual([paths, paths.map((path) => `health.${path}`)]);
  });

  it('a fault of a path given twice says who has it', () => {
    expect(() => health(new Health(), { path: '/healthz' })).toThrow(
      'livePath: has "/healthz", which path has already; give one of the two another path',
    );
  });

  it('a fault shows nothing of a check', () => {
    const checks = { db: { check: 'postgres://ada:hunter2@db' } } as unknown as NonNullable<HealthOptions['checks']>;
    expect(() => health(new Health(), { checks })).toThrow(ConfigError);
    expect(() => health(new Health(), { checks })).not.toThrow('hunter2');
  });
});

function embed(options: unknown): void {
  validate('gateway', options, healthSchema, 'health');
}

function faultsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}
