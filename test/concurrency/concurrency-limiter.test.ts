import { describe, expect, it } from 'vitest';
import { ConcurrencyLimiter, type ConcurrencyLimiterOptions, type Waiting } from '../../src/concurrency/index.js';
import { ConfigError } from '../../src/core/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';

function limiterOf(options: ConcurrencyLimiterOptions): { limiter: ConcurrencyLimiter; clock: FakeClock } {
  const clock = new FakeClock();
  return { limiter: new ConcurrencyLimiter({ clock, ...options }), clock };
}

/** Enters where there must be a wait. */
function wait(limiter: ConcurrencyLimiter): Waiting {
  const entry = limiter.enter();
  if (typeof entry === 'boolean') throw new Error(`no wait: ${entry}`);
  return entry;
}

/** What has become of waits by now, by their names. */
function outcomes(waits: Readonly<Record<string, Waiting>>): string[] {
  const log: string[] = [];
  for (const [name, { entered }] of Object.entries(waits)) {
    void entered.then((isIn) => log.push(`${name} ${isIn ? 'in' : 'out'}`));
  }
  return log;
}

describe('ConcurrencyLimiter', () => {
  it('lets 3 in, and the fourth when one has left', () => {
    const { limiter } = limiterOf({ limit: 3 });
    expect([1, 2, 3, 4].map(() => limiter.tryEnter())).toEqual([true, true, true, false]);
    expect(limiter.inFlight).toBe(3);
    limiter.leave();
    expect(limiter.inFlight).toBe(2);
    expect([1, 2].map(() => limiter.enter())).toEqual([true, false]);
    expect(limiter).toMatchObject({ limit: 3, inFlight: 3, queued: 0 });
  });

  it('makes nobody wait where nothing is said of a queue', () => {
    const { limiter, clock } = limiterOf({ limit: 1 });
    expect([limiter.enter(), limiter.enter()]).toEqual([true, false]);
    expect(clock.pending).toBe(0);
  });

  it('serves the queue in its order', async () => {
    const { limiter, clock } = limiterOf({ limit: 1, maxQueue: 3 });
    limiter.enter();
    const log = outcomes({ a: wait(limiter), b: wait(limiter), c: wait(limiter) });
    expect(limiter.enter()).toBe(false);
    expect(limiter.queued).toBe(3);
    limiter.leave();
    limiter.leave();
    expect(limiter).toMatchObject({ inFlight: 1, queued: 1 });
    await clock.advanceAsync(0);
    expect(log).toEqual(['a in', 'b in']);
    limiter.leave();
    limiter.leave();
    await clock.advanceAsync(0);
    expect(log).toEqual(['a in', 'b in', 'c in']);
    expect(limiter).toMatchObject({ inFlight: 0, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  it('lets nobody overtake the queue', () => {
    const { limiter } = limiterOf({ limit: 1, maxQueue: 1 });
    limiter.enter();
    wait(limiter);
    limiter.leave();
    expect(limiter.tryEnter()).toBe(false);
  });

  it('sends waiters away after 1000 ms, each at its own time', async () => {
    const { limiter, clock } = limiterOf({ limit: 1, maxQueue: 3 });
    limiter.enter();
    const a = wait(limiter);
    clock.advance(400);
    const log = outcomes({ a, b: wait(limiter) });
    await clock.advanceAsync(599);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(['a out']);
    expect(limiter.queued).toBe(1);
    await clock.advanceAsync(400);
    expect(log).toEqual(['a out', 'b out']);
    expect(limiter).toMatchObject({ inFlight: 1, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  it('sends a waiter away on time though the one before it has left', async () => {
    const { limiter, clock } = limiterOf({ limit: 1, maxQueue: 3, queueTimeoutMs: 100 });
    limiter.enter();
    const a = wait(limiter);
    clock.advance(60);
    const log = outcomes({ b: wait(limiter) });
    a.giveUp();
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(['b out']);
  });

  it('gives the slot to the next living waiter', async () => {
    const { limiter, clock } = limiterOf({ limit: 1, maxQueue: 4 });
    limiter.enter();
    const [a, b, c, d] = [wait(limiter), wait(limiter), wait(limiter), wait(limiter)];
    const log = outcomes({ a, b, c, d });
    a.giveUp();
    c.giveUp();
    expect(limiter.queued).toBe(2);
    limiter.leave();
    limiter.leave();
    limiter.leave();
    await clock.advanceAsync(0);
    expect(log).toEqual(['a out', 'c out', 'b in', 'd in']);
    expect(limiter.inFlight).toBe(0);
  });

  it('has the place of a waiter that gave up for another one, at once', () => {
    const { limiter } = limiterOf({ limit: 1, maxQueue: 1 });
    limiter.enter();
    for (let i = 0; i < 100; i++) {
      const waiting = wait(limiter);
      expect(limiter.enter()).toBe(false);
      waiting.giveUp();
      waiting.giveUp();
      expect(limiter.queued).toBe(0);
    }
  });

  it('does not take back a slot from a waiter that gives up too late', async () => {
    const { limiter } = limiterOf({ limit: 1, maxQueue: 1 });
    limiter.enter();
    const waiting = wait(limiter);
    limiter.leave();
    waiting.giveUp();
    expect(await waiting.entered).toBe(true);
    expect(limiter.inFlight).toBe(1);
  });

  it('a thousand waiters that gave up leave no timer', () => {
    const { limiter, clock } = limiterOf({ limit: 1, maxQueue: 1_000 });
    limiter.enter();
    const waits = Array.from({ length: 1_000 }, () => wait(limiter));
    expect(clock.pending).toBe(1);
    const random = seededRandom(7);
    while (waits.length > 0) waits.splice(random.int(waits.length), 1)[0]?.giveUp();
    expect(limiter.queued).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('has no more slots for it when somebody leaves who is not there', () => {
    const { limiter } = limiterOf({ limit: 1 });
    limiter.leave();
    expect([limiter.inFlight, limiter.enter(), limiter.enter()]).toEqual([0, true, false]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('never has more than N inside, and loses no slot (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const limit = 1 + random.int(4);
    const maxQueue = random.int(6);
    const { limiter, clock } = limiterOf({ limit, maxQueue, queueTimeoutMs: 50 });
    const waits: Waiting[] = [];
    const served: number[] = [];
    let inside = 0;
    let asked = 0;

    function enter(): void {
      const entry = limiter.enter();
      if (entry === true) inside++;
      if (typeof entry === 'boolean') return;
      const turn = asked++;
      waits.push(entry);
      void entry.entered.then((isIn) => {
        waits.splice(waits.indexOf(entry), 1);
        if (!isIn) return;
        inside++;
        served.push(turn);
      });
    }

    for (let step = 0; step < 1_000; step++) {
      const action = random.int(10);
      if (action < 5) enter();
      else if (action < 8 && inside > 0) {
        inside--;
        limiter.leave();
      } else if (action === 8 && waits.length > 0) random.pick(waits).giveUp();
      else clock.advance(random.int(30));
      await Promise.resolve();
      await Promise.resolve();
      expect(inside).toBe(limiter.inFlight);
      expect(waits).toHaveLength(limiter.queued);
      expect(inside).toBeLessThanOrEqual(limit);
      expect(limiter.queued).toBeLessThanOrEqual(maxQueue);
      // A slot is free only where nobody waits for it.
      if (limiter.queued > 0) expect(inside).toBe(limit);
      expect(clock.pending).toBe(limiter.queued > 0 ? 1 : 0);
    }
    expect(served).toEqual([...served].sort((a, b) => a - b));
    if (maxQueue > 0) expect(served.length).toBeGreaterThan(10);
  });

  it.each<[string, unknown, string]>([
    ['no limit', {}, 'limit'],
    ['a limit of 0', { limit: 0 }, 'limit'],
    ['an endless limit', { limit: Infinity }, 'limit'],
    ['a queue of -1', { limit: 1, maxQueue: -1 }, 'maxQueue'],
    ['a wait of 0 ms', { limit: 1, queueTimeoutMs: 0 }, 'queueTimeoutMs'],
    ['an endless wait', { limit: 1, queueTimeoutMs: Infinity }, 'queueTimeoutMs'],
    ['an unknown option', { limit: 1, queue: 5 }, 'queue'],
  ])('does not start with %s', (_case, options, path) => {
    let error: unknown;
    try {
      new ConcurrencyLimiter(options as ConcurrencyLimiterOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual([path]);
  });
});
