import { pipeline, type Writable } from 'node:stream';
import type { ByteStream } from '../core/types.js';
import type { Encoder, EncoderStream } from './encoder.js';

/**
 * A body that is compressed while it is read. What the source has given is let out as soon as the source pauses, so a
 * page that is written slowly is seen as it is written. Nothing is set up, and nothing is to be freed, before a reader
 * has come.
 */
export class CompressedBody implements ByteStream {
  bytesRead = 0;
  readonly #source: ByteStream | Uint8Array;
  readonly #encoder: Encoder;
  #stream: EncoderStream | null = null;
  #isDestroyed = false;

  constructor(source: ByteStream | Uint8Array, encoder: Encoder) {
    this.#source = source;
    this.#encoder = encoder;
  }

  get failure(): Error | null {
    return this.#source instanceof Uint8Array ? null : (this.#source.failure ?? null);
  }

  pipe(destination: Writable): Writable {
    const stream = this.#start();
    pipeline(stream, destination, ignore);
    stream.on('data', (chunk: Uint8Array) => {
      this.bytesRead += chunk.length;
    });
    return destination;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#start() as AsyncIterable<Uint8Array>) {
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }

  destroy(error?: Error): void {
    this.#isDestroyed = true;
    if (!(this.#source instanceof Uint8Array)) this.#source.destroy(error);
    this.#stream?.destroy(error);
  }

  #start(): EncoderStream {
    const source = this.#source;
    const stream = (this.#stream = this.#encoder.createStream());
    // Whoever reads is told of a failure; where nobody does, it must not end the process.
    stream.on('error', ignore);
    if (this.#isDestroyed) return stream.destroy(new Error('the body was destroyed before it was read'));
    if (source instanceof Uint8Array) return stream.end(source);
    // A source that is silent would not learn of it otherwise.
    stream.once('close', () => source.destroy());
    pipeline(this.#flushing(source, stream), stream, ignore);
    return stream;
  }

  /** The chunks of the source; each is in the encoder when the next one is asked for. */
  async *#flushing(source: ByteStream, stream: EncoderStream): AsyncGenerator<Uint8Array, void, undefined> {
    const flush = (): void => {
      stream.flush(this.#encoder.flushKind);
    };
    let pause: NodeJS.Immediate | undefined;
    try {
      for await (const chunk of source) {
        clearImmediate(pause);
        yield chunk;
        pause = setImmediate(flush);
      }
    } finally {
      clearImmediate(pause);
    }
  }
}

/** Failures reach the reader. */
function ignore(): void {}
