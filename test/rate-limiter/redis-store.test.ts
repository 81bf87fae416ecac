import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisStore, type RedisStoreOptions } from '../../src/rate-limiter/redis-store.js';
import type { RateLimitAlgorithm, RateLimitCounter, RateLimitPolicy } from '../../src/rate-limiter/types.js';
import { ALGORITHMS, JumpingClock } from '../contract/rate-limit-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { redisClusterClients } from '../support/redis-clients.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { isInstalled } from '../support/installed.js';

type SendCommand = RedisStoreOptions['sendCommand'];

function policyOf(changes: Partial<RateLimitPolicy> = {}): RateLimitPolicy {
  const windows = [{ limit: 3, windowMs: 60_000, burst: 3 }];
  return { name: 'test', algorithm: 'sliding-window', windows, blockMs: 0, ...changes };
}

describe.skipIf(!isInstalled('redis-server'))('RedisStore over a server', () => {
  let server: RedisServer;
  let client: Redis;
  let commands: string[];

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  beforeEach(async () => {
    await server.command('FLUSHALL');
    commands = [];
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  const sendCommand: SendCommand = (...args) => {
    commands.push(args[0]);
    return client.call(...args);
  };

  function open(policy: Partial<RateLimitPolicy> = {}, options: Partial<RedisStoreOptions> = {}): RateLimitCounter {
    return new RedisStore({ sendCommand, ...options }).open(policyOf(policy));
  }

  /** How often the server has changed anything. */
  async function changes(): Promise<string | undefined> {
    return /rdb_changes_since_last_save:(\d+)/.exec(String(await server.command('INFO', 'persistence')))?.[1];
  }

  it('sends the script once, then its SHA-1', async () => {
    await server.command('SCRIPT', 'FLUSH');
    const counter = open();
    await counter.consume('ada', 1);
    await counter.consume('ada', 1);
    await counter.peek('ada', 1);
    await counter.refund('ada', 1);
    expect(commands).toEqual(['EVALSHA', 'EVAL', 'EVALSHA', 'EVALSHA', 'EVALSHA']);
  });

  it('goes on with its counts when the server has forgotten the script', async () => {
    const counter = open();
    await counter.consume('ada', 2);
    await server.command('SCRIPT', 'FLUSH');
    expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('goes by the time of Redis, in whole ms', async () => {
    const timeOfRedis = async (): Promise<number> => {
      const [seconds, micros] = (await server.command('TIME')) as [string, string];
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    };
    const before = await timeOfRedis();
    await open({ algorithm: 'fixed-window' }).consume('ada', 1);
    const start = Number(await server.command('HGET', 'innergate:test:{ada}', 'start0'));
    expect(start).toBeGreaterThanOrEqual(before);
    expect(start).toBeLessThanOrEqual(await timeOfRedis());
  });

  it('shares counts between stores, and keeps names and keys apart', async () => {
    await open().consume('ada', 3);
    expect(await open().consume('ada', 1)).toMatchObject({ allowed: false });
    expect(await open().consume('bob', 1)).toMatchObject({ allowed: true });
    expect(await open({ name: 'other' }).consume('ada', 1)).toMatchObject({ allowed: true });
    expect(await open({}, { prefix: 'other:' }).consume('ada', 1)).toMatchObject({ allowed: true });
  });

  it.each(ALGORITHMS)('leaves counts in Redis when it is closed, %s', async (algorithm) => {
    const counter = open({ algorithm });
    await counter.consume('ada', 2);
    await counter.close();
    expect(await open({ algorithm }).peek('ada', 1)).toMatchObject({ remaining: 1 });
  });

  it.each(ALGORITHMS)('has no key left after a reset, %s', async (algorithm) => {
    const windows = [1, 2, 3].map((limit) => ({ limit, windowMs: limit * 1_000, burst: limit }));
    const counter = open({ algorithm, windows, blockMs: 5_000 });
    await counter.consume('ada', 1);
    await counter.consume('ada', 1);
    expect(await server.command('DBSIZE')).toBeGreaterThan(0);
    await counter.reset('ada');
    expect(await server.command('KEYS', '*')).toEqual([]);
  });

  it.each(ALGORITHMS)('has no key left when everything is taken back, %s', async (algorithm) => {
    const counter = open({ algorithm });
    await counter.consume('ada', 2);
    await counter.refund('ada', 2);
    expect(await server.command('KEYS', '*')).toEqual([]);
  });

  const keys = ['a', '}', '{', '{}', '}{', '%7D', '%', '{a}b', 'a}', 'user:42', 'é中', ' ', '\n', '2001:db8::/56'];

  it('keeps keys apart, whatever they are made of', async () => {
    const counter = open();
    for (const key of keys) expect(await counter.consume(key, 1), key).toMatchObject({ remaining: 2 });
    expect(await server.command('DBSIZE')).toBe(keys.length);
  });

  describe('expiry', () => {
    // windowMs 10 s: 3 calls at once, so a bucket of 3 needs all of it to be empty again.
    it.each<[RateLimitAlgorithm, number]>([
      ['sliding-window', 20_000],
      ['sliding-log', 10_000],
      ['fixed-window', 10_000],
      ['token-bucket', 10_000],
    ])('keeps no key longer than it counts, %s', async (algorithm, longestMs) => {
      const windows = [1_000, 10_000].map((windowMs) => ({ limit: 3, windowMs, burst: 3 }));
      const counter = open({ algorithm, windows });
      for (let i = 0; i < 5; i++) await counter.consume('ada', 1);
      await counter.refund('ada', 1);
      const written = (await server.command('KEYS', '*')) as string[];
      expect(written).toHaveLength(algorithm === 'sliding-log' ? 2 : 1);
      for (const key of written) {
        const leftMs = await server.command('PTTL', key);
        expect(leftMs, key).toBeGreaterThan(0);
        expect(leftMs, key).toBeLessThanOrEqual(longestMs);
      }
    });

    it.each(ALGORITHMS)('lets a block live as long as it blocks, %s', async (algorithm) => {
      const counter = open({ algorithm, blockMs: 300_000, windows: [{ limit: 1, windowMs: 1_000, burst: 1 }] });
      await counter.consume('ada', 1);
      await counter.consume('ada', 1);
      const leftMs = await server.command('PTTL', 'innergate:test:{ada}');
      expect(leftMs).toBeGreaterThan(250_000);
      expect(leftMs).toBeLessThanOrEqual(300_000);
    });

    it('lets a log live shorter when its newest call is taken back', async () => {
      const clock = new FakeClock();
      const counter = open({ algorithm: 'sliding-log' }, { clock });
      await counter.consume('ada', 1);
      clock.advance(50_000);
      await counter.consume('ada', 1);
      expect(await server.command('PTTL', 'innergate:test:{ada}:0')).toBeGreaterThan(110_000);
      await counter.refund('ada', 1);
      expect(await server.command('PTTL', 'innergate:test:{ada}:0')).toBeLessThanOrEqual(70_000);
    });

    it.each(ALGORITHMS)('begins anew where the clock goes back, %s', async (algorithm) => {
      const clock = new JumpingClock();
      const counter = open({ algorithm }, { clock });
      await counter.consume('ada', 3);
      const [key = ''] = (await server.command('KEYS', '*')) as string[];
      await server.command('PEXPIRE', key, 30_000);
      clock.jump(-500);
      expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false });
      expect(await server.command('PTTL', key)).toBeGreaterThan(60_000);
    });

    it('gives the keys of a clock that Redis does not know a minute more', async () => {
      const counter = open({ algorithm: 'fixed-window' }, { clock: new FakeClock() });
      await counter.consume('ada', 1);
      const leftMs = await server.command('PTTL', 'innergate:test:{ada}');
      expect(leftMs).toBeGreaterThan(60_000);
      expect(leftMs).toBeLessThanOrEqual(120_000);
    });
  });

  it.each(ALGORITHMS)('writes nothing for a call that is refused, or only asks, %s', async (algorithm) => {
    const counter = open({ algorithm });
    await counter.consume('ada', 3);
    const before = await changes();
    expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false });
    expect(await counter.consume('ada', 4)).toMatchObject({ allowed: false, retryAfterMs: Infinity });
    expect(await counter.peek('ada', 1)).toMatchObject({ allowed: false });
    expect(await counter.peek('bob', 1)).toMatchObject({ allowed: true });
    expect(await changes()).toBe(before);
  });

  it.each(ALGORITHMS)('writes a block once, %s', async (algorithm) => {
    const counter = open({ algorithm, blockMs: 60_000 });
    await counter.consume('ada', 3);
    await counter.consume('ada', 1);
    const before = await changes();
    expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, remaining: 0 });
    expect(await changes()).toBe(before);
  });

  it.each(ALGORITHMS)(
    'answers within a limit that was lowered, and forgives within a window, %s',
    async (algorithm) => {
      const clock = new FakeClock();
      await open({ algorithm, windows: [{ limit: 100, windowMs: 3_600_000, burst: 100 }] }, { clock }).consume(
        'ada',
        90,
      );
      const lowered = open({ algorithm, windows: [{ limit: 5, windowMs: 1_000, burst: 5 }] }, { clock });
      const decision = await lowered.consume('ada', 1);
      expect(decision).toMatchObject({ allowed: false, limit: 5, remaining: 0 });
      clock.advance(decision.retryAfterMs);
      expect(decision.retryAfterMs).toBeLessThanOrEqual(2_000);
      expect(await lowered.consume('ada', 1)).toMatchObject({ allowed: true });
    },
  );

  it('never keeps more times than the limit of a log', async () => {
    const clock = new FakeClock();
    const windows = [{ limit: 10_000, windowMs: 1_000, burst: 10_000 }];
    const counter = open({ algorithm: 'sliding-log', windows }, { clock });
    for (const cost of [9_999, 1, 1, 10_000]) await counter.consume('ada', cost);
    expect(await server.command('LLEN', 'innergate:test:{ada}:0')).toBe(10_000);
    clock.advance(1_000);
    expect(await counter.consume('ada', 4_000)).toMatchObject({ allowed: true, remaining: 6_000 });
    expect(await server.command('LLEN', 'innergate:test:{ada}:0')).toBe(4_000);
  });

  it('counts exactly up to 2^53', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const counter = open(
      { algorithm: 'fixed-window', windows: [{ limit: most, windowMs: 1, burst: most }] },
      { clock: new FakeClock() },
    );
    expect(await counter.consume('ada', most - 2)).toMatchObject({ allowed: true, remaining: 2 });
    expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true, remaining: 1 });
    expect(await counter.consume('ada', 2)).toMatchObject({ allowed: false, remaining: 1 });
    expect(await server.command('HGET', 'innergate:test:{ada}', 'count0')).toBe('9007199254740990');
  });

  describe('in a cluster', () => {
    let node: RedisServer;

    beforeAll(async () => {
      node = await startRedis({ isCluster: true });
    });
    afterAll(() => node.stop());

    it.each(redisClusterClients)('keeps the keys of a call in one slot, %s', async (_client, connect) => {
      await node.command('FLUSHALL');
      const { sendCommand, close } = await connect(node.port);
      const windows = [1, 2].map((factor) => ({ limit: 3, windowMs: factor * 60_000, burst: 3 }));
      const counter = new RedisStore({ sendCommand }).open(policyOf({ algorithm: 'sliding-log', windows }));
      for (const key of keys) expect(await counter.consume(key, 1), key).toMatchObject({ remaining: 2 });
      expect(await node.command('DBSIZE')).toBe(2 * keys.length);
      for (const key of keys) await counter.reset(key);
      expect(await node.command('DBSIZE')).toBe(0);
      await close();
    });
  });
});
