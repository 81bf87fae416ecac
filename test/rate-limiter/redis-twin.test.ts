/** What the script answers in Redis is what the same limiter answers in memory: call by call, on random traces. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/rate-limiter/memory-store.js';
import { RedisStore } from '../../src/rate-limiter/redis-store.js';
import type {
  RateLimitAlgorithm,
  RateLimitCounter,
  RateLimitDecision,
  RateLimitPolicy,
} from '../../src/rate-limiter/types.js';
import {
  ALGORITHMS,
  JumpingClock,
  policyWith,
  randomTrace,
  runTrace,
  type TraceStep,
} from '../contract/rate-limit-store.js';
import type { FakeClock } from '../support/fake-clock.js';
import { seededRandom, type SeededRandom } from '../support/random.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { isInstalled } from '../support/installed.js';

/** As large as the time of Redis itself. */
const NOW = 1_700_000_000_000;

/** One to three windows. Small numbers meet edges often; large ones show where a number is cut short. */
function randomPolicy(algorithm: RateLimitAlgorithm, random: SeededRandom, blockMs: number): RateLimitPolicy {
  const isLarge = random.int(4) === 0 && algorithm !== 'sliding-log';
  const windows = Array.from({ length: 1 + random.int(3) }, () => {
    const windowMs = 1 + random.int(isLarge ? 90_000_000 : 50);
    const most = isLarge ? Math.floor(Number.MAX_SAFE_INTEGER / windowMs) : 9;
    const limit = 1 + random.int(most);
    return { limit, windowMs, burst: algorithm === 'token-bucket' ? 1 + random.int(most) : limit };
  });
  return policyWith(algorithm, windows, { blockMs });
}

function traceFor(policy: RateLimitPolicy, seed: number): TraceStep[] {
  const cost = Math.min(...policy.windows.map(({ burst }) => burst));
  const pauseMs = 2.5 * Math.max(...policy.windows.map(({ windowMs }) => windowMs));
  return randomTrace(seed, { steps: 300, cost: cost + 1, pauseMs });
}

/** A call that counts, takes back, forgets, or starts a block. */
function changesCounts(
  call: TraceStep['call'],
  answer: RateLimitDecision | null,
  { blockMs }: RateLimitPolicy,
): boolean {
  if (call !== 'consume') return call !== 'peek';
  return answer?.allowed === true || (blockMs > 0 && answer?.retryAfterMs === blockMs);
}

describe.skipIf(!isInstalled('redis-server'))('the twins', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  beforeEach(() => server.command('FLUSHALL'));
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  const inMemory = (clock: FakeClock, policy: RateLimitPolicy): RateLimitCounter =>
    new MemoryStore({ clock }).open(policy);
  const inRedis = (clock: FakeClock, policy: RateLimitPolicy): RateLimitCounter =>
    new RedisStore({ sendCommand: (...args) => client.call(...args), clock }).open(policy);

  describe.each(ALGORITHMS)('%s', (algorithm) => {
    it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])('answer every call of trace %i alike', async (seed) => {
      const random = seededRandom(seed);
      const policy = randomPolicy(algorithm, random, random.pick([0, 0, 1, 30]));
      const trace = traceFor(policy, seed);
      const [ofMemory, ofRedis] = await Promise.all(
        [inMemory, inRedis].map((open) => {
          const clock = new JumpingClock({ now: NOW });
          return runTrace(open(clock, policy), clock, trace);
        }),
      );
      for (const [index, step] of trace.entries())
        expect(ofRedis?.[index], `step ${index}, ${JSON.stringify({ policy, step })}`).toEqual(ofMemory?.[index]);
    });

    // Memory keeps the time of every call, Redis that of calls that change something; memory keeps a block that is over,
    // and leaves it alone in a refund, Redis does not. So the clock goes back after a change only, no block ends by
    // itself, and where there are blocks, nothing is taken back.
    it.each([1, 2, 3, 4, 5, 6])('answer alike where the clock goes back, trace %i', async (seed) => {
      const random = seededRandom(seed);
      const policy = randomPolicy(algorithm, random, seed % 2 === 0 ? 1e12 : 0);
      const longestMs = Math.max(...policy.windows.map(({ windowMs }) => windowMs));
      const clock = new JumpingClock({ now: NOW });
      const [memory, redis] = [inMemory(clock, policy), inRedis(clock, policy)];
      let changedAt = 0;
      let jumps = 0;
      for (const step of traceFor(policy, seed)) {
        if (step.call === 'refund' && policy.blockMs > 0) continue;
        const mayJump = changedAt === clock.now();
        if (mayJump) clock.jump(-random.pick([0, 0, 1, random.int(longestMs), random.int(3 * longestMs)]));
        if (changedAt > clock.now()) jumps++;
        const alone = { ...step, key: 'ada' };
        const [ofMemory = null] = await runTrace(memory, clock, [alone]);
        const [ofRedis = null] = await runTrace(redis, clock, [{ ...alone, afterMs: 0 }]);
        expect(ofRedis, JSON.stringify({ policy, step })).toEqual(ofMemory);
        const now = clock.now();
        if (changedAt !== now) changedAt = changesCounts(step.call, ofRedis, policy) ? now : 0;
      }
      expect(jumps).toBeGreaterThan(5);
    });
  });
});
