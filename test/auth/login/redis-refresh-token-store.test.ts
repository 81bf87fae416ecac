import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  RedisRefreshTokenStore,
  type RedisRefreshTokenStoreOptions,
} from '../../../src/auth/login/redis-refresh-token-store.js';
import { ConfigError } from '../../../src/core/options.js';
import { describeRefreshTokenStore, family, tokenHash } from '../../contract/refresh-token-store.js';
import { redisClients, redisClusterClients, type RedisClient } from '../../support/redis-clients.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { isInstalled } from '../../support/installed.js';

type SendCommand = RedisRefreshTokenStoreOptions['sendCommand'];

const ADA = family('ada');

describe.skipIf(!isInstalled('redis-server'))('over a server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describe.each(redisClients)('with %s', (client, connect) => {
    let redis: RedisClient;

    beforeAll(async () => {
      redis = await connect(server.port);
    });
    afterAll(() => redis.close());

    describeRefreshTokenStore(`RedisRefreshTokenStore, ${client}`, async () => {
      await redis.sendCommand('FLUSHALL');
      const store = new RedisRefreshTokenStore({ sendCommand: redis.sendCommand });

      /** Time passes for every key, without anybody waiting. */
      async function advance(ms: number): Promise<void> {
        for (const key of (await server.command('KEYS', '*')) as string[]) {
          const leftMs = Number(await server.command('PTTL', key));
          await server.command('PEXPIRE', key, leftMs - ms);
        }
      }

      return { store, advance };
    });
  });

  describe('RedisRefreshTokenStore', () => {
    let client: Redis;
    let commands: string[];
    let store: RedisRefreshTokenStore;

    beforeAll(() => {
      client = new Redis(server.port);
    });
    afterAll(() => {
      client.disconnect();
    });
    beforeEach(async () => {
      await server.command('FLUSHALL');
      commands = [];
      store = new RedisRefreshTokenStore({ sendCommand });
    });

    const sendCommand: SendCommand = (...args) => {
      commands.push(args[0]);
      return client.call(...args);
    };

    it('sends the script once, then its SHA-1, for every call', async () => {
      await server.command('SCRIPT', 'FLUSH');
      await store.create(ADA, tokenHash(1), '{}', 60_000);
      await store.rotate(ADA, tokenHash(1), tokenHash(2), 60_000);
      await store.revoke(ADA);
      expect(commands).toEqual(['EVALSHA', 'EVAL', 'EVALSHA', 'EVALSHA']);
    });

    it('rotates when the server has forgotten the script', async () => {
      await store.create(ADA, tokenHash(1), '{}', 60_000);
      await server.command('SCRIPT', 'FLUSH');
      expect(await store.rotate(ADA, tokenHash(1), tokenHash(2), 60_000)).toEqual({ outcome: 'rotated', data: '{}' });
    });

    it('leaves no key without an end, and none of what is gone', async () => {
      const leftMs = async () => Number(await server.command('PTTL', `innergate:refresh:${ADA}`));
      await store.create(ADA, tokenHash(1), '{}', 60_000);
      expect(await leftMs()).toBeGreaterThan(50_000);
      expect(await leftMs()).toBeLessThanOrEqual(60_000);
      await store.rotate(ADA, tokenHash(1), tokenHash(2), 120_000);
      expect(await leftMs()).toBeGreaterThan(110_000);
      await store.rotate(ADA, tokenHash(1), tokenHash(3), 120_000);
      expect(await server.command('DBSIZE')).toBe(0);
    });

    it('shares families between stores of the same prefix alone', async () => {
      await store.create(ADA, tokenHash(1), '{}', 60_000);
      const other = new RedisRefreshTokenStore({ sendCommand, prefix: 'other:' });
      expect(await other.rotate(ADA, tokenHash(1), tokenHash(2), 60_000)).toEqual({ outcome: 'unknown' });
      const same = new RedisRefreshTokenStore({ sendCommand });
      expect(await same.rotate(ADA, tokenHash(1), tokenHash(2), 60_000)).toMatchObject({ outcome: 'rotated' });
    });

    it('fails where Redis does', async () => {
      await server.command('SET', `innergate:refresh:${ADA}`, 'x');
      await server.command('DEL', `innergate:refresh:${ADA}`);
      await server.command('LPUSH', `innergate:refresh:${ADA}`, 'a list');
      await expect(store.rotate(ADA, tokenHash(1), tokenHash(2), 60_000)).rejects.toThrow('WRONGTYPE');
    });
  });

  describe('in a cluster', () => {
    let node: RedisServer;

    beforeAll(async () => {
      node = await startRedis({ isCluster: true });
    });
    afterAll(() => node.stop());

    it.each(redisClusterClients)('finds the key of every call, %s', async (_client, connect) => {
      const { sendCommand, close } = await connect(node.port);
      const store = new RedisRefreshTokenStore({ sendCommand });
      for (const name of ['ada', 'bob', 'eve']) {
        await store.create(family(name), tokenHash(1), name, 60_000);
        expect(await store.rotate(family(name), tokenHash(1), tokenHash(2), 60_000)).toMatchObject({ data: name });
        await store.revoke(family(name));
      }
      expect(await node.command('DBSIZE')).toBe(0);
      await close();
    });
  });
});

describe('RedisRefreshTokenStore', () => {
  const unused: SendCommand = () => Promise.reject(new Error('not to be called'));

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['a client in the place of a function', { sendCommand: {} }],
    ['an empty prefix', { sendCommand: unused, prefix: '' }],
    ['an unknown option', { sendCommand: unused, perfix: 'app:' }],
  ])('does not start with %s', (_case, options) => {
    expect(() => new RedisRefreshTokenStore(options as RedisRefreshTokenStoreOptions)).toThrow(ConfigError);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'rotated'],
    ['OK', 'OK'],
    ['an empty list', []],
    ['rotated, without data', ['rotated']],
    ['rotated, with bytes', ['rotated', Buffer.from('{}')]],
    ['rotated, with null', ['rotated', null]],
    ['a list in a list', [['unknown']]],
    ['an object', { 0: 'unknown' }],
    ['secret claims', ['secret claims', 'secret claims']],
  ])('takes no reply for an answer that is none, and does not show it: %s', async (_case, reply) => {
    const store = new RedisRefreshTokenStore({ sendCommand: () => Promise.resolve(reply) });
    const message = 'Redis answered with something that the script does not return';
    await expect(store.rotate(ADA, tokenHash(1), tokenHash(2), 1)).rejects.toThrow(new Error(message));
    await expect(store.create(ADA, tokenHash(1), '{}', 1)).rejects.toThrow(new Error(message));
    await expect(store.revoke(ADA)).rejects.toThrow(new Error(message));
  });

  it('sends nothing again where it has failed in another way', async () => {
    let calls = 0;
    const store = new RedisRefreshTokenStore({
      sendCommand: () => {
        calls++;
        return Promise.reject(new Error('READONLY You cannot write against a read only replica.'));
      },
    });
    await expect(store.rotate(ADA, tokenHash(1), tokenHash(2), 1)).rejects.toThrow('READONLY');
    expect(calls).toBe(1);
  });
});
