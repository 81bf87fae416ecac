import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** @default 2000 */
  withinMs?: number;
  /** @default 10 */
  everyMs?: number;
}

/**
 * Repeats `check` until it neither throws nor returns `false`: for facts that another process, the kernel or a socket establishes.
 *
 * @throws what the last try threw, when the time is over.
 */
export async function eventually<Value>(
  check: () => Value | Promise<Value>,
  { withinMs = 2_000, everyMs = 10 }: EventuallyOptions = {},
): Promise<Value> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value !== false) return value;
      failure = new Error(`still not true after ${withinMs} ms: ${check.toString()}`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= deadline) throw failure;
    await sleep(everyMs);
  }
}
