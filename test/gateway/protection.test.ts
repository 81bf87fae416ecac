import { describe, expect, it } from 'vitest';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import { createGateway, type Gateway, type GatewayConfig, type RouteConfig } from '../../src/gateway/index.js';
import { CircuitBreaker } from '../../src/circuit-breaker/index.js';
import { ConfigError } from '../../src/core/options.js';
import { RateLimiter, type RateLimitStore } from '../../src/rate-limiter/index.js';
import { RetryBudget } from '../../src/retry/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeRequest, type FakeRequestOptions } from '../support/request.js';

const target = 'http://users:3001';
const perMinute = { windowMs: 60_000, limit: 100 };

function build(config: Partial<GatewayConfig>): { gateway: Gateway; log: Record<string, unknown>[]; clock: FakeClock } {
  const log: Record<string, unknown>[] = [];
  const clock = new FakeClock();
  const sink = (line: string): void => {
    log.push(JSON.parse(line) as Record<string, unknown>);
  };
  const routes: RouteConfig[] = [{ path: '/', respond: { body: 'here' } }];
  return { gateway: createGateway({ routes, clock, accessLog: { sink }, ...config }), log, clock };
}

async function ask(gateway: Gateway, request: FakeRequestOptions = {}): Promise<GatewayResponse & { text: string }> {
  const response = await gateway.handle(fakeRequest(request));
  return { ...response, text: await bodyText(response.body) };
}

