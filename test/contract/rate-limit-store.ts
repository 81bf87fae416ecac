/** What every store of the rate limiter must do: the same calls at the same times get the same answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type {
  RateLimitAlgorithm,
  RateLimitCounter,
  RateLimitDecision,
  RateLimitPolicy,
  RateLimitStore,
  RateLimitWindow,
} from '../../src/rate-limiter/types.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';

export interface OpenedStore {
  readonly store: RateLimitStore;
  close(): Promise<void>;
}

/** A store without counts that follows the clock. */
export type OpenStore = (clock: FakeClock) => Promise<OpenedStore>;

export const ALGORITHMS: readonly RateLimitAlgorithm[] = [
  'sliding-window',
  'sliding-log',
  'fixed-window',
  'token-bucket',
];

/** A clock that can go back, as the wall clock of another machine does. */
export class JumpingClock extends FakeClock {
  #jumpedMs = 0;

  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  override now(): number {
    return super.now() + this.#jumpedMs;
  }
}

export function policyWith(
  algorithm: RateLimitAlgorithm,
  windows: readonly RateLimitWindow[],
  { blockMs = 0, name = 'contract' }: { blockMs?: number; name?: string } = {},
): RateLimitPolicy {
  const complete = windows.map(({ limit, windowMs, burst = limit }) => ({ limit, windowMs, burst }));
  return { name, algorithm, windows: complete, blockMs };
}

export interface TraceStep {
  /** Since the step before. */
  readonly afterMs: number;
  readonly call: 'consume' | 'peek' | 'refund' | 'reset';
  readonly key: string;
  readonly cost: number;
}

export interface TraceOptions {
  /** @default 300 */
  steps?: number;
  /** Longest pause between two steps, in ms. @default 60 */
  pauseMs?: number;
  /** Highest cost of a call. @default 4 */
  cost?: number;
}

/** Calls that a seed repeats, of two keys. */
export function randomTrace(seed: number, { steps = 300, pauseMs = 60, cost = 4 }: TraceOptions = {}): TraceStep[] {
  const random = seededRandom(seed);
  return Array.from({ length: steps }, () => ({
    afterMs: random.pick([0, 0, 1, random.int(pauseMs + 1)]),
    call: random.int(50) === 0 ? 'reset' : random.pick(['consume', 'consume', 'consume', 'peek', 'refund'] as const),
    key: random.pick(['ada', 'bob']),
    cost: random.pick([1, 1, 1 + random.int(cost)]),
  }));
}

/** The answers to a trace; `null` for those without one. */
export async function runTrace(
  counter: RateLimitCounter,
  clock: FakeClock,
  trace: readonly TraceStep[],
): Promise<(RateLimitDecision | null)[]> {
  const answers: (RateLimitDecision | null)[] = [];
  for (const { afterMs, call, key, cost } of trace) {
    clock.advance(afterMs);
    answers.push((await (call === 'reset' ? counter.reset(key) : counter[call](key, cost))) ?? null);
  }
  return answers;
}

type Answer = readonly [verdict: 'passes' | 'refused', remaining: number, resetMs: number, retryAfterMs: number];
type Row = readonly [atMs: number, cost: number, ...answer: Answer];

/** Worked out by hand: 4 calls per 100 ms; the bucket lets 6 come at once. */
const TABLES: Readonly<Record<RateLimitAlgorithm, readonly Row[]>> = {
  'sliding-window': [
    [0, 1, 'passes', 3, 100, 0],
    [80, 3, 'passes', 0, 100, 0],
    [90, 1, 'refused', 0, 90, 35],
    [124, 1, 'refused', 0, 56, 1],
    [125, 1, 'passes', 0, 100, 0],
    [179, 3, 'refused', 2, 46, 1],
    [180, 3, 'passes', 0, 100, 0],
    [210, 4, 'refused', 0, 70, 70],
    [279, 4, 'refused', 3, 1, 1],
    [280, 4, 'passes', 0, 100, 0],
    [700, 5, 'refused', 4, 0, Infinity],
    [750, 4, 'passes', 0, 100, 0],
  ],
  'sliding-log': [
    [0, 1, 'passes', 3, 100, 0],
    [30, 2, 'passes', 1, 100, 0],
    [60, 2, 'refused', 1, 70, 40],
    [99, 2, 'refused', 1, 31, 1],
    [100, 2, 'passes', 0, 100, 0],
    [100, 3, 'refused', 0, 100, 100],
    [130, 2, 'passes', 0, 100, 0],
    [140, 5, 'refused', 0, 90, Infinity],
    [230, 4, 'passes', 0, 100, 0],
  ],
  'fixed-window': [
    [0, 1, 'passes', 3, 100, 0],
    [30, 3, 'passes', 0, 70, 0],
    [99, 1, 'refused', 0, 1, 1],
    [100, 1, 'passes', 3, 100, 0],
    [150, 4, 'refused', 3, 50, 50],
    [150, 5, 'refused', 3, 50, Infinity],
    [250, 5, 'refused', 4, 0, Infinity],
    [270, 4, 'passes', 0, 100, 0],
    [300, 1, 'refused', 0, 70, 70],
  ],
  'token-bucket': [
    [0, 6, 'passes', 0, 150, 0],
    [0, 1, 'refused', 0, 150, 25],
    [24, 1, 'refused', 0, 126, 1],
    [25, 1, 'passes', 0, 150, 0],
    [75, 1, 'passes', 1, 125, 0],
    [75, 3, 'refused', 1, 125, 50],
    [75, 7, 'refused', 1, 125, Infinity],
    [126, 3, 'passes', 0, 149, 0],
    [500, 6, 'passes', 0, 150, 0],
  ],
};

