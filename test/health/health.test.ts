import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { Health, health, type HealthOptions } from '../../src/health/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeContext } from '../support/request.js';

const passed: GatewayResponse = { status: 299, headers: {}, body: 'passed on' };

/** What a process knows that leans on nothing. */
const nothing = { circuits: {}, stores: {}, load: null };

describe('Health', () => {
  it('is healthy from its start on, with whole seconds of uptime', () => {
    const clock = new FakeClock();
    const engine = new Health(clock);
    expect(engine.report()).toEqual({
      status: 'healthy',
      uptime: 0,
      timestamp: '2026-01-01T00:00:00.000Z',
      ...nothing,
    });
    clock.advance(2_999);
    expect(engine.report()).toMatchObject({ uptime: 2, timestamp: '2026-01-01T00:00:02.999Z' });
  });

  it('counts uptime without the wall clock', () => {
    const clock = new FakeClock();
    const engine = new Health(clock);
    clock.advanceWall(-3_600_000);
    clock.advance(1_000);
    expect(engine.report().uptime).toBe(1);
  });

  it('is unhealthy from the moment it drains, for good', () => {
    const engine = new Health(new FakeClock());
    expect(engine.isDraining).toBe(false);
    engine.drain();
    engine.drain();
    expect(engine.isDraining).toBe(true);
    expect(engine.report().status).toBe('unhealthy');
  });
});

describe('a process that leans on something', () => {
  it.each([
    [{ circuits: { a: 'closed' } }, 'healthy'],
    [{ circuits: { a: 'closed', b: 'open' } }, 'degraded'],
    [{ circuits: { a: 'half-open' } }, 'degraded'],
    [{ stores: { a: 'up' as const } }, 'healthy'],
    [{ stores: { a: 'up' as const, b: 'down' as const } }, 'degraded'],
    [{ load: 0.99 }, 'healthy'],
    [{ load: 1 }, 'degraded'],
  ])('with %j is %s, shows it, and wants traffic', async (details, status) => {
    const engine = new Health(new FakeClock(), () => ({ ...nothing, ...details }));
    expect(engine.report()).toMatchObject({ status, ...details });
    const response = await health(engine)(fakeContext({ url: '/health' }), () => passed);
    expect(response.status).toBe(200);
    engine.drain();
    expect(engine.report().status).toBe('unhealthy');
  });
});

describe('health', () => {
  it.each(['GET', 'HEAD'])('answers %s /health with the report, not to be cached', async (method) => {
    const response = await health(new Health(new FakeClock()))(fakeContext({ method, url: '/health?x' }), () => passed);
    expect(response).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    });
    expect(JSON.parse(await bodyText(response.body))).toEqual({
      status: 'healthy',
      uptime: 0,
      timestamp: '2026-01-01T00:00:00.000Z',
      ...nothing,
    });
  });

  it('answers 503 while the process drains', async () => {
    const engine = new Health(new FakeClock());
    engine.drain();
    const response = await health(engine)(fakeContext({ url: '/health' }), () => passed);
    expect(response.status).toBe(503);
    expect(JSON.parse(await bodyText(response.body))).toMatchObject({ status: 'unhealthy' });
  });

  it.each([
    ['POST', '/health'],
    ['DELETE', '/health'],
    ['GET', '/healthz'],
    ['GET', '/health/x'],
    ['GET', '/x/health'],
    ['GET', '/'],
  ])('passes %s %s on', async (method, url) => {
    expect(await health()(fakeContext({ method, url }), () => passed)).toBe(passed);
  });

  it('answers on another path, and then on that alone', async () => {
    const middleware = health(new Health(), { path: '/live' });
    expect((await middleware(fakeContext({ url: '/live' }), () => passed)).status).toBe(200);
    expect(await middleware(fakeContext({ url: '/health' }), () => passed)).toBe(passed);
  });

  it.each<[string, unknown]>([
    ['a path without a slash', { path: 'health' }],
    ['an empty path', { path: '' }],
    ['an unknown option', { paht: '/x' }],
  ])('does not start with %s', (_case, options) => {
    expect(() => health(new Health(), options as HealthOptions)).toThrow(ConfigError);
  });
});