const faultsOf = (config: unknown): string[] => {
  try {
    createGateway(config as GatewayConfig);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
};
const failing: Handler = () => ({ status: 500, headers: {}, body: null });

describe('the config', () => {
  it('takes every short form', () => {
    const { gateway } = build({
      routes: [
        {
          path: '/a',
          target,
          rateLimit: { windowMs: 60_000, maxRequests: 100 },
          circuitBreaker: { timeout: 5_000, errorThreshold: 50, resetTimeout: 30_000 },
          retry: 2,
          concurrency: 10,
          fallback: { body: 'sorry' },
          priority: 'high',
        },
        { path: '/b', target, rateLimit: { windowMs: 60_000, max: 100 }, circuitBreaker: true, retry: true },
        { path: '/c', target, rateLimit: [perMinute, { windowMs: 3_600_000, limit: 10_000 }], retry: { retries: 1 } },
      ],
      rateLimit: perMinute,
      loadShedding: true,
    });
    expect(gateway.explain('GET', '/a').policies.slice(5)).toEqual([
      ...['health', 'load-shedding', 'body-limit', 'rate-limit', 'rate-limit'],
      ...['fallback', 'concurrency', 'retry', 'circuit-breaker'],
    ]);
  });

  it.each([
    [{ rateLimit: {} }, 'rateLimit.limit: missing'],
    [{ rateLimit: { limit: 5 } }, 'rateLimit.windowMs: missing'],
    [{ rateLimit: { limit: 0, windowMs: 1 } }, 'rateLimit.limit: got 0'],
    [{ rateLimit: { limit: -1, windowMs: 1 } }, 'rateLimit.limit: got -1'],
    [{ rateLimit: { limit: Number.NaN, windowMs: 1 } }, 'rateLimit.limit: got NaN'],
    [{ rateLimit: { limit: 1, windowMs: Infinity } }, 'rateLimit.windowMs: got Infinity'],
    [{ rateLimit: { limit: 1, windwMs: 1 } }, 'rateLimit.windwMs: unknown option; did you mean windowMs?'],
    [{ rateLimit: [{ limit: 1 }] }, 'rateLimit[0].windowMs: missing'],
    [
      { rateLimit: { ...perMinute, scope: 'all' } },
      "rateLimit.scope: got \"all\", expected one of 'route', 'upstream'",
    ],
    [{ rateLimit: true }, 'rateLimit: got true'],
    [{ circuitBreaker: { errorThreshold: 0 } }, 'circuitBreaker.errorThreshold: got 0'],
    [{ circuitBreaker: { timeout: 0 } }, 'circuitBreaker.timeout: got 0'],
    [{ circuitBreaker: 5 }, 'circuitBreaker: got 5'],
    [{ retry: -1 }, 'retry: got -1'],
    [{ retry: { retires: 1 } }, 'retry.retires: unknown option; did you mean retries?'],
    [{ concurrency: 0 }, 'concurrency: got 0'],
    [{ concurrency: { maxQueue: 1 } }, 'concurrency.limit: missing'],
    [{ fallback: true }, 'fallback: got true'],
    [{ priority: 'urgent' }, 'priority: got "urgent"'],
  ])('%j is refused at its path, on a route and in defaults', (policies, message) => {
    expect(faultsOf({ routes: [{ path: '/', target, ...policies }] })[0]).toContain(`routes[0].${message}`);
    expect(faultsOf({ routes: [{ path: '/', target }], defaults: policies })[0]).toContain(`defaults.${message}`);
  });

  it('refuses one deadline that is given twice, and one that would do nothing', () => {
    const twice = { circuitBreaker: { timeout: 5_000 }, timeouts: { firstByteMs: 5_000 } };
    expect(faultsOf({ routes: [{ path: '/', target, ...twice }] })).toEqual([
      'routes[0]: circuitBreaker.timeout and timeouts.firstByteMs are the same; keep one',
    ]);
    expect(faultsOf({ routes: [{ path: '/', target }], defaults: twice })).toHaveLength(1);
    const alone = { path: '/', respond: failing, circuitBreaker: { timeout: 5_000 } };
    expect(faultsOf({ routes: [alone] })).toEqual(['routes[0].circuitBreaker.timeout: has no effect beside respond']);
  });
});

describe('explain', () => {
  it('says what each layer holds to', () => {
    const { gateway } = build({
      routes: [
        {
          path: '/a',
          id: 'users',
          target,
          rateLimit: [perMinute, { ...perMinute, limit: 5, key: 'identity', dryRun: true }],
          circuitBreaker: true,
          retry: 2,
          concurrency: 10,
        },
      ],
    });
    expect(gateway.explain('GET', '/a').settings).toEqual({
      'rate-limit': '100 in 60000 ms by ip, sliding-window',
      'identity-rate-limit': '5 in 60000 ms by identity, sliding-window, dry run',
      concurrency: '10 in flight, 0 now',
      retry: '2 retries',
      'circuit-breaker': 'users is closed',
    });
  });
});

describe('defaults', () => {
  it('hold for every route, each counted by itself, and false turns them off', async () => {
    const { gateway } = build({
      defaults: { rateLimit: { windowMs: 60_000, limit: 1 } },
      routes: [
        { path: '/a', methods: ['GET'], respond: { body: 'a' } },
        { path: '/a', methods: ['POST'], respond: { body: 'b' } },
        { path: '/free', rateLimit: false, respond: { body: 'free' } },
        { path: '/more', rateLimit: { windowMs: 60_000, limit: 2 }, respond: { body: 'more' } },
      ],
    });
    const statuses = async (url: string, method = 'GET'): Promise<number[]> => [
      (await ask(gateway, { url, method })).status,
      (await ask(gateway, { url, method })).status,
    ];
    expect(await statuses('/a')).toEqual([200, 429]);
    expect(await statuses('/a', 'POST')).toEqual([200, 429]);
    expect(await statuses('/free')).toEqual([200, 200]);
    expect(await statuses('/more')).toEqual([200, 200]);
  });
});

describe('who counts together', () => {
  it('by scope upstream are all routes to one service, whatever their paths', async () => {
    const limit = { windowMs: 60_000, limit: 2, scope: 'upstream' as const };
    const respond = { body: 'x' };
    const { gateway } = build({
      routes: [
        { path: '/a', target: 'http://127.0.0.1:1', rateLimit: limit },
        { path: '/b', target: 'http://127.0.0.1:1/base', rateLimit: { ...limit } },
        { path: '/c', target: 'http://127.0.0.1:2', rateLimit: limit },
        { path: '/d', respond, rateLimit: limit },
        { path: '/e', respond, rateLimit: limit },
      ],
    });
    const statuses: number[] = [];
    for (const url of ['/a', '/b', '/a', '/c', '/d', '/e']) statuses.push((await ask(gateway, { url })).status);
    expect(statuses).toEqual([502, 502, 429, 502, 200, 200]);
    await gateway.close();
  });

  it('share engines of their own making', async () => {
    const limiter = new RateLimiter({ limit: 2, windowMs: 60_000 });
    const breaker = new CircuitBreaker({ name: 'shared', failureThreshold: 1 });
    const budget = new RetryBudget({ floor: 0, percentage: 0 });
    const policies = { rateLimit: { limiter }, circuitBreaker: { breaker }, retry: { budget } };
    const { gateway } = build({
      routes: [
        { path: '/a', respond: failing, ...policies },
        { path: '/b', respond: { body: 'b' }, ...policies },
      ],
    });
    const statuses: number[] = [];
    for (const url of ['/a', '/b', '/b']) statuses.push((await ask(gateway, { url })).status);
    expect(statuses).toEqual([500, 503, 429]);
    expect(gateway.health()).toMatchObject({ status: 'degraded', circuits: { shared: 'open' } });
    await gateway.close();
    expect(limiter.peek('203.0.113.7').remaining).toBe(0);
  });
});

describe('failureStatuses of a route', () => {
  it.each([
    [[429], 429, 'fallback'],
    [[429], 500, 'own'],
    [undefined, 429, 'own'],
    [undefined, 500, 'fallback'],
  ])('%j make a %i count for breaker and fallback alike: %s', async (failureStatuses, status, text) => {
    let calls = 0;
    const respond: Handler = () => {
      calls++;
      return { status, headers: {}, body: 'own' };
    };
    const { gateway, clock } = build({
      defaults: { circuitBreaker: { failureThreshold: 3 }, retry: { retries: 1, backoffMs: 0, maxBackoffMs: 0 } },
      routes: [{ path: '/', respond, fallback: { body: 'fallback' }, ...(failureStatuses && { failureStatuses }) }],
    });
    const answer = ask(gateway);
    await clock.advanceAsync(1);
    expect((await answer).text).toBe(text);
    expect(calls).toBe(text === 'fallback' ? 2 : 1);
    const second = ask(gateway);
    await clock.advanceAsync(1);
    await second;
    expect(Object.values(gateway.health().circuits)).toEqual([text === 'fallback' ? 'open' : 'closed']);
  });
});

describe('a limit by identity', () => {
  it('is counted after the middlewares that prove one would have run, a limit by address before', () => {
    const { gateway } = build({ defaults: { rateLimit: [{ ...perMinute, key: 'identity' }, perMinute] } });
    const { policies } = gateway.explain('GET', '/');
    expect(policies.indexOf('rate-limit')).toBeLessThan(policies.indexOf('identity-rate-limit'));
  });

  it('counts each identity by itself', async () => {
    const limit = { windowMs: 60_000, limit: 1, key: () => 'one' };
    const { gateway } = build({ defaults: { rateLimit: limit } });
    expect((await ask(gateway)).status).toBe(200);
    expect((await ask(gateway, { clientIp: '198.51.100.1' })).status).toBe(429);
  });
});

describe('the log', () => {
  it('has a line for each step of a circuit', async () => {
    const { gateway, log, clock } = build({
      routes: [{ path: '/', id: 'shop', respond: failing, circuitBreaker: { failureThreshold: 2 } }],
    });
    for (let call = 0; call < 3; call++) await ask(gateway);
    clock.advance(30_000);
    await ask(gateway);
    const steps = log.filter(({ circuit }) => circuit === 'shop');
    expect(steps.map(({ level, message, from, to }) => ({ level, message, from, to }))).toEqual([
      { level: 'warn', message: 'circuit shop is open', from: 'closed', to: 'open' },
      { level: 'warn', message: 'circuit shop is half-open', from: 'open', to: 'half-open' },
      { level: 'warn', message: 'circuit shop is open', from: 'half-open', to: 'open' },
    ]);
    expect(steps[0]).toMatchObject({ reason: '2 failures in a row', timestamp: '2026-01-01T00:00:00.000Z' });
  });

  it('has one line for a step of a circuit that routes to several services share', async () => {
    const breaker = new CircuitBreaker({ name: 'shared', failureThreshold: 1 });
    const { gateway, log } = build({
      routes: [
        { path: '/a', id: 'a', methods: ['GET'], respond: failing, circuitBreaker: { breaker } },
        { path: '/b', id: 'a', respond: failing, circuitBreaker: { breaker } },
        { path: '/c', id: 'a', respond: failing, circuitBreaker: true },
      ],
    });
    await ask(gateway, { url: '/a' });
    expect(log.filter(({ circuit }) => circuit === 'shared')).toHaveLength(1);
    expect(gateway.health().circuits).toEqual({ shared: 'open', a: 'closed' });
    await gateway.close();
    breaker.close();
    expect(log.filter(({ circuit }) => circuit === 'shared')).toHaveLength(1);
  });

  it('has a line when the store of a limiter goes and one when it is back; health tells it too', async () => {
    let isDown = true;
    const inner = new RateLimiter({ limit: 5, windowMs: 60_000 });
    const store: RateLimitStore<Promise<ReturnType<typeof inner.check>>> = {
      remote: true,
      open: () => ({
        consume: (key, cost) => (isDown ? Promise.reject(new Error('gone')) : Promise.resolve(inner.check(key, cost))),
        peek: (key, cost) => Promise.resolve(inner.peek(key, cost)),
        refund: () => undefined,
        reset: () => undefined,
        close: () => undefined,
      }),
    };
    const { gateway, log, clock } = build({
      defaults: { rateLimit: { ...perMinute, store, onStoreError: 'closed' } },
      routes: [{ path: '/', id: 'shop', respond: { body: '' } }],
    });
    const refused = await ask(gateway);
    expect([refused.status, (JSON.parse(refused.text) as { code: string }).code]).toEqual([
      503,
      'ERR_GATEWAY_LIMITER_UNAVAILABLE',
    ]);
    await ask(gateway);
    expect(gateway.health()).toMatchObject({ status: 'degraded', stores: { shop: 'down' } });
    isDown = false;
    clock.advance(1_000);
    expect((await ask(gateway)).status).toBe(200);
    expect(gateway.health()).toMatchObject({ status: 'healthy', stores: { shop: 'up' } });
    const lines = log.filter(({ limiter }) => limiter === 'shop');
    expect(lines.map(({ message }) => message)).toEqual(['store of the limiter is down', 'store of the limiter is up']);
  });

  it('names what a limit in dry run would have refused', async () => {
    const { gateway, log } = build({ defaults: { rateLimit: { windowMs: 60_000, limit: 1, dryRun: true } } });
    expect([(await ask(gateway)).status, (await ask(gateway)).status]).toEqual([200, 200]);
    expect(log.map(({ dryRun }) => dryRun)).toEqual([undefined, 'ERR_GATEWAY_RATE_LIMITED']);
  });
});

describe('a gateway that ends', () => {
  it('leaves no timer behind and frees the names in a store', async () => {
    const opened: string[] = [];
    const store: RateLimitStore = {
      remote: false,
      open({ name }) {
        if (opened.includes(name)) throw new Error(`${name} is taken`);
        opened.push(name);
        const counter = new RateLimiter({ limit: 5, windowMs: 60_000 });
        return {
          consume: (key, cost) => counter.check(key, cost),
          peek: (key, cost) => counter.peek(key, cost),
          refund: () => undefined,
          reset: () => undefined,
          close() {
            opened.splice(opened.indexOf(name), 1);
          },
        };
      },
    };
    const { gateway, clock } = build({
      loadShedding: true,
      rateLimit: { ...perMinute, store },
      defaults: { rateLimit: { ...perMinute, store } },
      routes: [
        { path: '/a', respond: { body: '' } },
        { path: '/a', methods: ['POST'], respond: { body: '' } },
      ],
    });
    expect(opened).toEqual(['gateway', '/a', '/a-2']);
    expect(clock.pending).toBe(1);
    await gateway.close();
    expect(opened).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('load shedding', () => {
  it('refuses the routes of low priority first, and never health', async () => {
    const clock = new FakeClock();
    let late = 0;
    const slow = {
      now: () => clock.now() + late,
      wall: () => clock.wall(),
      setTimer: clock.setTimer.bind(clock),
      clearTimer: clock.clearTimer.bind(clock),
    };
    const { gateway } = build({
      clock: slow,
      loadShedding: { maxEventLoopDelayMs: 10, sampleMs: 100 },
      defaults: { priority: 'low' },
      routes: [
        { path: '/low', respond: { body: '' } },
        { path: '/critical', priority: 'critical', respond: { body: '' } },
      ],
    });
    for (let sample = 0; sample < 20; sample++) {
      late += 50;
      clock.advance(100);
    }
    const shed = await ask(gateway, { url: '/low' });
    expect([shed.status, (JSON.parse(shed.text) as { code: string }).code]).toEqual([503, 'ERR_GATEWAY_OVERLOADED']);
    expect((await ask(gateway, { url: '/critical' })).status).toBe(200);
    expect((await ask(gateway, { url: '/health' })).status).toBe(200);
    expect(gateway.health().status).toBe('degraded');
    await gateway.close();
  });
});
