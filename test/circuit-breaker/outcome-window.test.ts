import { describe, expect, it } from 'vitest';
import { CountWindow, TimeWindow, type OutcomeWindow } from '../../src/circuit-breaker/outcome-window.js';
import { seededRandom } from '../support/random.js';

function figures(window: OutcomeWindow, now: number): [calls: number, failures: number, slowCalls: number] {
  const { calls, failures, slowCalls } = window.tally(now);
  return [calls, failures, slowCalls];
}

describe('TimeWindow', () => {
  it.each([
    // A call at 1000 ms of a window of 1000 ms: its bucket is 1000..1099, and leaves when 2000 begins.
    [1_000, 1_999.9, 1],
    [1_000, 2_000, 0],
    [1_099.9, 1_999.9, 1],
    [1_099.9, 2_000, 0],
    [1_100, 2_099.9, 1],
    [1_100, 2_100, 0],
    [1_000, 1e12, 0],
  ])('a call at %d ms is at %d ms counted %i times', (at, now, calls) => {
    const window = new TimeWindow(1_000);
    window.record(true, true, at);
    expect(figures(window, now)).toEqual([calls, calls, calls]);
  });

  it('drops one bucket after the other', () => {
    const window = new TimeWindow(1_000);
    for (let i = 0; i < 10; i++) window.record(i % 2 === 0, i < 3, 5_000 + i * 100);
    const seen = Array.from({ length: 11 }, (_, i) => figures(window, 5_900 + i * 100));
    expect(seen).toEqual([
      [10, 5, 3],
      [9, 4, 2],
      [8, 4, 1],
      [7, 3, 0],
      [6, 3, 0],
      [5, 2, 0],
      [4, 2, 0],
      [3, 1, 0],
      [2, 1, 0],
      [1, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('agrees with a list of all calls, with sparse and with dense traffic', () => {
    const random = seededRandom(7);
    for (const gapMs of [1, 40, 300, 5_000]) {
      const window = new TimeWindow(1_000);
      const all: { at: number; failed: boolean; slow: boolean }[] = [];
      let now = 123.4;
      for (let i = 0; i < 2_000; i++) {
        now += random() * gapMs;
        const call = { at: now, failed: random() < 0.3, slow: random() < 0.2 };
        all.push(call);
        window.record(call.failed, call.slow, now);
        const oldest = Math.floor(now / 100) - 9;
        const kept = all.filter(({ at }) => Math.floor(at / 100) >= oldest);
        expect(figures(window, now)).toEqual([
          kept.length,
          kept.filter(({ failed }) => failed).length,
          kept.filter(({ slow }) => slow).length,
        ]);
      }
    }
  });

  it('works on a clock that starts below zero, and with one that steps back', () => {
    const window = new TimeWindow(1_000);
    window.record(true, false, -250);
    expect(figures(window, 100)).toEqual([1, 1, 0]);
    window.record(true, false, 150);
    expect(figures(window, -50)).toEqual([2, 2, 0]);
    expect(figures(window, 150)).toEqual([2, 2, 0]);
    expect(figures(window, 750)).toEqual([1, 1, 0]);
  });

  it('is empty once it was cleared', () => {
    const window = new TimeWindow(1_000);
    window.record(true, true, 1_000);
    window.clear();
    window.record(false, false, 1_000);
    expect(figures(window, 1_000)).toEqual([1, 0, 0]);
    expect(figures(window, 5_000)).toEqual([0, 0, 0]);
  });
});

describe('CountWindow', () => {
  it.each([1, 2, 7, 100])('agrees with the last %i of all calls', (size) => {
    const random = seededRandom(size);
    const window = new CountWindow(size);
    const all: { failed: boolean; slow: boolean }[] = [];
    for (let i = 0; i < 500; i++) {
      const call = { failed: random() < 0.5, slow: random() < 0.5 };
      all.push(call);
      window.record(call.failed, call.slow);
      const kept = all.slice(-size);
      expect(figures(window, 0)).toEqual([
        kept.length,
        kept.filter(({ failed }) => failed).length,
        kept.filter(({ slow }) => slow).length,
      ]);
    }
  });

  it('is empty once it was cleared', () => {
    const window = new CountWindow(3);
    for (let i = 0; i < 5; i++) window.record(true, true);
    window.clear();
    for (let i = 0; i < 4; i++) window.record(false, false);
    expect(figures(window, 0)).toEqual([3, 0, 0]);
  });
});
