import type { Attempt } from '../core/attempt.js';
import type { Context } from '../core/context.js';
import type { Destination } from '../core/destination.js';
import type { Connection, DispatchOptions } from './dispatcher.js';

/** What is written down of one call of an upstream while it goes on, and told to whoever observes it. */
export class AttemptRecord implements Attempt {
  readonly number: number;
  readonly origin: string;
  readonly method: string;
  readonly url: string;
  readonly startedAt: number;
  sentAt = Number.NaN;
  connectMs = 0;
  answeredAt = Number.NaN;
  endedAt = Number.NaN;
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;
  error: Error | null = null;
  readonly #destination: Destination | null;

  /** The call begins, and is the latest of its exchange. */
  constructor(ctx: Context, { origin, method, path }: DispatchOptions, destination: Destination | null) {
    this.number = ++ctx.attempt;
    this.origin = origin;
    this.method = method;
    this.url = path;
    this.startedAt = ctx.clock.now();
    ctx.lastAttempt = this;
    this.#destination = destination;
    this.#destination?.onAttemptStart?.(ctx, this);
    if (ctx.attemptObservers === null) return;
    for (const observer of ctx.attemptObservers) observer.onAttemptStart?.(ctx, this);
  }

  /** Its request begins to be written. */
  send(now: number, connection: Connection | null, body: unknown): void {
    this.sentAt = now;
    // A connection that was open before cost this call nothing.
    if (connection !== null && connection.openedAt > this.startedAt)
      this.connectMs = Math.min(connection.connectMs, connection.openedAt - this.startedAt);
    if (body instanceof Uint8Array) this.bytesSent = body.length;
    else if (typeof body === 'string') this.bytesSent = Buffer.byteLength(body);
  }

  end(ctx: Context, error: Error | null): void {
    this.endedAt = ctx.clock.now();
    this.error = error;
    this.#destination?.onAttemptEnd?.(ctx, this);
    if (ctx.attemptObservers === null) return;
    for (const observer of ctx.attemptObservers) observer.onAttemptEnd?.(ctx, this);
  }
}
