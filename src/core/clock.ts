/**
 * Time as a dependency: every piece takes a `Clock`, so tests never sleep and a change of the wall clock moves no
 * window.
 */

/** A running timer. */
export interface Timer {
  /** Starts the same delay again from now. */
  refresh(): unknown;
}

export interface Clock {
  /** Monotonic milliseconds with a fraction: durations and windows. */
  now(): number;
  /** Milliseconds since 1970: timestamps that others read. */
  wall(): number;
  /** Calls `callback` once after `delayMs`, without keeping the process alive. */
  setTimer(callback: () => void, delayMs: number): Timer;
  clearTimer(timer: Timer): void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clearTimer: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
  },
};
