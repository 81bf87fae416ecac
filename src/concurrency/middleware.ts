import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { ConcurrencyLimiter, type Waiting } from './concurrency-limiter.js';
import { concurrencySchema, type ConcurrencyLimiterOptions, type ConcurrencyOptions } from './options.js';

/**
 * Lets a number of requests through at the same time, each from its start to the last byte of its answer; the others
 * wait for a moment in a bounded queue, or get 503. It belongs outside of what calls `next` more than once, such as a
 * retry: whatever slots an exchange takes, it leaves them when it is over.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([concurrency({ limit: 100, maxQueue: 200 })], proxy({ target: 'http://reports:3001' }));
 */
export function concurrency(options: ConcurrencyOptions): Middleware & { readonly limiter: ConcurrencyLimiter } {
  validate('concurrency', options, concurrencySchema);
  const { limiter = new ConcurrencyLimiter(options as ConcurrencyLimiterOptions) } = options;

  function leave(): void {
    limiter.leave();
  }

  function concurrencyMiddleware(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    if (ctx.aborted !== null) return refuse(ctx, 'ERR_GATEWAY_CLIENT_CLOSED');
    const entry = limiter.enter();
    return typeof entry === 'boolean' ? proceed(ctx, next, entry) : wait(ctx, next, entry);
  }

  async function wait(ctx: Context, next: Handler, waiting: Waiting): Promise<GatewayResponse> {
    ctx.setCancellable({ onCancel: () => waiting.giveUp() });
    const entered = await waiting.entered;
    ctx.setCancellable(null);
    return proceed(ctx, next, entered);
  }

  function proceed(ctx: Context, next: Handler, entered: boolean): MaybePromise<GatewayResponse> {
    if (entered) ctx.onFinish(leave);
    // While it waited the client may have left, be it in the moment in which its turn came.
    if (ctx.aborted !== null) return refuse(ctx, 'ERR_GATEWAY_CLIENT_CLOSED');
    return entered ? next(ctx) : refuse(ctx, 'ERR_GATEWAY_CONCURRENCY_LIMITED');
  }

  return Object.assign(concurrencyMiddleware, { limiter });
}
