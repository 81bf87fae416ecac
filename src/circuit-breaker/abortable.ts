import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/errors.js';
import type { MaybePromise } from '../core/types.js';
import type { CircuitPermit } from './circuit-permit.js';

export interface AbortableOptions {
  readonly permit: CircuitPermit;
  /** Name of the circuit. */
  readonly name: string;
  /** In ms; `Infinity` = no deadline. */
  readonly timeoutMs: number;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/**
 * Runs `fn` until it ends, its deadline passes or its caller gives up. What comes first decides; what `fn` does later is
 * swallowed. With a deadline `fn` gets a signal of its own, so nothing but this call is aborted.
 */
export function abortable<Result>(
  fn: (signal: AbortSignal | undefined) => MaybePromise<Result>,
  { permit, name, timeoutMs, signal, clock }: AbortableOptions,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const controller = timeoutMs === Infinity ? null : new AbortController();
    const timer = controller === null ? null : clock.setTimer(onDeadline, timeoutMs);
    signal?.addEventListener('abort', onAbort);

    function onDeadline(): void {
      permit.failure();
      stop(new GatewayError('ERR_GATEWAY_TOTAL_TIMEOUT', `call of '${name}' took longer than ${timeoutMs} ms`));
    }

    function onAbort(): void {
      permit.cancel();
      stop(signal?.reason as Error);
    }

    function stop(reason: Error): void {
      fail(reason);
      controller?.abort(reason);
    }

    function fail(reason: Error): void {
      release();
      reject(reason);
    }

    function release(): void {
      if (timer !== null) clock.clearTimer(timer);
      signal?.removeEventListener('abort', onAbort);
    }

    async function run(): Promise<void> {
      try {
        const result = await fn(controller?.signal ?? signal);
        release();
        resolve(result);
      } catch (error) {
        fail(error as Error);
      }
    }

    void run();
  });
}
