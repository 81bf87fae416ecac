/** A real server that stops answering, in every way that it can, and what a limiter over it says meanwhile. */
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { RateLimiter } from '../../src/rate-limiter/rate-limiter.js';
import { RedisStore } from '../../src/rate-limiter/redis-store.js';
import type { RateLimiterOptions, StoreOutage } from '../../src/rate-limiter/options.js';
import type { RateLimitDecision, StoreErrorPolicy } from '../../src/rate-limiter/types.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { isInstalled } from '../support/installed.js';

interface Outage {
  begin(server: RedisServer): unknown;
  end(server: RedisServer): unknown;
  /** What the limiter is told. */
  readonly error: RegExp;
}

/** A server that says nothing: the deadline does. */
const SILENCE = /within 50 ms/;

const OUTAGES: readonly (readonly [kind: string, outage: Outage])[] = [
  ['paused', { begin: (server) => server.pause(), end: (server) => server.resume(), error: SILENCE }],
  [
    'killed',
    { begin: (server) => server.kill(), end: (server) => server.restart(), error: /closed|writeable|ECONN|EPIPE/ },
  ],
  [
    'out of memory',
    { begin: (server) => server.setMaxMemory(1), end: (server) => server.setMaxMemory(0), error: /^OOM/ },
  ],
  [
    'a replica of a dead master',
    {
      begin: (server) => server.command('REPLICAOF', '127.0.0.1', 1),
      end: (server) => server.command('REPLICAOF', 'NO', 'ONE'),
      error: /^READONLY/,
    },
  ],
];

describe.skipIf(!isInstalled('redis-server'))('a limiter over Redis', () => {
  let server: RedisServer;
  let client: Redis;
  let clock: FakeClock;
  let commands: number;
  let outages: StoreOutage[];

  beforeEach(async () => {
    server = await startRedis();
    client = new Redis(server.port, { enableOfflineQueue: false, retryStrategy: () => 10 });
    client.on('error', ignore);
    await eventually(() => client.status === 'ready');
    clock = new FakeClock();
    commands = 0;
    outages = [];
  });
  afterEach(async () => {
    client.disconnect();
    await server.stop();
  });

  function limiterWith(options: Partial<RateLimiterOptions<Promise<RateLimitDecision>>>) {
    const store = new RedisStore({
      sendCommand: (...args) => {
        commands++;
        return client.call(...args);
      },
    });
    const onOutage = (outage: StoreOutage): void => {
      outages.push(outage);
    };
    return new RateLimiter({ limit: 3, windowMs: 60_000, clock, store, onOutage, ...options });
  }

  /** The answer to a call; where the server says nothing, the deadline passes. */
  async function answerTo(call: Promise<RateLimitDecision>, error: RegExp): Promise<RateLimitDecision> {
    if (error === SILENCE) clock.advance(50);
    return call;
  }

  const answers: Readonly<Record<StoreErrorPolicy, readonly boolean[]>> = {
    open: [true, true, true, true, true],
    closed: [false, false, false, false, false],
    local: [true, true, true, false, false],
  };

  describe.each(OUTAGES)('whose server is %s', (_kind, { begin, end, error }) => {
    it.each(['open', 'closed', 'local'] as const)('answers %s, asks it once, and comes back', async (onStoreError) => {
      const limiter = limiterWith({ onStoreError });
      expect(await limiter.check('ada')).toMatchObject({ allowed: true, remaining: 2, failure: null });
      await begin(server);
      commands = 0;

      const decisions = [await answerTo(limiter.check('ada'), error)];
      while (decisions.length < 5) decisions.push(await limiter.check('ada'));
      expect(decisions.map(({ allowed }) => allowed)).toEqual(answers[onStoreError]);
      expect(decisions.map(({ failure }) => failure)).toEqual(Array(5).fill(onStoreError));
      expect(commands).toBe(1);
      expect(outages).toMatchObject([{ name: 'default', state: 'down', policy: onStoreError }]);
      expect((outages[0]?.error as Error).message).toMatch(error);

      clock.advance(1_000);
      expect(await answerTo(limiter.check('bob'), error)).toMatchObject({ failure: onStoreError });
      expect(commands).toBe(2);
      expect(outages).toHaveLength(1);

      await end(server);
      const back = await eventually(
        async () => {
          clock.advance(1_000);
          const decision = await limiter.check('cy');
          return decision.failure === null && decision;
        },
        { withinMs: 10_000 },
      );
      expect(back).toMatchObject({ allowed: true, remaining: 2 });
      expect(outages.map(({ state }) => state)).toEqual(['down', 'up']);
      await turn();
      expect(clock.pending).toBe(0);
    });
  });

  it('notices nothing when the server has forgotten the script', async () => {
    const limiter = limiterWith({ onStoreError: 'closed' });
    await limiter.check('ada');
    await server.command('SCRIPT', 'FLUSH');
    expect(await limiter.check('ada')).toMatchObject({ remaining: 1, failure: null });
    expect(outages).toEqual([]);
  });

  it('starts while the server is away, and goes over to it when it is there', async () => {
    await server.kill();
    const limiter = limiterWith({ onStoreError: 'local' });
    expect(await limiter.check('ada')).toMatchObject({ allowed: true, failure: 'local' });
    await server.restart();
    await eventually(async () => {
      clock.advance(1_000);
      return (await limiter.check('ada')).failure === null;
    });
    expect(outages.map(({ state }) => state)).toEqual(['down', 'up']);
  });

  it('answers 200 calls in less than a second of real time while the server is paused', async () => {
    const limiter = limiterWith({ onStoreError: 'closed', storeTimeoutMs: 50, clock: systemClock });
    await limiter.check('ada');
    server.pause();
    const startedAt = performance.now();
    const decisions = await Promise.all(Array.from({ length: 200 }, () => limiter.check('ada')));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(decisions.every(({ allowed, failure }) => !allowed && failure === 'closed')).toBe(true);
    expect(outages).toHaveLength(1);
  });

  it('drops the reply, or the failure, of a call that was answered without it', async () => {
    const limiter = limiterWith({ onStoreError: 'open' });
    await limiter.check('ada');
    server.pause();
    expect(await answerTo(limiter.check('ada'), SILENCE)).toMatchObject({ failure: 'open' });
    await server.kill();
    await eventually(() => client.status !== 'ready');
    await turn();
    expect(outages.map(({ state }) => state)).toEqual(['down']);
  });
});

function ignore(): void {}
