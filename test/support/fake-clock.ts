import type { Clock, Timer } from '../../src/core/clock.js';

const LONGEST_DELAY_MS = 2 ** 31 - 1;

interface FakeTimer extends Timer {
  readonly callback: () => void;
  readonly delayMs: number;
  dueAt: number;
  /** Decides between timers that are due at the same time: the one started first runs first. */
  order: number;
  state: 'pending' | 'fired' | 'cleared';
}

export interface FakeClockOptions {
  /** Not 0, so that a piece that takes 0 for "never" is caught. */
  now?: number;
  wall?: number;
}

/** Time that passes only when a test says so. Timers behave as in Node: at least 1 ms, `refresh` works on a fired timer. */
export class FakeClock implements Clock {
  #now: number;
  #wall: number;
  #started = 0;
  readonly #timers = new Set<FakeTimer>();

  constructor({ now = 1_000, wall = Date.UTC(2026, 0, 1) }: FakeClockOptions = {}) {
    this.#now = now;
    this.#wall = wall;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall;
  }

  /** Timers that have neither fired nor been cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer fires; `null` where none is pending. */
  get nextInMs(): number | null {
    const next = this.#nextTimer();
    return next === null ? null : next.dueAt - this.#now;
  }

  /** @throws {RangeError} where Node would warn and fire after 1 ms: a delay that is no number or above 2^31 - 1. */
  setTimer(callback: () => void, delayMs: number): Timer {
    if (!(delayMs <= LONGEST_DELAY_MS)) throw new RangeError(`setTimeout cannot wait for ${delayMs} ms`);
    const timer: FakeTimer = {
      callback,
      delayMs: Math.max(1, Math.trunc(delayMs)),
      dueAt: 0,
      order: 0,
      state: 'fired',
      refresh: () => {
        if (timer.state !== 'cleared') this.#start(timer);
        return timer;
      },
    };
    this.#start(timer);
    return timer;
  }

  clearTimer(timer: Timer): void {
    const fake = timer as FakeTimer;
    fake.state = 'cleared';
    this.#timers.delete(fake);
  }

  /** Moves both clocks and runs what falls due, in order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#nextTimer(); next !== null && next.dueAt <= end; next = this.#nextTimer()) {
      this.#moveTo(next.dueAt);
      this.#timers.delete(next);
      next.state = 'fired';
      next.callback();
    }
    this.#moveTo(end);
  }

  /** As {@link advance}, and lets promises settle between the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#nextTimer(); next !== null && next.dueAt <= end; next = this.#nextTimer()) {
      this.advance(next.dueAt - this.#now);
      await settle();
    }
    this.advance(end - this.#now);
    await settle();
  }

  /** Sets the wall clock forward, or back where `ms` is negative; monotonic time and timers stay. */
  advanceWall(ms: number): void {
    this.#wall += ms;
  }

  #start(timer: FakeTimer): void {
    timer.dueAt = this.#now + timer.delayMs;
    timer.order = this.#started++;
    timer.state = 'pending';
    this.#timers.add(timer);
  }

  #nextTimer(): FakeTimer | null {
    let next: FakeTimer | null = null;
    for (const timer of this.#timers) {
      const isSooner =
        next === null || timer.dueAt < next.dueAt || (timer.dueAt === next.dueAt && timer.order < next.order);
      if (isSooner) next = timer;
    }
    return next;
  }

  #moveTo(time: number): void {
    const passed = Math.max(0, time - this.#now);
    this.#now += passed;
    this.#wall += passed;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
