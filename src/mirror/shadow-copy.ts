import { Readable } from 'node:stream';
import { answerResult, compileFailureStatuses } from '../core/attempt-result.js';
import { isStream } from '../core/buffer-body.js';
import type { Clock, Timer } from '../core/clock.js';
import type { Context } from '../core/context.js';
import { derivedStream } from '../core/derived-stream.js';
import { GatewayError } from '../core/errors.js';
import type { Body, ByteStream, Handler } from '../core/types.js';
import { BodyTap } from './body-tap.js';
import { ShadowRequest } from './shadow-request.js';

/** How a copy ended: `dropped` ones were never sent. */
export type CopyResult = 'succeeded' | 'failed' | 'dropped';

/** What the copies of one mirror share. */
export interface CopySettings {
  readonly to: Handler;
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onSent: () => void;
  /** Told once of each copy. */
  readonly onEnd: (copy: ShadowCopy, result: CopyResult) => void;
}

const isFailure = compileFailureStatuses(undefined);

/** One copy of a request, from the first byte of its body to the last byte of its answer. */
export class ShadowCopy {
  readonly #settings: CopySettings;
  readonly #request: ShadowRequest;
  readonly #body: Body;
  #tap: BodyTap | null = null;
  #timer: Timer | null = null;
  #answer: ByteStream | null = null;
  #isOver = false;

  constructor(original: Context, settings: CopySettings) {
    this.#settings = settings;
    this.#request = new ShadowRequest(original);
    this.#body = (original.drafted ?? original.request).body;
  }

  /** Gathers a body that comes as a stream, while the original reads it. */
  gather(original: Context): void {
    const body = this.#body;
    if (!isStream(body)) return;
    // Whoever sends a body that is no stream of Node's would make one of it, which nobody could listen to.
    const stream = body instanceof Readable ? body : (original.draft().body = derivedStream(body, body));
    this.#tap = new BodyTap(stream, this.#settings.maxBodyBytes, (bytes) => {
      this.#tap = null;
      if (bytes === null) this.#end('dropped');
      else this.#send(bytes);
    });
    // What nobody has read by then, nobody will.
    original.onFinish(() => {
      if (this.#tap !== null) this.#end('dropped');
    });
  }

  /** The original is on its way. A copy whose body is still coming is sent when it is complete. */
  start(): void {
    if (!isStream(this.#body) && !this.#isOver) this.#send(this.#body);
  }

  /** Ends the copy at once, wherever it is. Does nothing when it is over. */
  stop(reason: Error): void {
    if (this.#isOver) return;
    const { ctx } = this.#request;
    this.#end(this.#timer === null ? 'dropped' : 'failed');
    ctx.abort(reason);
    this.#answer?.destroy();
    ctx.finish({ status: 499, aborted: true });
  }

  #send(body: Body): void {
    const { onSent, clock, timeoutMs } = this.#settings;
    this.#request.setBody(body);
    this.#timer = clock.setTimer(() => {
      this.stop(new GatewayError('ERR_GATEWAY_TOTAL_TIMEOUT', 'the shadow took too long'));
    }, timeoutMs);
    onSent();
    void this.#exchange(this.#request.ctx);
  }

  /** Never rejects: what becomes of a copy is nobody's concern. */
  async #exchange(ctx: Context): Promise<void> {
    try {
      const response = await this.#settings.to(ctx);
      const { status, body } = response;
      if (isStream(body)) await this.#drain(body);
      if (this.#isOver) return;
      this.#end(answerResult(response, ctx, isFailure) === 'success' ? 'succeeded' : 'failed');
      ctx.finish({ status, aborted: false });
    } catch {
      if (this.#isOver) return;
      this.#end('failed');
      ctx.finish({ status: 502, aborted: true });
    }
  }

  async #drain(body: ByteStream): Promise<void> {
    if (this.#isOver) {
      body.destroy();
      return;
    }
    this.#answer = body;
    const chunks = body[Symbol.asyncIterator]();
    let step = await chunks.next();
    while (step.done !== true) step = await chunks.next();
  }

  #end(result: CopyResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tap?.stop();
    this.#tap = null;
    if (this.#timer !== null) this.#settings.clock.clearTimer(this.#timer);
    this.#settings.onEnd(this, result);
  }
}
