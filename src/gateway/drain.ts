import { refuse } from '../core/refuse.js';
import type { Context } from '../core/context.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import { after } from '../core/after.js';
import type { Clock } from '../core/clock.js';

/** Counts the exchanges in flight, so that a gateway can end without cutting one off. */
export class Drain {
  #state: 'open' | 'draining' | 'closed' = 'open';
  #inFlight = 0;
  #onEmpty: (() => void) | null = null;
  #closing: Promise<void> | undefined;

  /** Around every route: answers as long as the gateway lives, and asks clients to leave once it drains. */
  readonly middleware = (ctx: Context, next: Handler): MaybePromise<GatewayResponse> => {
    if (this.#state === 'closed') return refuse(ctx, 'ERR_GATEWAY_DRAINING');
    this.#inFlight++;
    ctx.onFinish(this.#onFinish);
    return this.#state === 'open' ? next(ctx) : after(next, ctx, closeConnection);
  };

  /** Resolves when nothing is in flight, or at the deadline; after that every request is refused. */
  close(timeoutMs: number, clock: Clock): Promise<void> {
    return (this.#closing ??= this.#emptyOrLate(timeoutMs, clock));
  }

  async #emptyOrLate(timeoutMs: number, clock: Clock): Promise<void> {
    this.#state = 'draining';
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

function closeConnection(response: GatewayResponse): GatewayResponse {
  response.headers.connection = 'close';
  return response;
}