const DAY_MS = 86_400_000;

export function describeRateLimitStore(name: string, openStore: OpenStore): void {
  describe(`the contract of a store: ${name}`, () => {
    let clock: JumpingClock;
    let opened: OpenedStore;

    beforeEach(async () => {
      clock = new JumpingClock({ now: 1_700_000_000_000 });
      opened = await openStore(clock);
    });
    afterEach(() => opened.close());

    function open(
      algorithm: RateLimitAlgorithm,
      windows: readonly RateLimitWindow[],
      options?: { blockMs?: number; name?: string },
    ): RateLimitCounter {
      return opened.store.open(policyWith(algorithm, windows, options));
    }

    it('lets a name be opened once, and again when it has been closed', async () => {
      const windows = [{ limit: 1, windowMs: 100 }];
      const first = open('fixed-window', windows);
      expect(() => open('fixed-window', windows)).toThrow(ConfigError);
      expect(() => open('fixed-window', windows)).toThrow(/two limiters with one name/);
      await first.close();
      const second = open('fixed-window', windows);
      await first.close();
      expect(() => open('fixed-window', windows)).toThrow(ConfigError);
      await second.close();
    });

    it('keeps the counts of two limiters apart', async () => {
      const one = open('fixed-window', [{ limit: 1, windowMs: 100 }], { name: 'one' });
      const two = open('fixed-window', [{ limit: 1, windowMs: 100 }], { name: 'two' });
      await one.consume('ada', 1);
      expect(await two.consume('ada', 1)).toMatchObject({ allowed: true });
      expect(await one.consume('ada', 1)).toMatchObject({ allowed: false });
    });

    it('counts whole ms: 99.9 ms are 99', async () => {
      const counter = open('fixed-window', [{ limit: 1, windowMs: 100 }]);
      await counter.consume('ada', 1);
      clock.advance(99.9);
      expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
    });

    it('takes a call of sliding-window back from the window before, as far as there is one', async () => {
      const counter = open('sliding-window', [{ limit: 4, windowMs: 100 }]);
      await counter.consume('ada', 1);
      clock.advance(99);
      await counter.consume('ada', 2);
      clock.advance(1);
      await counter.consume('ada', 1);
      await counter.refund('ada', 2);
      expect(await counter.peek('ada', 1)).toMatchObject({ allowed: true, remaining: 2 });
    });

    describe.each(ALGORITHMS)('%s', (algorithm) => {
      const burst = algorithm === 'token-bucket' ? 6 : 4;

      it('answers as worked out by hand', async () => {
        const counter = open(algorithm, [{ limit: 4, windowMs: 100, burst }]);
        const start = clock.now();
        for (const [atMs, cost, verdict, remaining, resetMs, retryAfterMs] of TABLES[algorithm]) {
          clock.advance(start + atMs - clock.now());
          const expected: RateLimitDecision = {
            allowed: verdict === 'passes',
            window: 0,
            limit: burst,
            remaining,
            resetMs,
            retryAfterMs,
            failure: null,
          };
          const { allowed } = expected;
          const seen = allowed ? { allowed, window: 0, limit: burst, retryAfterMs } : expected;
          expect(await counter.peek('ada', cost), `peek at ${atMs}`).toMatchObject(seen);
          expect(await counter.consume('ada', cost), `call at ${atMs}`).toEqual(expected);
        }
      });

      it('lets exactly 50 of 200 parallel calls pass where the limit is 50', async () => {
        const counter = open(algorithm, [{ limit: 50, windowMs: DAY_MS }]);
        const decisions = await Promise.all(Array.from({ length: 200 }, async () => counter.consume('ada', 1)));
        expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(50);
      });

      it('keeps keys apart, odd ones too', async () => {
        const counter = open(algorithm, [{ limit: 1, windowMs: 100 }]);
        const keys = ['ada', 'Ada', 'ada:0', '{ada}', '}{', ' ', '%', '__proto__', '2001:db8::', 'ü', '😀'];
        for (const key of keys) expect(await counter.consume(key, 1), key).toMatchObject({ allowed: true });
        for (const key of keys) expect(await counter.consume(key, 1), key).toMatchObject({ allowed: false });
      });

      it('is exact up to the largest numbers that it takes', async () => {
        const limit = algorithm === 'sliding-log' ? 10_000 : Math.floor(Number.MAX_SAFE_INTEGER / DAY_MS);
        const counter = open(algorithm, [{ limit, windowMs: DAY_MS }]);
        expect(await counter.consume('ada', limit - 1)).toMatchObject({ allowed: true, remaining: 1 });
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true, remaining: 0 });
        const { allowed, retryAfterMs } = await counter.consume('ada', 1);
        expect(allowed).toBe(false);
        clock.advance(retryAfterMs - 1);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
        clock.advance(1);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true });
      });

      it('counts in no window where one has no room, and speaks for the one that is last to have it', async () => {
        const counter = open(algorithm, [
          { limit: 3, windowMs: 100 },
          { limit: 5, windowMs: 100_000 },
        ]);
        expect(await counter.consume('ada', 2)).toMatchObject({ allowed: true, window: 0, limit: 3, remaining: 1 });
        for (let i = 0; i < 20; i++)
          expect(await counter.consume('ada', 2)).toMatchObject({ allowed: false, window: 0, remaining: 1 });
        clock.advance(200);
        expect(await counter.consume('ada', 2)).toMatchObject({ allowed: true });
        clock.advance(200);
        const { retryAfterMs } = await counter.peek('ada', 3);
        expect(retryAfterMs).toBeGreaterThan(100);
        expect(await counter.consume('ada', 3)).toMatchObject({ allowed: false, window: 1, limit: 5, retryAfterMs });
        expect(await counter.consume('ada', 4)).toMatchObject({ window: 0, retryAfterMs: Infinity });
      });

      it('speaks for the first of windows that are alike', async () => {
        const counter = open(algorithm, [
          { limit: 2, windowMs: 100 },
          { limit: 2, windowMs: 100 },
        ]);
        expect(await counter.consume('ada', 2)).toMatchObject({ allowed: true, window: 0 });
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, window: 0 });
      });

      it('takes back what still counts, and nothing below zero', async () => {
        const counter = open(algorithm, [{ limit: 4, windowMs: 100 }]);
        await counter.refund('ada', 1);
        await counter.consume('ada', 4);
        await counter.refund('ada', 3);
        expect(await counter.peek('ada', 3)).toMatchObject({ allowed: true, remaining: 3 });
        await counter.refund('ada', 9);
        expect(await counter.peek('ada', 4)).toMatchObject({ allowed: true, remaining: 4, resetMs: 0 });
        expect(await counter.peek('ada', 5)).toMatchObject({ allowed: false, remaining: 4, resetMs: 0 });
      });

      it('forgets a key, its block too', async () => {
        const counter = open(algorithm, [{ limit: 1, windowMs: 100 }], { blockMs: 5000 });
        await counter.consume('ada', 1);
        await counter.consume('ada', 1);
        await counter.reset('ada');
        await counter.reset('nobody');
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it('blocks for 500 ms from the first call that is refused, and no later one makes it longer', async () => {
        const counter = open(algorithm, [{ limit: 2, windowMs: 100 }], { blockMs: 500 });
        await counter.consume('ada', 2);
        const refused = { allowed: false, window: 0, limit: 2, remaining: 0 };
        expect(await counter.peek('ada', 1)).toMatchObject({ ...refused, retryAfterMs: 500 });
        clock.advance(10);
        expect(await counter.consume('ada', 1)).toMatchObject({ ...refused, retryAfterMs: 500 });
        clock.advance(499);
        expect(await counter.consume('ada', 1)).toMatchObject({ ...refused, retryAfterMs: 1, resetMs: 0 });
        expect(await counter.consume('ada', 3)).toMatchObject({ ...refused, retryAfterMs: Infinity });
        clock.advance(1);
        expect(await counter.consume('ada', 2)).toMatchObject({ allowed: true });
      });

      it('says how long the windows still refuse where the block ends earlier', async () => {
        const counter = open(algorithm, [{ limit: 1, windowMs: 100 }], { blockMs: 1 });
        await counter.consume('ada', 1);
        const { retryAfterMs } = await counter.consume('ada', 1);
        expect(retryAfterMs).toBeGreaterThanOrEqual(100);
        clock.advance(retryAfterMs);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true });
      });

      it('frees nobody when the clock goes back, and shuts nobody out beyond a window', async () => {
        const counter = open(algorithm, [{ limit: 2, windowMs: 100 }]);
        await counter.consume('ada', 2);
        clock.jump(-DAY_MS);
        const { allowed, retryAfterMs } = await counter.consume('ada', 1);
        expect(allowed).toBe(false);
        expect(retryAfterMs).toBeLessThanOrEqual(algorithm === 'sliding-window' ? 200 : 100);
        clock.advance(retryAfterMs - 1);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
        clock.advance(1);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true });
      });

      it('blocks for no longer than 500 ms when the clock goes back', async () => {
        const counter = open(algorithm, [{ limit: 1, windowMs: 100 }], { blockMs: 500 });
        await counter.consume('ada', 1);
        await counter.consume('ada', 1);
        clock.jump(-DAY_MS);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: false, retryAfterMs: 500 });
        clock.advance(500);
        expect(await counter.consume('ada', 1)).toMatchObject({ allowed: true });
      });
    });
  });
}
