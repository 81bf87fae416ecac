import { afterAll, beforeAll, describe } from 'vitest';
import { RedisStore } from '../../src/rate-limiter/redis-store.js';
import { describeRateLimitStore } from '../contract/rate-limit-store.js';
import { redisClients, type RedisClient } from '../support/redis-clients.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { isInstalled } from '../support/installed.js';

describe.skipIf(!isInstalled('redis-server'))('over a server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describe.each(redisClients)('with %s', (name, connect) => {
    let client: RedisClient;

    beforeAll(async () => {
      client = await connect(server.port);
    });
    afterAll(() => client.close());

    describeRateLimitStore(`RedisStore, ${name}`, async (clock) => {
      await client.sendCommand('FLUSHALL');
      return { store: new RedisStore({ sendCommand: client.sendCommand, clock }), close: () => Promise.resolve() };
    });
  });
});
