import { Readable } from 'node:stream';
import type { Timer } from '../core/clock.js';
import type { Cancellable, Context } from '../core/context.js';
import { GatewayError, type GatewayErrorCode } from '../core/errors.js';
import type { GatewayResponse, HeaderMap } from '../core/types.js';
import { AttemptRecord } from './attempt-record.js';
import type { Deadline, DeadlineQueue } from './deadline-queue.js';
import type { Connection, DispatchController, DispatchHandler, DispatchOptions } from './dispatcher.js';
import { LATE_REASONS, toUpstreamFailure } from './failure.js';
import type { ExchangeSettings, Target } from './http-proxy.js';
import { UpstreamBody, type BodyOwner } from './upstream-body.js';
import type { Upstream } from './upstream.js';

/**
 * One call of an upstream, from the dispatch to the last byte: undici's callbacks on one side, a promise of an answer
 * and its body on the other. Every way to end passes through `#settle`, once.
 */
export class Exchange implements DispatchHandler, Deadline, Cancellable, BodyOwner {
  /** The pooled connection that the call runs on; written by the pool, `null` with a dispatcher of the user's own. */
  connection: Connection | null = null;

  /** For the queue of deadlines that the exchange waits in. */
  endsAt = 0;
  previous: Deadline | null = null;
  next: Deadline | null = null;

  readonly #ctx: Context;
  readonly #target: Target;
  readonly #upstream: Upstream;
  readonly #settings: ExchangeSettings;
  readonly #options: DispatchOptions;
  readonly #resolve: (response: GatewayResponse) => void;
  readonly #reject: (error: Error) => void;
  #deadlines: DeadlineQueue;
  #controller: DispatchController | null = null;
  #body: UpstreamBody | null = null;
  #totalTimer: Timer | null = null;
  #bytesBefore = 0;
  readonly #mayRepeat: boolean;
  #attempt: AttemptRecord | null = null;
  #repeated = false;
  #reading = false;
  #failure: Error | null = null;
  #settled = false;

