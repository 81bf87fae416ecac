import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

/**
 * Copies a body while somebody else reads it, at the reader's pace. The bytes are gathered in one piece of memory of
 * its own: many small chunks cost no more than a large one.
 */
export class BodyTap {
  readonly #body: Readable;
  readonly #maxBytes: number;
  readonly #onEnd: (bytes: Uint8Array | null) => void;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** @param onEnd Told once: all of the body, or `null` where it is longer than `maxBytes` or has broken off. */
  constructor(body: Readable, maxBytes: number, onEnd: (bytes: Uint8Array | null) => void) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#onEnd = onEnd;
    // A stream's own `on` would set it flowing, before its reader has come.
    EventEmitter.prototype.on.call(body, 'data', this.#take);
    body.on('end', this.#complete).on('close', this.#giveUp);
  }

  /** Copies no more, and tells nobody. */
  stop(): void {
    this.#body.off('data', this.#take).off('end', this.#complete).off('close', this.#giveUp);
    this.#bytes = Buffer.alloc(0);
  }

  readonly #take = (chunk: Uint8Array): void => {
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) {
      this.#giveUp();
      return;
    }
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  };

  readonly #complete = (): void => {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.stop();
    this.#onEnd(bytes);
  };

  readonly #giveUp = (): void => {
    this.stop();
    this.#onEnd(null);
  };

  #grow(least: number): void {
    const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(least, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
