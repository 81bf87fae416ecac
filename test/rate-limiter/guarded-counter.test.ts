import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  MemoryStore,
  RateLimiter,
  type RateLimitCounter,
  type RateLimitDecision,
  type RateLimiterOptions,
  type RateLimitStore,
  type StoreOutage,
} from '../../src/rate-limiter/index.js';
import { randomTrace, runTrace } from '../contract/rate-limit-store.js';
import { FakeClock } from '../support/fake-clock.js';

type State = 'up' | 'rejects' | 'throws' | 'hangs';

/** A store elsewhere that can fail in every way. */
class FlakyStore implements RateLimitStore<Promise<RateLimitDecision>> {
  readonly remote = true;
  readonly #memory: MemoryStore;
  /** Calls that have reached it. */
  calls = 0;
  state: State = 'up';
  /** Answers late what has been hanging. */
  release: (() => void)[] = [];

  constructor(clock: FakeClock) {
    this.#memory = new MemoryStore({ clock });
  }

  open(policy: Parameters<RateLimitStore['open']>[0]): RateLimitCounter<Promise<RateLimitDecision>> {
    const counter = this.#memory.open(policy);
    return {
      consume: (key, cost) => this.#answer(() => counter.consume(key, cost)),
      peek: (key, cost) => this.#answer(() => counter.peek(key, cost)),
      refund: (key, cost) => this.#answer(() => counter.refund(key, cost)),
      reset: (key) => this.#answer(() => counter.reset(key)),
      close: () => counter.close(),
    };
  }

  #answer<Value>(answer: () => Value | Promise<Value>): Promise<Value> {
    this.calls++;
    if (this.state === 'throws') throw new Error('threw');
    if (this.state === 'rejects') return Promise.reject(new Error('rejected'));
    if (this.state === 'up') return Promise.resolve(answer());
    return new Promise((resolve) => {
      this.release.push(() => {
        resolve(answer());
      });
    });
  }
}

let clock: FakeClock;
let store: FlakyStore;
let outages: StoreOutage[];

beforeEach(() => {
  clock = new FakeClock();
  store = new FlakyStore(clock);
  outages = [];
});
afterEach(() => {
  vi.restoreAllMocks();
});

function limiterOf(
  options: RateLimiterOptions<Promise<RateLimitDecision>> = {},
): RateLimiter<Promise<RateLimitDecision>> {
  const onOutage = (outage: StoreOutage): void => void outages.push(outage);
  return new RateLimiter({ limit: 3, windowMs: 10_000, store, clock, onOutage, ...options });
}

/** The check, and the time that it takes until it is given up. */
async function settled<Value>(pending: Promise<Value>, ms = 50): Promise<Value> {
  await clock.advanceAsync(ms);
  return pending;
}

