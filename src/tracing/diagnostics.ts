import { channel } from 'node:diagnostics_channel';
import type { Attempt, AttemptObserver } from '../core/attempt.js';
import type { Context, Outcome } from '../core/context.js';
import type { Middleware } from '../core/types.js';

/** What each channel of {@link diagnostics} gives its subscribers. */
export interface DiagnosticsMessages {
  /** A request has come in. */
  'innergate:request:start': { readonly ctx: Context };
  /** The exchange is over: the answer is out, or the client has left. */
  'innergate:request:end': { readonly ctx: Context; readonly outcome: Outcome };
  /** Something went wrong on the way; told just before the end. */
  'innergate:request:error': { readonly ctx: Context; readonly error: unknown };
  /** A call of an upstream is over. */
  'innergate:request:attempt': { readonly ctx: Context; readonly attempt: Attempt };
}

const start = channel('innergate:request:start');
const end = channel('innergate:request:end');
const error = channel('innergate:request:error');
const attempt = channel('innergate:request:attempt');

/**
 * Tells the subscribers of `node:diagnostics_channel` of every exchange: see {@link DiagnosticsMessages}. Without
 * subscribers it costs next to nothing; whoever subscribes while an exchange is under way may miss the rest of it.
 *
 * It belongs outside of what calls `next` more than once, such as a retry. A subscriber runs in the middle of the
 * exchange and so should be quick. What it throws harms no request, but Node raises it again as an uncaught exception.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * subscribe('innergate:request:end', (message) => {
 *   const { ctx, outcome } = message as DiagnosticsMessages['innergate:request:end'];
 *   recordUsage(ctx.route?.id, outcome.status);
 * });
 * const handler = compose([diagnostics()], proxy({ target: 'http://users:3001' }));
 */
export function diagnostics(): Middleware {
  return function diagnosticsMiddleware(ctx, next) {
    if (end.hasSubscribers || error.hasSubscribers) ctx.onFinish(publishEnd);
    if (attempt.hasSubscribers) ctx.observeAttempts(publishAttempts);
    if (start.hasSubscribers) start.publish({ ctx } satisfies DiagnosticsMessages['innergate:request:start']);
    return next(ctx);
  };
}

function publishEnd(ctx: Context, outcome: Outcome): void {
  if (ctx.error !== null && error.hasSubscribers)
    error.publish({ ctx, error: ctx.error } satisfies DiagnosticsMessages['innergate:request:error']);
  if (end.hasSubscribers) end.publish({ ctx, outcome } satisfies DiagnosticsMessages['innergate:request:end']);
}

const publishAttempts: AttemptObserver = {
  onAttemptEnd(ctx, ended) {
    attempt.publish({ ctx, attempt: ended } satisfies DiagnosticsMessages['innergate:request:attempt']);
  },
};
