import { Cluster, Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';
import { createClient, createCluster } from 'redis';
import type { RedisStoreOptions } from '../../src/rate-limiter/redis-store.js';

/** What the Redis store needs of a client. */
export interface RedisClient {
  readonly sendCommand: RedisStoreOptions['sendCommand'];
  close(): Promise<unknown>;
}

type Connect = (port: number) => Promise<RedisClient>;

/** Every client that the store is promised to work with, as its documentation says. */
export const redisClients: readonly (readonly [name: string, connect: Connect])[] = [
  ['ioredis', (port) => ioredis(new Redis(port))],
  ['iovalkey', (port) => ioredis(new Valkey(port))],
  ['node-redis', (port) => nodeRedis(port, 3)],
  ['node-redis with RESP 2', (port) => nodeRedis(port, 2)],
];

export const redisClusterClients: readonly (readonly [name: string, connect: Connect])[] = [
  ['ioredis', (port) => ioredis(new Cluster([{ host: '127.0.0.1', port }]))],
  ['node-redis', nodeRedisCluster],
];

function ioredis(redis: Redis | Valkey | Cluster): Promise<RedisClient> {
  return Promise.resolve({ sendCommand: (...args) => redis.call(...args), close: () => redis.quit() });
}

async function nodeRedis(port: number, RESP: 2 | 3): Promise<RedisClient> {
  const redis = createClient({ url: `redis://127.0.0.1:${port}`, RESP });
  await redis.connect();
  return { sendCommand: (...args) => redis.sendCommand(args), close: () => redis.close() };
}

async function nodeRedisCluster(port: number): Promise<RedisClient> {
  const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] });
  await cluster.connect();
  return { sendCommand: (...args) => cluster.sendCommand(args[3], false, args), close: () => cluster.close() };
}
