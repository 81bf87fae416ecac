import { Readable } from 'node:stream';
import type { ByteStream } from './types.js';

/**
 * What is made of a body, as a stream of Node's. To destroy it is to destroy the body first: a generator that waits for
 * more of it could not come to its end otherwise, and one that nobody has started runs no `finally` of its own.
 */
export function derivedStream(chunks: AsyncIterable<Uint8Array>, body: ByteStream): Readable {
  const stream = Readable.from(chunks, { objectMode: false });
  const endChunks = stream._destroy.bind(stream);
  stream._destroy = function destroyWithBody(error, callback) {
    body.destroy();
    endChunks(error, callback);
  };
  return stream;
}
