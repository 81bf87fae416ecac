import type { Context } from './context.js';

/**
 * One call of an upstream, as its proxy tells it while it goes on. Times are those of `Clock.now`; `NaN` = not yet, or
 * never.
 */
export interface Attempt {
  /** From 1 on, for one exchange. */
  readonly number: number;
  /** Scheme, host and port that were asked. */
  readonly origin: string;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly startedAt: number;
  /** When its request began to be written: until then it waited for a connection. */
  readonly sentAt: number;
  /** Part of that wait in which a connection was made, TLS included, in ms; 0 over an open one. */
  readonly connectMs: number;
  /** When the head of the answer was here. */
  readonly answeredAt: number;
  readonly endedAt: number;
  /** 0 = there was no answer. */
  readonly status: number;
  /** Of the body of the request. */
  readonly bytesSent: number;
  /** Of the body of the answer. */
  readonly bytesReceived: number;
  /** Why it failed, or was cancelled; `null` where neither. */
  readonly error: Error | null;
}

/** Sees every call of an upstream; one object serves all exchanges. */
export interface AttemptObserver {
  /** The call is about to be made: what is put on the context now is still sent. */
  onAttemptStart?(ctx: Context, attempt: Attempt): void;
  /** Its answer is complete, or it has failed. */
  onAttemptEnd?(ctx: Context, attempt: Attempt): void;
}
