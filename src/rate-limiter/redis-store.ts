import type { Clock } from '../core/clock.js';
import { clockField, func, object, string, validate, type Schema } from '../core/options.js';
import { OpenNames } from './open-names.js';
import type { SendRedisCommand } from '../core/redis-script.js';
import { RedisCounter } from './redis-counter.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy, RateLimitStore } from './types.js';

export interface RedisStoreOptions {
  /**
   * Sends a command with the client of your choice, which stays yours to open and to close:
   *
   * - ioredis and iovalkey, a cluster of theirs too: `(...args) => redis.call(...args)`
   * - node-redis: `(...args) => redis.sendCommand(args)`
   * - a cluster of node-redis: `(...args) => cluster.sendCommand(args[3], false, args)`; `args[3]` is always a key
   *
   * Switch off its queue for times without a connection (`enableOfflineQueue: false`, `disableOfflineQueue: true`), or
   * calls that were answered long ago are counted when the connection is back. Without it, the first calls fail unless
   * the client is connected by then.
   */
  sendCommand: SendRedisCommand;
  /**
   * What every key begins with; the keys are `<prefix><name>:{<key>}`. No braces: what stands between the first two of
   * them is the part by which a cluster places the keys. @default 'innergate:'
   */
  prefix?: string;
  /**
   * Time that windows follow. It must be the same in every process, so leave it out where counts are shared; keys then
   * live a minute longer than they count. @default the time of Redis itself, which all of them share
   */
  clock?: Clock;
}

const redisStoreFields = {
  sendCommand: func,
  prefix: string('a text without braces', (prefix) => !/[{}]/.test(prefix)),
  clock: clockField,
} satisfies Record<keyof RedisStoreOptions, Schema>;

/**
 * Counts in Redis 5 or later, or in Valkey, so that many processes share one limit. Each call is one round trip, and one
 * step for Redis: calls that come at the same time are not counted wrong.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const redis = new Redis({ enableOfflineQueue: false }); // of ioredis
 * const store = new RedisStore({ sendCommand: (...args) => redis.call(...args) });
 * const limiter = new RateLimiter({ name: 'search', limit: 100, windowMs: 60_000, store });
 * const { allowed } = await limiter.check(user.id);
 */
export class RedisStore implements RateLimitStore<Promise<RateLimitDecision>> {
  readonly remote = true;
  readonly #sendCommand: SendRedisCommand;
  readonly #prefix: string;
  readonly #clock: Clock | null;
  readonly #names = new OpenNames();

  constructor(options: RedisStoreOptions) {
    validate('RedisStore', options, object(redisStoreFields, { required: ['sendCommand'] }));
    this.#sendCommand = options.sendCommand;
    this.#prefix = options.prefix ?? 'innergate:';
    this.#clock = options.clock ?? null;
  }

  /** @throws {ConfigError} where a limiter of this name is open. */
  open(policy: RateLimitPolicy): RateLimitCounter<Promise<RateLimitDecision>> {
    const release = this.#names.claim(policy.name);
    return new RedisCounter(policy, this.#sendCommand, `${this.#prefix}${policy.name}`, this.#clock, release);
  }
}
