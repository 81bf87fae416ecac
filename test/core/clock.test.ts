import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../src/core/clock.js';
import { FakeClock } from '../support/fake-clock.js';

interface Subject {
  readonly clock: Clock;
  readonly advance: (ms: number) => void;
}

const subjects: Record<string, () => Subject> = {
  systemClock: () => ({
    clock: systemClock,
    advance: (ms) => {
      vi.advanceTimersByTime(ms);
    },
  }),
  FakeClock: () => {
    const clock = new FakeClock();
    return {
      clock,
      advance: (ms) => {
        clock.advance(ms);
      },
    };
  },
};

describe.each(Object.entries(subjects))('%s', (_name, create) => {
  let clock: Clock;
  let advance: (ms: number) => void;
  let fired: string[];
  const note = (what: string) => () => {
    fired.push(what);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    ({ clock, advance } = create());
    fired = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('moves both times by what has passed', () => {
    const [now, wall] = [clock.now(), clock.wall()];
    advance(250);
    expect(clock.now() - now).toBeCloseTo(250);
    expect(clock.wall() - wall).toBe(250);
  });

  it('fires a timer once, after its delay and not before', () => {
    clock.setTimer(note('a'), 100);
    advance(99);
    expect(fired).toEqual([]);
    advance(1);
    expect(fired).toEqual(['a']);
    advance(1_000);
    expect(fired).toEqual(['a']);
  });

  it('fires in the order of the times, then of the starts', () => {
    clock.setTimer(note('late'), 20);
    clock.setTimer(note('early'), 10);
    clock.setTimer(note('late too'), 20);
    advance(20);
    expect(fired).toEqual(['early', 'late', 'late too']);
  });

  it('fires a timer that a timer starts', () => {
    clock.setTimer(() => clock.setTimer(note('inner'), 10), 10);
    advance(20);
    expect(fired).toEqual(['inner']);
  });

  it('shows a timer its own time', () => {
    const start = clock.now();
    const times: number[] = [];
    clock.setTimer(() => times.push(clock.now() - start), 10);
    advance(500);
    expect(times[0]).toBeCloseTo(10);
  });

  it('does not fire a cleared timer', () => {
    const timer = clock.setTimer(note('a'), 10);
    clock.clearTimer(timer);
    advance(100);
    expect(fired).toEqual([]);
  });

  it('clears a fired timer without complaint', () => {
    const timer = clock.setTimer(note('a'), 10);
    advance(10);
    clock.clearTimer(timer);
    expect(fired).toEqual(['a']);
  });

  it('starts the delay again on refresh', () => {
    const timer = clock.setTimer(note('a'), 100);
    advance(60);
    timer.refresh();
    advance(60);
    expect(fired).toEqual([]);
    advance(40);
    expect(fired).toEqual(['a']);
  });

  it('fires again where a fired timer is refreshed', () => {
    const timer = clock.setTimer(note('a'), 100);
    advance(100);
    timer.refresh();
    advance(100);
    expect(fired).toEqual(['a', 'a']);
  });
});

describe('systemClock', () => {
  it('keeps no process alive with a timer', () => {
    const timer = systemClock.setTimer(() => undefined, 60_000) as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    systemClock.clearTimer(timer);
  });

  it('tells the wall time of the machine', () => {
    expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1_000);
  });
});

describe('FakeClock', () => {
  it('counts what is pending', () => {
    const clock = new FakeClock();
    const timer = clock.setTimer(() => undefined, 10);
    clock.setTimer(() => undefined, 20);
    expect([clock.pending, clock.nextInMs]).toEqual([2, 10]);
    clock.clearTimer(timer);
    expect([clock.pending, clock.nextInMs]).toEqual([1, 20]);
    clock.advance(20);
    expect([clock.pending, clock.nextInMs]).toEqual([0, null]);
  });

  it('does not fire a cleared timer after a refresh, as Node does not', () => {
    const clock = new FakeClock();
    let calls = 0;
    const timer = clock.setTimer(() => calls++, 10);
    clock.clearTimer(timer);
    timer.refresh();
    clock.advance(10);
    expect([calls, clock.pending]).toEqual([0, 0]);
  });

  it('moves the wall alone where asked, in both directions', () => {
    const clock = new FakeClock({ now: 100, wall: 1_000_000 });
    clock.setTimer(() => undefined, 10);
    clock.advanceWall(3_600_000);
    clock.advanceWall(-7_200_000);
    expect([clock.now(), clock.wall(), clock.pending]).toEqual([100, 1_000_000 - 3_600_000, 1]);
  });

  it('refuses a delay that Node would cut to 1 ms', () => {
    const clock = new FakeClock();
    for (const delayMs of [Number.NaN, Infinity, 2 ** 31]) {
      expect(() => clock.setTimer(() => undefined, delayMs)).toThrow(RangeError);
    }
  });

  it('lets promises settle between timers in advanceAsync', async () => {
    const clock = new FakeClock();
    const steps: string[] = [];
    clock.setTimer(() => {
      steps.push('timer');
      void Promise.resolve().then(() => clock.setTimer(() => steps.push('timer of a promise'), 10));
    }, 10);
    await clock.advanceAsync(20);
    expect(steps).toEqual(['timer', 'timer of a promise']);
  });
});
