import type { Clock } from './clock.js';
import type { MaybePromise } from './types.js';

/** Something has taken longer than it may. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** What `reply` comes to, or a failure when that takes longer. @throws {DeadlineError} `no answer within ... ms` */
export function withDeadline<Value>(reply: MaybePromise<Value>, timeoutMs: number, clock: Clock): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    function giveUp(): void {
      reject(new DeadlineError(`no answer within ${timeoutMs} ms`));
    }
    // After a stall of this process the timer is late too, and the reply may lie in the socket unread: an immediate runs
    // only after the loop has read what is there.
    const timer = clock.setTimer(() => setImmediate(giveUp), timeoutMs);
    // Promises of other libraries need a deadline as much.
    const settled = Promise.resolve(reply).then(resolve, reject);
    void settled.finally(() => {
      clock.clearTimer(timer);
    });
  });
}
