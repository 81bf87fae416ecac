import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { RedisStore, type RedisStoreOptions } from '../../src/rate-limiter/redis-store.js';
import type { RateLimitAlgorithm, RateLimitCounter, RateLimitPolicy } from '../../src/rate-limiter/types.js';
import { ALGORITHMS, JumpingClock } from '../contract/rate-limit-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { redisClusterClients } from '../support/redis-clients.js';
import { redisIsInstalled, startRedis, type RedisServer } from '../support/redis-server.js';

type SendCommand = RedisStoreOptions['sendCommand'];

function policyOf(changes: Partial<RateLimitPolicy> = {}): RateLimitPolicy {
  const windows = [{ limit: 3, windowMs: 60_000, burst: 3 }];
  return { name: 'test', algorithm: 'sliding-window', windows, blockMs: 0, ...changes };
}

const unused: SendCommand = () => Promise.reject(new Error('not to be called'));

describe('RedisStore', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['a client in the place of a function', { sendCommand: {} }],
    ['a prefix with braces', { sendCommand: unused, prefix: '{app}:' }],
    ['a clock that is a number', { sendCommand: unused, clock: 5 }],
    ['an unknown option', { sendCommand: unused, perfix: 'app:' }],
  ])('does not start with %s', (_case, options) => {
    expect(() => new RedisStore(options as RedisStoreOptions)).toThrow(ConfigError);
  });

  it('opens a name again only after it was closed', async () => {
    const store = new RedisStore({ sendCommand: unused });
    const first = store.open(policyOf());
    expect(() => store.open(policyOf())).toThrow("'test' is taken");
    expect(() => store.open(policyOf({ name: 'other' }))).not.toThrow();
    await first.close();
    expect(() => store.open(policyOf())).not.toThrow();
  });

  describe('takes no reply for an answer that is none', () => {
    it.each<[string, unknown]>([
      ['nothing', undefined],
      ['null', null],
      ['a text', 'OK'],
      ['a number', -5],
      ['NaN', NaN],
      ['an error', new Error('ERR unknown command')],
      ['an object', { 0: 1, 1: 0, 2: 2, 3: 60_000, 4: 0, length: 5 }],
      ['an empty list', []],
      ['a list of text', ['a']],
      ['2 figures', [1, 2]],
      ['6 figures', [1, 0, 2, 60_000, 0, 0]],
      ['a list in a list', [[1, 0, 2, 60_000, 0]]],
      ['lists of figures', [[1], [0], [2], [60_000], [0]]],
      ['a hole', [1, 0, 2, , 0]], // eslint-disable-line no-sparse-arrays
      ['a fraction', [1, 0, 2, 0.5, 0]],
      ['NaN among the figures', [1, 0, NaN, 60_000, 0]],
      ['Infinity among the figures', [1, 0, 2, Infinity, 0]],
      ['an empty text among the figures', [1, 0, '', 60_000, 0]],
      ['true in the place of 1', [true, 0, 2, 60_000, 0]],
      ['2 in the place of 1', [2, 0, 2, 60_000, 0]],
      ['a window that the limiter has not', [1, 1, 2, 60_000, 0]],
      ['a window before the first', [1, -1, 2, 60_000, 0]],
      ['more left than the limit', [1, 0, 4, 60_000, 0]],
      ['less than nothing left', [1, 0, -1, 60_000, 0]],
      ['a reset in the past', [1, 0, 2, -1, 0]],
      ['allowed, with a wait', [1, 0, 2, 60_000, 5]],
      ['refused, without a wait', [0, 0, 0, 60_000, 0]],
      ['refused, with a wait in the past', [0, 0, 0, 60_000, -2]],
    ])('%s', async (_case, reply) => {
      const counter = new RedisStore({ sendCommand: () => Promise.resolve(reply) }).open(policyOf());
      await expect(counter.consume('ada', 1)).rejects.toThrow(/^Redis answered with .+, expected \[allowed, /);
      await expect(counter.peek('ada', 1)).rejects.toThrow(/^Redis answered with /);
    });
  });

  it('says what came, cut short', async () => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve('x'.repeat(10_000)) }).open(policyOf());
    const failure = await counter.consume('ada', 1).then(String, (error: unknown) => (error as Error).message);
    expect(failure).toMatch(/^Redis answered with 'x{60}'/);
    expect(failure.length).toBeLessThan(250);
  });

  it.each<[string, unknown]>([
    ['numbers', [0, 0, 1, 60_000, 250]],
    ['text', ['0', '0', '1', '60000', '250']],
    ['BigInts', [0n, 0n, 1n, 60_000n, 250n]],
  ])('reads figures that are %s', async (_case, reply) => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve(reply) }).open(policyOf());
    const decision = { allowed: false, window: 0, limit: 3, remaining: 1, resetMs: 60_000, retryAfterMs: 250 };
    expect(await counter.consume('ada', 1)).toEqual({ ...decision, failure: null });
  });

  it('reads -1 as never', async () => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve([0, 0, 3, 0, -1]) }).open(policyOf());
    expect(await counter.consume('ada', 4)).toMatchObject({ allowed: false, retryAfterMs: Infinity });
  });

  it('rejects with what sendCommand throws, and asks no second time', async () => {
    let calls = 0;
    const sendCommand = (): never => {
      calls++;
      throw new Error('the client is closed');
    };
    const counter = new RedisStore({ sendCommand }).open(policyOf());
    await expect(counter.consume('ada', 1)).rejects.toThrow('the client is closed');
    await expect(counter.refund('ada', 1)).rejects.toThrow('the client is closed');
    await expect(counter.reset('ada')).rejects.toThrow('the client is closed');
    expect(calls).toBe(3);
  });

  it('puts a key of the cluster at the same place in every command', async () => {
    const sent: string[][] = [];
    const sendCommand: SendCommand = (...args) => {
      sent.push(args);
      return sent.length === 1 ? Promise.reject(new Error('NOSCRIPT No matching script.')) : Promise.resolve([]);
    };
    const counter = new RedisStore({ sendCommand, prefix: 'app:' }).open(policyOf());
    await counter.refund('ada', 1);
    await counter.reset('ada');
    expect(sent.map(([command]) => command)).toEqual(['EVALSHA', 'EVAL', 'EVALSHA']);
    expect(sent.map((args) => args[3])).toEqual(Array(3).fill('app:test:{ada}'));
  });
});

describe.skipIf(!redisIsInstalled())('RedisStore over a server', () => {
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
    expect(await open({ algorithm }).peek('ada', 1)).toMatchObject({ remaining: 0 });
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
