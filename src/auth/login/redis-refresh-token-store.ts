import { func, object, string, validate, type Schema } from '../../core/options.js';
import { RedisScript, type SendRedisCommand } from '../../core/redis-script.js';
import type { RefreshRotation, RefreshTokenStore } from './refresh-token-store.js';

export interface RedisRefreshTokenStoreOptions {
  /**
   * Sends a command with the client of your choice, which stays yours to open and to close:
   *
   * - ioredis and iovalkey, a cluster of theirs too: `(...args) => redis.call(...args)`
   * - node-redis: `(...args) => redis.sendCommand(args)`
   * - a cluster of node-redis: `(...args) => cluster.sendCommand(args[3], false, args)`; `args[3]` is always a key
   *
   * Switch off its queue for times without a connection (`enableOfflineQueue: false`, `disableOfflineQueue: true`), or
   * calls that were answered with 503 long ago are made when the connection is back.
   */
  sendCommand: SendRedisCommand;
  /** What every key begins with; the keys are `<prefix><family>`. @default 'innergate:refresh:' */
  prefix?: string;
}

const redisRefreshTokenStoreFields = {
  sendCommand: func,
  prefix: string(),
} satisfies Record<keyof RedisRefreshTokenStoreOptions, Schema>;

/** One script for all calls, so that the key stands at one place in every command. */
const SCRIPT = `
-- KEYS[1]: a hash of a family, its latest token and its data.
-- ARGV: create, token, data, ttlMs | rotate, old token, new token, ttlMs | revoke. Tokens are hashes of tokens.
local mode, token = ARGV[1], ARGV[2]

if mode == 'create' then
  redis.call('HSET', KEYS[1], 'token', token, 'data', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return { 'created' }
end

if mode == 'revoke' then
  redis.call('DEL', KEYS[1])
  return { 'revoked' }
end

local latest = redis.call('HGET', KEYS[1], 'token')
if not latest then return { 'unknown' } end

if latest ~= token then
  redis.call('DEL', KEYS[1])
  return { 'reused' }
end

redis.call('HSET', KEYS[1], 'token', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'rotated', redis.call('HGET', KEYS[1], 'data') }
`;

/**
 * Refresh tokens in Redis 5 or later, or in Valkey, so that many processes share them. Each call is one round trip, and
 * one step for Redis. The claims of a user stand there as they are: whoever can read that Redis can read them.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const redis = new Redis({ enableOfflineQueue: false }); // of ioredis
 * const store = new RedisRefreshTokenStore({ sendCommand: (...args) => redis.call(...args) });
 * login({ verify, sign, refresh: { store } });
 */
export class RedisRefreshTokenStore implements RefreshTokenStore {
  readonly #script: RedisScript;
  readonly #prefix: string;

  constructor(options: RedisRefreshTokenStoreOptions) {
    validate('RedisRefreshTokenStore', options, object(redisRefreshTokenStoreFields, { required: ['sendCommand'] }));
    this.#script = new RedisScript(options.sendCommand, SCRIPT);
    this.#prefix = options.prefix ?? 'innergate:refresh:';
  }

  async create(family: string, tokenHash: string, data: string, ttlMs: number): Promise<void> {
    const [outcome] = await this.#run(family, 'create', tokenHash, data, `${ttlMs}`);
    if (outcome !== 'created') throw noAnswer();
  }

  async rotate(family: string, oldHash: string, newHash: string, ttlMs: number): Promise<RefreshRotation> {
    const [outcome, data] = await this.#run(family, 'rotate', oldHash, newHash, `${ttlMs}`);
    if (outcome === 'rotated' && typeof data === 'string') return { outcome, data };
    if (outcome === 'reused' || outcome === 'unknown') return { outcome };
    throw noAnswer();
  }

  async revoke(family: string): Promise<void> {
    const [outcome] = await this.#run(family, 'revoke');
    if (outcome !== 'revoked') throw noAnswer();
  }

  async #run(family: string, ...args: readonly string[]): Promise<readonly unknown[]> {
    const reply = await this.#script.run([this.#prefix + family], args);
    return Array.isArray(reply) ? (reply as unknown[]) : [];
  }
}

/** It shows nothing of the reply, which may hold what the store keeps. */
function noAnswer(): Error {
  return new Error('Redis answered with something that the script does not return');
}
