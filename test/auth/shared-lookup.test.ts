import { describe, expect, it } from 'vitest';
import { SharedLookup, type Found } from '../../src/auth/shared-lookup.js';
import { FakeClock } from '../support/fake-clock.js';

interface Answer {
  readonly number: number;
}

/** Numbers its answers; `answer` and `fail` end the question that waits for longest. */
function setup({ max = 10, ttlMs = 1_000 } = {}) {
  const clock = new FakeClock();
  const lookup = new SharedLookup<Answer>(clock, max);
  const waiting: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  const calls = { count: 0 };
  const ask = (): Promise<Found<Answer>> => {
    const value = { number: ++calls.count };
    return new Promise((resolve, fail) => {
      waiting.push({ answer: () => resolve({ value, ttlMs }), fail });
    });
  };
  const find = async (key: string) => lookup.find(key, ask);
  const findNow = (key: string) => lookup.find(key, ask);
  const answer = () => waiting.shift()?.answer();
  const fail = (error: Error) => waiting.shift()?.fail(error);
  const found = (key: string) => {
    const result = find(key);
    answer();
    return result;
  };
  return { clock, lookup, calls, find, findNow, found, answer, fail };
}

describe('SharedLookup', () => {
  it('asks once for all who want the same at a time', async () => {
    const { find, answer, calls } = setup({ ttlMs: 0 });
    const all = [find('a'), find('a'), find('a')];
    answer();
    const [first, ...others] = await Promise.all(all);
    expect(calls.count).toBe(1);
    expect(others).toEqual([first, first]);
  });

  it('asks for each key by itself', async () => {
    const { find, answer, calls } = setup();
    const both = [find('a'), find('b')];
    answer();
    answer();
    expect(await Promise.all(both)).toEqual([{ number: 1 }, { number: 2 }]);
    expect(calls.count).toBe(2);
  });

  it('gives what it keeps at once, without a promise', async () => {
    const { findNow, found } = setup();
    const value = await found('a');
    expect(findNow('a')).toBe(value);
  });

  it('keeps it until exactly its time is over', async () => {
    const { clock, findNow, found, calls } = setup({ ttlMs: 1_000 });
    await found('a');
    clock.advance(999.5);
    expect(findNow('a')).toEqual({ number: 1 });
    clock.advance(0.5);
    await found('a');
    expect(calls.count).toBe(2);
  });

  it('does not live longer for being used', async () => {
    const { clock, find, found, calls } = setup({ ttlMs: 1_000 });
    await found('a');
    for (let i = 0; i < 4; i++) {
      clock.advance(225);
      void find('a');
    }
    expect(calls.count).toBe(1);
    clock.advance(100);
    await found('a');
    expect(calls.count).toBe(2);
  });

  it('counts the time from the answer, on the monotonic clock', async () => {
    const { clock, find, answer, calls } = setup({ ttlMs: 1_000 });
    const asked = find('a');
    clock.advance(5_000);
    answer();
    await asked;
    clock.advanceWall(-3_600_000);
    clock.advance(999);
    clock.advanceWall(7_200_000);
    await find('a');
    expect(calls.count).toBe(1);
    clock.advance(1);
    void find('a');
    expect(calls.count).toBe(2);
  });

  it('starts at any time of the clock, 0 too', async () => {
    const clock = new FakeClock({ now: 0 });
    const lookup = new SharedLookup<Answer>(clock, 10);
    let calls = 0;
    const ask = () => Promise.resolve({ value: { number: ++calls }, ttlMs: 10 });
    await lookup.find('a', ask);
    clock.advance(10);
    expect(await lookup.find('a', ask)).toEqual({ number: 2 });
  });

  it.each([0, -1, NaN])('keeps nothing for %d ms', async (ttlMs) => {
    const { found, calls } = setup({ ttlMs });
    await found('a');
    await found('a');
    expect(calls.count).toBe(2);
  });

  it('gives no room to what is not kept', async () => {
    const lookup = new SharedLookup<Answer>(new FakeClock(), 1);
    const kept = { number: 1 };
    await lookup.find('a', () => Promise.resolve({ value: kept, ttlMs: 1_000 }));
    await lookup.find('b', () => Promise.resolve({ value: { number: 2 }, ttlMs: 0 }));
    expect(lookup.find('a', () => Promise.reject(new Error('asked again')))).toBe(kept);
  });

  it('keeps for good what has no end', async () => {
    const { clock, findNow, found, calls } = setup({ ttlMs: Infinity });
    await found('a');
    clock.advance(1e12);
    expect(findNow('a')).toEqual({ number: 1 });
    expect(calls.count).toBe(1);
  });

  it('keeps nothing at all with room for none, and still asks once at a time', async () => {
    const { find, found, answer, calls } = setup({ max: 0 });
    const both = [find('a'), find('a')];
    answer();
    await Promise.all(both);
    expect(calls.count).toBe(1);
    await found('a');
    expect(calls.count).toBe(2);
  });

  it('tells everybody who waits of a failure, keeps none, and asks again', async () => {
    const { find, found, fail, calls } = setup();
    const both = [find('a'), find('a')];
    const failure = new Error('down');
    fail(failure);
    expect(await Promise.allSettled(both)).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ]);
    expect(await found('a')).toEqual({ number: 2 });
    expect(calls.count).toBe(2);
  });

  it('asks again after a question that throws', async () => {
    const { lookup, found } = setup();
    const broken = (): never => {
      throw new Error('broken');
    };
    expect(() => lookup.find('a', broken)).toThrow('broken');
    expect(await found('a')).toEqual({ number: 1 });
  });

  it('forgets what was not used for longest where there is no more room', async () => {
    const { find, findNow, found, calls } = setup({ max: 2 });
    await found('a');
    await found('b');
    void find('a');
    await found('c');
    expect(calls.count).toBe(3);
    expect(findNow('a')).toEqual({ number: 1 });
    expect(await found('b')).toEqual({ number: 4 });
  });

  it('has room for keys that every object inherits', async () => {
    const { findNow, found } = setup();
    for (const key of ['__proto__', 'constructor', '', '\0']) {
      const value = await found(key);
      expect(findNow(key)).toBe(value);
    }
  });
});
