import type { Writable } from 'node:stream';
import type { ByteStream } from '../core/types.js';
import type { DispatchController } from './dispatcher.js';

/** Bytes kept for a reader that has not come yet, before the upstream is told to wait. */
const HIGH_WATER_MARK = 65_536;

export interface BodyOwner {
  /** A reader has come, and the answer is not complete yet. */
  onReading(): void;
  /** The reader went away before the end. */
  onAbandoned(reason: Error): void;
}

/**
 * The body of an upstream's answer: a queue between the socket and one reader, with backpressure and without the cost
 * of a `Readable`. A body that is complete when its reader comes is written in one piece together with the head.
 */
export class UpstreamBody implements ByteStream {
  readonly #controller: DispatchController;
  readonly #owner: BodyOwner;
  #chunks: Uint8Array[] = [];
  #queuedBytes = 0;
  #bytesRead = 0;
  #destination: Writable | null = null;
  #wakeReader: (() => void) | null = null;
  #paused = false;
  #ended = false;
  #error: Error | null = null;

  constructor(controller: DispatchController, owner: BodyOwner) {
    this.#controller = controller;
    this.#owner = owner;
  }

  /** True while the reader, not the upstream, is what everybody waits for. */
  get paused(): boolean {
    return this.#paused;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get failure(): Error | null {
    return this.#error;
  }

  /** Takes a chunk from the upstream. */
  push(chunk: Uint8Array): void {
    if (this.#destination !== null) {
      this.#bytesRead += chunk.length;
      if (!this.#destination.write(chunk)) this.#pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes >= HIGH_WATER_MARK) this.#pause();
    this.#wakeReader?.();
  }

  /** The upstream's answer is complete. */
  end(): void {
    this.#ended = true;
    this.#destination?.end();
    this.#wakeReader?.();
  }

  /** The upstream's answer broke off: the reader must not take it for complete. */
  fail(error: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    this.#chunks = [];
    this.#destination?.destroy(error);
    this.#wakeReader?.();
  }

  takeWhole(): Uint8Array | null {
    if (!this.#ended || this.#chunks.length !== 1) return null;
    return this.#take()[0] as Uint8Array;
  }

  pipe(destination: Writable): Writable {
    const chunks = this.#take();
    if (this.#error !== null) return destination.destroy(this.#error);
    if (this.#ended) {
      const last = chunks.pop();
      for (const chunk of chunks) destination.write(chunk);
      return last === undefined ? destination.end() : destination.end(last);
    }
    this.#destination = destination;
    this.#owner.onReading();
    destination.on('drain', () => {
      this.#resume();
    });
    destination.once('close', () => {
      this.destroy();
    });
    let writable = true;
    for (const chunk of chunks) writable = destination.write(chunk);
    if (writable) this.#resume();
    else this.#pause();
    return destination;
  }

  destroy(reason: Error = new Error('the reader left')): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = reason;
    this.#chunks = [];
    this.#wakeReader?.();
    this.#owner.onAbandoned(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        yield* this.#take();
        if (this.#error !== null) throw this.#error;
        if (this.#queuedBytes > 0) continue;
        if (this.#ended) return;
        this.#owner.onReading();
        this.#resume();
        await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      }
    } finally {
      this.destroy();
    }
  }

  #take(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytesRead += this.#queuedBytes;
    this.#queuedBytes = 0;
    return chunks;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#controller.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#controller.resume();
  }
}
