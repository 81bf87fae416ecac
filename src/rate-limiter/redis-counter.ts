import { inspect } from 'node:util';
import type { Clock } from '../core/clock.js';
import { RedisScript, type SendRedisCommand } from '../core/redis-script.js';
import { redisScript } from './redis-script.js';
import type { RateLimitCounter, RateLimitDecision, RateLimitPolicy } from './types.js';

type Mode = 'consume' | 'peek' | 'refund' | 'reset';

/** The counts of one limiter in Redis. */
export class RedisCounter implements RateLimitCounter<Promise<RateLimitDecision>> {
  readonly #policy: RateLimitPolicy;
  readonly #prefix: string;
  readonly #clock: Clock | null;
  readonly #onClose: () => void;
  readonly #script: RedisScript;
  /** The policy, as the script takes it. */
  readonly #figures: readonly string[];

  constructor(
    policy: RateLimitPolicy,
    sendCommand: SendRedisCommand,
    prefix: string,
    clock: Clock | null,
    onClose: () => void,
  ) {
    this.#policy = policy;
    this.#prefix = prefix;
    this.#clock = clock;
    this.#onClose = onClose;
    this.#script = new RedisScript(sendCommand, redisScript(policy.algorithm));
    const windows = policy.windows.flatMap(({ limit, windowMs, burst }) => [limit, windowMs, burst]);
    this.#figures = [policy.blockMs, ...windows].map(String);
  }

  async consume(key: string, cost: number): Promise<RateLimitDecision> {
    return this.#decision(await this.#run('consume', key, cost));
  }

  async peek(key: string, cost: number): Promise<RateLimitDecision> {
    return this.#decision(await this.#run('peek', key, cost));
  }

  async refund(key: string, cost: number): Promise<void> {
    await this.#run('refund', key, cost);
  }

  async reset(key: string): Promise<void> {
    await this.#run('reset', key, 0);
  }

  close(): void {
    this.#onClose();
  }

  #run(mode: Mode, key: string, cost: number): Promise<unknown> {
    const now = this.#clock === null ? '' : `${Math.floor(this.#clock.now())}`;
    return this.#script.run(this.#keys(key), [mode, `${cost}`, now, ...this.#figures]);
  }

  /**
   * The hash of a key, and its lists. A cluster places keys by what is between the braces; a brace in the key itself
   * could leave that empty and part them.
   */
  #keys(key: string): string[] {
    const hash = `${this.#prefix}:{${key.replace(/[%}]/g, encodeURIComponent)}}`;
    const { algorithm, windows } = this.#policy;
    return algorithm === 'sliding-log' ? [hash, ...windows.map((_window, index) => `${hash}:${index}`)] : [hash];
  }

  /** @throws {Error} where the reply is none of the script's: a proxy, a client or a server that is something else. */
  #decision(reply: unknown): RateLimitDecision {
    const figures = Array.isArray(reply) && reply.length === 5 ? reply.map(wholeNumber) : [];
    const [allowed, window = NaN, remaining = NaN, resetMs = NaN, retryAfterMs = NaN] = figures;
    const { burst: limit = -1 } = this.#policy.windows[window] ?? {};
    const isAnswer = remaining >= 0 && remaining <= limit && resetMs >= 0;
    if (isAnswer && allowed === 1 && retryAfterMs === 0)
      return { allowed: true, window, limit, remaining, resetMs, retryAfterMs, failure: null };
    if (isAnswer && allowed === 0 && (retryAfterMs > 0 || retryAfterMs === -1)) {
      const waitMs = retryAfterMs === -1 ? Infinity : retryAfterMs;
      return { allowed: false, window, limit, remaining, resetMs, retryAfterMs: waitMs, failure: null };
    }
    throw new Error(
      `Redis answered with ${shown(reply)}, expected [allowed, window, remaining, resetMs, retryAfterMs]`,
    );
  }
}

/** Some clients give whole numbers as text or as a BigInt; `NaN` where it is none. */
function wholeNumber(value: unknown): number {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return Number(value);
  return typeof value === 'number' && Number.isInteger(value) ? value : NaN;
}

/** On one line: an error comes without its stack. */
function shown(reply: unknown): string {
  const options = { depth: 1, maxArrayLength: 5, maxStringLength: 60, breakLength: Infinity };
  return inspect(reply, options).replace(/\n[^]*/, '');
}
