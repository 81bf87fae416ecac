import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Http2Stream } from 'node:http2';

/**
 * The body of a request as a stream of its own. Who reads it may destroy it, as an upload whose upstream has answered
 * early is destroyed, without taking the client's connection along: the answer has yet to go out on it.
 */
export class RequestBody extends Readable {
  bytesRead = 0;
  readonly #request: IncomingMessage;
  readonly #onFirstRead: (() => void) | null;
  #started = false;

  /** @param onFirstRead Called when somebody wants the body: the moment to send `100 Continue`. */
  constructor(request: IncomingMessage, onFirstRead: (() => void) | null) {
    super();
    this.#request = request;
    this.#onFirstRead = onFirstRead;
    // The reader hears of the error from its own listener; nobody listening must not end the process.
    this.on('error', () => undefined);
  }

  override _read(): void {
    if (!this.#started) this.#start();
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).pause();
    callback(error);
  }

  #start(): void {
    this.#started = true;
    this.#onFirstRead?.();
    this.#request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesRead += chunk.length;
    if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    // The compatibility layer of http2 ends a body that was reset as if it were whole.
    if ((this.#request as { stream?: Http2Stream }).stream?.aborted) this.destroy(clientLeft());
    else this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(clientLeft());
  };
}

function clientLeft(): Error {
  return new Error('the client left before its request was complete');
}
