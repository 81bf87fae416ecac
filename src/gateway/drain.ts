import { refuse } from '../core/refuse.js';
import type { Context } from '../core/context.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import type { Clock } from '../core/clock.js';

/** Counts the exchanges in flight, so that a gateway can end without cutting one off. */
export class Drain {
  #state: 'open' | 'draining' | 'closed' = 'open';
  #inFlight = 0;
  #onEmpty: (() => void) | null = null;
  #closing: Promise<void> | undefined;

  /** True from the moment at which the gateway is to end: its answers ask clients to leave. */
  get isDraining(): boolean {
    return this.#state !== 'open';
  }

  /** Around every route: answers as long as the gateway lives. */
  readonly middleware = (ctx: Context, next: Handler): MaybePromise<GatewayResponse> => {
    if (this.#state === 'closed') return refuse(ctx, 'ERR_GATEWAY_DRAINING');
    this.#inFlight++;
    ctx.onFinish(this.#onFinish);
    return next(ctx);
  };

  /** Exchanges that are not over. */
  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    if (this.#state === 'open') this.#state = 'draining';
  }

  /** Resolves when nothing is in flight, or at the deadline; after that every request is refused. */
  close(timeoutMs: number, clock: Clock): Promise<void> {
    return (this.#closing ??= this.#emptyOrLate(timeoutMs, clock));
  }

  async #emptyOrLate(timeoutMs: number, clock: Clock): Promise<void> {
    this.begin();
    if (this.#inFlight > 0) {
      const { promise, resolve } = deferred();
      this.#onEmpty = resolve;
      const timer = clock.setTimer(resolve, timeoutMs);
      await promise;
      clock.clearTimer(timer);
    }
    this.#state = 'closed';
  }

  readonly #onFinish = (): void => {
    if (--this.#inFlight === 0) this.#onEmpty?.();
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}
