import { backoffDelay } from '../core/backoff.js';
import { systemClock, type Clock } from '../core/clock.js';
import { compileHook } from '../core/hook.js';

const runHook = compileHook('A listener of a source of targets');

export interface WatchLoopOptions {
  /** Ceiling of the wait after the first failure, in ms. @default 500 */
  backoffMs?: number;
  /** Ceiling of every wait after a failure, in ms. @default 30000 */
  maxBackoffMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

/**
 * Runs `round` again and again until it is stopped. A round that fails is told, and the next one waits, longer each time;
 * at least half of the ceiling, so that a source which fails at once is never asked in a loop.
 *
 * @param round Resolves with the ms to wait before the next round. Its signal is aborted when the watch ends.
 * @returns What ends the watch.
 */
export function watchLoop(
  round: (signal: AbortSignal) => Promise<number>,
  onError: (error: Error) => void,
  { backoffMs = 500, maxBackoffMs = 30_000, clock = systemClock, random = Math.random }: WatchLoopOptions = {},
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let failures = 0;

  async function turn(): Promise<void> {
    const startedAt = clock.now();
    let waitMs: number;
    try {
      waitMs = await round(signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      runHook(() => {
        onError(error instanceof Error ? error : new Error(String(error)));
      });
      // A watch that broke after a long time has not failed again and again.
      if (clock.now() - startedAt >= maxBackoffMs) failures = 0;
      const half = { backoffMs: backoffMs / 2, maxBackoffMs: maxBackoffMs / 2, random };
      waitMs = backoffDelay(failures, { ...half, random: () => 1 }) + backoffDelay(failures, half);
      failures++;
    }
    if (!signal.aborted) wait(waitMs);
  }

  function wait(waitMs: number): void {
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', stop);
      void turn();
    }, waitMs);
    function stop(): void {
      clock.clearTimer(timer);
    }
    signal.addEventListener('abort', stop, { once: true });
  }

  wait(0);
  return function endWatch() {
    controller.abort();
  };
}