  constructor(
    ctx: Context,
    target: Target,
    settings: ExchangeSettings,
    options: DispatchOptions,
    mayRepeat: boolean,
    resolve: (response: GatewayResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#ctx = ctx;
    this.#target = target;
    this.#upstream = target.upstream;
    this.#settings = settings;
    this.#deadlines = settings.firstByteDeadlines;
    this.#options = options;
    options.exchange = this;
    this.#mayRepeat = mayRepeat;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { clock, deadline } = this.#ctx;
    const { startedAt } = this.#begin();
    this.#deadlines.add(this, startedAt);
    if (deadline !== Infinity) {
      this.#totalTimer = clock.setTimer(
        () => {
          this.#cancel(this.#late('ERR_GATEWAY_TOTAL_TIMEOUT'));
        },
        Math.max(0, deadline - clock.now()),
      );
    }
    this.#ctx.setCancellable(this);
    if (!this.#settled) this.#upstream.dispatch(this.#options, this);
  }

  /** The header comes last: it may name the call that it goes with. */
  #begin(): AttemptRecord {
    const attempt = (this.#attempt = new AttemptRecord(this.#ctx, this.#options, this.#target.destination));
    this.#options.headers = this.#settings.headers(this.#ctx, this.#target);
    return attempt;
  }

  onRequestStart(controller: DispatchController): void {
    // Cancelled while it stood in the queue: a throw takes the call back without touching the connection.
    if (this.#failure !== null) throw this.#failure;
    this.#controller = controller;
    if (this.connection !== null) this.#bytesBefore = this.connection.bytesRead;
    const { body } = this.#options;
    const attempt = this.#attempt as AttemptRecord;
    attempt.send(this.#ctx.clock.now(), this.connection, body);
    // As long as the upload moves, the upstream has no reason to answer yet.
    if (body instanceof Readable) {
      body.on('data', (chunk: Uint8Array) => {
        attempt.bytesSent += chunk.length;
        if (attempt.status === 0 && !this.#settled) this.#deadlines.restart(this);
      });
    }
  }

  onResponseStart(controller: DispatchController, status: number, headers: HeaderMap): void {
    if (status < 100 || status > 599) throw this.#failed('ERR_GATEWAY_UPSTREAM_PROTOCOL', `status ${status}`);
    if (status < 200) {
      if (status === 103) this.#ctx.inform?.(status, headers);
      return;
    }
    const attempt = this.#attempt as AttemptRecord;
    attempt.status = status;
    attempt.answeredAt = this.#ctx.clock.now();
    const { maxResponseBytes, answer } = this.#settings;
    const bodiless = status === 204 || status === 205 || status === 304 || this.#options.method === 'HEAD';
    if (maxResponseBytes !== Infinity && !bodiless && Number(headers['content-length']) > maxResponseBytes)
      throw this.#tooLarge();
    const body = bodiless ? null : (this.#body = new UpstreamBody(controller, this));
    const response = answer(this.#ctx, this.#target, status, headers, body);
    // undici calls a legal 304 with a length an error: what follows a head without a body has no say any more.
    if (bodiless) this.#settle();
    else this.#deadlines.remove(this);
    this.#resolve(response);
  }

  onResponseData(_controller: DispatchController, chunk: Uint8Array): void {
    if (this.#body === null) return;
    const attempt = this.#attempt as AttemptRecord;
    attempt.bytesReceived += chunk.length;
    if (attempt.bytesReceived > this.#settings.maxResponseBytes) throw this.#tooLarge();
    if (this.#reading) this.#deadlines.restart(this);
    this.#body.push(chunk);
  }

  onResponseEnd(): void {
    // undici takes a reset for the end of an answer that the end of its connection ends.
    if (this.connection?.broken)
      this.#fail(this.#failed('ERR_GATEWAY_UPSTREAM_RESET', 'reset in the middle of an answer'));
    if (this.connection !== null) this.connection.answers++;
    this.#settle();
    this.#body?.end();
    this.#upstream.release();
  }

  onResponseError(_controller: DispatchController | undefined, error: Error): void {
    if (!this.#settled) {
      const failure = toUpstreamFailure(error, this.#upstream.origin);
      if (this.#diedInThePool()) this.#repeat(failure);
      else this.#fail(failure);
    }
    // Last, because an upstream that is to go closes as soon as nothing runs on it, and a repeat does.
    this.#upstream.release();
  }

  /** The connection had served before, and closed before it gave a single byte of this answer. */
  #diedInThePool(): boolean {
    const { connection } = this;
    if (this.#repeated || this.#isAnswered || connection === null || connection.answers === 0) return false;
    // It closed while the request still stood in the queue: nothing was sent, so every method may be repeated.
    if (this.#controller === null) return true;
    return this.#mayRepeat && connection.bytesRead === this.#bytesBefore;
  }

  #repeat(reason: Error): void {
    this.#repeated = true;
    this.#controller = null;
    this.#attempt?.end(this.#ctx, reason);
    this.#begin();
    this.#upstream.dispatchAlone(this.#options, this);
  }

  onDeadline(): void {
    this.#cancel(this.#late(this.#lateCode()));
  }

  /** The client has left. */
  onCancel(reason: Error): void {
    this.#cancel(new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'the client left', { cause: reason }));
  }

  /**
   * From here on either side can make the other wait. An answer that is complete before its reader comes needs no such
   * deadline.
   */
  onReading(): void {
    if (this.#settled) return;
    this.#reading = true;
    this.#deadlines = this.#settings.idleDeadlines;
    this.#deadlines.restart(this);
  }

  /** Nobody wants the rest of the answer. */
  onAbandoned(reason: Error): void {
    this.#cancel(reason);
  }

  #lateCode(): GatewayErrorCode {
    if (this.#isAnswered) return this.#body?.paused ? 'ERR_GATEWAY_CLIENT_CLOSED' : 'ERR_GATEWAY_IDLE_TIMEOUT';
    return this.#waitingForClient() ? 'ERR_GATEWAY_BODY_TIMEOUT' : 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT';
  }

  #waitingForClient(): boolean {
    const { body } = this.#options;
    return body instanceof Readable && !body.readableEnded && !body.isPaused();
  }

  get #isAnswered(): boolean {
    return this.#attempt !== null && this.#attempt.status !== 0;
  }

  #late(code: GatewayErrorCode): GatewayError {
    return this.#failed(code, LATE_REASONS[code] ?? 'took too long');
  }

  #tooLarge(): GatewayError {
    const message = `the answer is larger than maxResponseBytes, ${this.#settings.maxResponseBytes}`;
    return this.#failed('ERR_GATEWAY_UPSTREAM_TOO_LARGE', message);
  }

  #failed(code: GatewayErrorCode, what: string): GatewayError {
    return new GatewayError(code, `upstream ${this.#upstream.origin}: ${what}`);
  }

  /** Ends the call from this side. */
  #cancel(reason: Error): void {
    this.#fail(reason);
    this.#controller?.abort(reason);
  }

  #fail(failure: Error): void {
    if (this.#settled) return;
    this.#failure = failure;
    this.#settle();
    this.#ctx.error = failure;
    if (this.#body === null) this.#reject(failure);
    else this.#body.fail(failure);
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#reading = false;
    this.#deadlines.remove(this);
    if (this.#totalTimer !== null) this.#ctx.clock.clearTimer(this.#totalTimer);
    this.#ctx.setCancellable(null);
    this.#attempt?.end(this.#ctx, this.#failure);
  }
}