describe('a limiter with a remote store', () => {
  it('answers as the store does while it is up, with no timer left', async () => {
    const trace = randomTrace(5);
    const memoryClock = new FakeClock();
    const policy = {
      name: 'x',
      algorithm: 'sliding-window',
      windows: [{ limit: 4, windowMs: 100, burst: 4 }],
      blockMs: 0,
    } as const;
    const expected = await runTrace(new MemoryStore({ clock: memoryClock }).open(policy), memoryClock, trace);
    const limiter = limiterOf({ limit: 4, windowMs: 100 });
    const counter = {
      consume: limiter.check.bind(limiter),
      peek: limiter.peek.bind(limiter),
      refund: limiter.refund.bind(limiter),
      reset: limiter.reset.bind(limiter),
      close: limiter.close.bind(limiter),
    };
    expect(await runTrace(counter, clock, trace)).toEqual(expected);
    expect(store.calls).toBe(trace.length);
    expect(clock.pending).toBe(0);
    expect(limiter.storeState).toBe('up');
    expect(outages).toEqual([]);
  });

  it.each<State>(['rejects', 'throws', 'hangs'])('lets everything pass under open when it %s', async (state) => {
    store.state = state;
    const limiter = limiterOf({ onStoreError: 'open' });
    for (let i = 0; i < 10; i++)
      expect(await settled(limiter.check('ada'), 50)).toEqual({
        allowed: true,
        window: 0,
        limit: 3,
        remaining: 3,
        resetMs: 0,
        retryAfterMs: 0,
        failure: 'open',
      });
    expect(store.calls).toBe(1);
    expect(limiter.storeState).toBe('down');
  });

  it.each<State>(['rejects', 'throws', 'hangs'])('lets nothing pass under closed when it %s', async (state) => {
    store.state = state;
    const limiter = limiterOf({ onStoreError: 'closed' });
    const refused = { allowed: false, window: 0, limit: 3, remaining: 0, failure: 'closed' };
    expect(await settled(limiter.check('ada'))).toEqual({ ...refused, resetMs: 1000, retryAfterMs: 1000 });
    clock.advance(250.5);
    expect(await limiter.check('bob')).toMatchObject({ ...refused, retryAfterMs: state === 'hangs' ? 750 : 700 });
  });

  it.each<State>(['rejects', 'throws', 'hangs'])('counts for itself under local when it %s', async (state) => {
    store.state = state;
    const limiter = limiterOf();
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await settled(limiter.check('ada')));
    expect(answers.map(({ allowed, remaining, failure }) => [allowed, remaining, failure])).toEqual([
      [true, 2, 'local'],
      [true, 1, 'local'],
      [true, 0, 'local'],
      [false, 0, 'local'],
    ]);
    expect(await limiter.peek('bob')).toMatchObject({ allowed: true, remaining: 3, failure: 'local' });
    await limiter.refund('ada');
    expect(await limiter.peek('ada')).toMatchObject({ allowed: true, failure: 'local' });
  });

  it('waits for the store for 50 ms and not longer', async () => {
    store.state = 'hangs';
    let answered = false;
    const check = limiterOf()
      .check('ada')
      .then(() => (answered = true));
    await clock.advanceAsync(49);
    expect(answered).toBe(false);
    await clock.advanceAsync(1);
    expect(answered).toBe(true);
    await check;
  });

  it('gives a promise that is not a native one its deadline too', async () => {
    const endless = { then: () => undefined } as unknown as Promise<RateLimitDecision>;
    const counter = store.open({ name: 'x', algorithm: 'fixed-window', windows: [], blockMs: 0 });
    const foreign: RateLimitStore<Promise<RateLimitDecision>> = {
      remote: true,
      open: () => ({ ...counter, consume: () => endless }),
    };
    const check = limiterOf({ store: foreign, onStoreError: 'closed' }).check('ada');
    expect(await settled(check)).toMatchObject({ allowed: false, failure: 'closed' });
  });

  it('takes a reply that has come while the process stood still and the timer was late', async () => {
    store.state = 'hangs';
    const check = limiterOf().check('ada');
    clock.advance(5_000);
    for (const answer of store.release) answer();
    expect(await check).toMatchObject({ allowed: true, failure: null });
    expect(outages).toEqual([]);
  });

  it('leaves a store that has failed alone for 1000 ms, and then lets one call of many try it', async () => {
    store.state = 'rejects';
    const limiter = limiterOf({ onStoreError: 'open' });
    await limiter.check('ada');
    clock.advance(999);
    await Promise.all(Array.from({ length: 100 }, () => limiter.check('ada')));
    expect(store.calls).toBe(1);
    clock.advance(1);
    store.state = 'hangs';
    const tries = Promise.all(Array.from({ length: 100 }, () => limiter.check('ada')));
    expect(store.calls).toBe(2);
    await settled(tries);
    clock.advance(999);
    await limiter.check('ada');
    expect(store.calls).toBe(2);
  });

  it('counts the 1000 ms from the first failure, not from those that were under way', async () => {
    store.state = 'hangs';
    const limiter = limiterOf({ onStoreError: 'open' });
    const slow = limiter.check('ada');
    await clock.advanceAsync(40);
    store.state = 'rejects';
    await limiter.check('ada');
    await settled(slow, 10);
    clock.advance(990);
    await limiter.check('ada');
    expect(store.calls).toBe(3);
  });

  it('does not let others wait for the call that tries the store', async () => {
    store.state = 'rejects';
    const limiter = limiterOf({ onStoreError: 'closed' });
    await limiter.check('ada');
    clock.advance(1000);
    store.state = 'hangs';
    const attempt = limiter.check('ada');
    expect(await limiter.check('bob')).toMatchObject({ failure: 'closed', retryAfterMs: 1 });
    store.release.pop()?.();
    expect(await attempt).toMatchObject({ allowed: true, failure: null });
    expect(limiter.storeState).toBe('up');
  });

  it('ends an outage with the first answer, and tells of it once when it begins and once when it ends', async () => {
    store.state = 'rejects';
    const limiter = limiterOf({ name: 'search' });
    await Promise.all(Array.from({ length: 20 }, () => limiter.check('ada')));
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      await limiter.check('ada');
    }
    expect(store.calls).toBe(25);
    store.state = 'up';
    clock.advance(1000);
    expect(await limiter.check('bob')).toMatchObject({ failure: null, remaining: 2 });
    await limiter.check('bob');
    expect(store.calls).toBe(27);
    expect(outages).toEqual([
      { name: 'search', state: 'down', policy: 'local', error: new Error('rejected') },
      { name: 'search', state: 'up', policy: 'local', error: null },
    ]);
  });

  it('warns of an outage by itself', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    store.state = 'rejects';
    const limiter = new RateLimiter({ name: 'search', limit: 3, windowMs: 1000, store, clock });
    await limiter.check('ada');
    await limiter.check('ada');
    store.state = 'up';
    clock.advance(1000);
    await limiter.check('ada');
    expect(emitWarning.mock.calls).toEqual([
      [
        "The store of the limiter 'search' does not answer (rejected). Until it does, this process counts for itself.",
        { code: 'ERR_GATEWAY_LIMITER_STORE', type: 'GatewayWarning' },
      ],
      [
        "The store of the limiter 'search' answers again.",
        { code: 'ERR_GATEWAY_LIMITER_STORE', type: 'GatewayWarning' },
      ],
    ]);
  });

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken')) as unknown as undefined],
  ])('answers also where onOutage %s, and says so', async (_case, onOutage) => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    store.state = 'rejects';
    expect(await limiterOf({ onOutage }).check('ada')).toMatchObject({ allowed: true, failure: 'local' });
    await Promise.resolve();
    expect(emitWarning.mock.calls[0]?.[0]).toMatch(/onOutage failed.*: broken/);
  });

  it('does not care for a reply that comes after the deadline', async () => {
    store.state = 'hangs';
    const limiter = limiterOf({ onStoreError: 'open' });
    expect(await settled(limiter.check('ada'))).toMatchObject({ failure: 'open' });
    for (const answer of store.release) answer();
    await clock.advanceAsync(0);
    expect(limiter.storeState).toBe('down');
    expect(outages).toHaveLength(1);
  });

  it('does not take an old call that answers late for the end of an outage', async () => {
    const limiter = limiterOf({ onStoreError: 'open' });
    store.state = 'hangs';
    const old = limiter.check('ada');
    store.state = 'rejects';
    await limiter.check('ada');
    store.release[0]?.();
    expect(await old).toMatchObject({ failure: null });
    expect(limiter.storeState).toBe('down');
  });

  it('drops a refund in an outage, and rejects a reset', async () => {
    const limiter = limiterOf();
    await limiter.check('ada');
    store.state = 'rejects';
    await expect(limiter.refund('ada')).resolves.toBeUndefined();
    await expect(limiter.reset('ada')).rejects.toThrow('rejected');
    expect(outages).toHaveLength(1);
  });

  it('forgets what it has counted for itself with a reset', async () => {
    store.state = 'rejects';
    const limiter = limiterOf();
    await limiter.check('ada', 3);
    await expect(limiter.reset('ada')).rejects.toThrow('rejected');
    expect(await limiter.peek('ada')).toMatchObject({ remaining: 3, failure: 'local' });
  });

  it('frees its name when it is closed', async () => {
    await limiterOf().close();
    expect(() => limiterOf()).not.toThrow();
  });
});
