/**
 * What counts for one key in one window. Times are whole ms, counts whole numbers, products at most 2^53 - 1: whoever
 * does the same steps in another language gets the same answers, bit by bit.
 */
export interface WindowCount {
  /**
   * Brings the count to `now`, before anything else is asked of it; `waitMs` does so by itself. Without a call in between, two steps are as good as
   * one, so a store need not keep what only time has changed. Where the clock has gone back, what lies in the future is
   * moved to `now`, and that must be kept: it frees nobody, and shuts nobody out for longer than a window.
   */
  advance(now: number): void;
  /** Until a call fits if nothing else is counted; 0 = it fits. `cost` is at most what fits into an empty window. */
  waitMs(cost: number, now: number): number;
  /** Counts a call that fits. */
  add(cost: number, now: number): void;
  /** Takes back a call as far as it still counts. */
  refund(cost: number): void;
  /** Calls that would fit now. */
  remaining(now: number): number;
  /** Until nothing counts any more; 0 = nothing does. */
  resetMs(now: number): number;
}
