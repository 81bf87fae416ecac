import { systemClock, type Timer } from './clock.js';
import { compileHook } from './hook.js';

/** So much waits for company, and so long. */
const MAX_WAITING = 128;
const MAX_WAIT_MS = 10;

let waiting: (() => void)[] = [];
let timer: Timer | null = null;

/**
 * Has work done within 10 ms, that of many exchanges in a row. What is done for each exchange alone finds the caches of
 * the processor full of everything else that the exchange has needed, and takes twice as long.
 */
export function workLater(work: () => void): void {
  waiting.push(work);
  if (waiting.length === MAX_WAITING) finishLateWork();
  else timer ??= systemClock.setTimer(finishLateWork, MAX_WAIT_MS);
}

/** Does what waits at once: for whoever reads what comes of it. */
export function finishLateWork(): void {
  if (timer !== null) systemClock.clearTimer(timer);
  timer = null;
  const row = waiting;
  waiting = [];
  for (const work of row) runWork(work);
}

const runWork = compileHook('Work for an exchange that is over');
