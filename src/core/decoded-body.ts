import { pipeline, Readable } from 'node:stream';
import { isStream } from './buffer-body.js';
import { createDecoders, type ContentCoding } from './content-coding.js';
import type { Body } from './types.js';

/** Why a body has no decoded form to read: it is not what its codings say, or it has more bytes than wanted. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly kind: 'broken' | 'too-large';

  constructor(kind: 'broken' | 'too-large', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/**
 * Reads all of a body into memory and undoes its codings on the way. It stops at `maxBytes` of what comes out, so a
 * small body that swells costs no more than that.
 *
 * @param codings In the order in which they were applied, see `contentCodings`; none = the body is read as it is.
 * @throws {DecodeError} `broken` when the bytes are not of these codings or end too early, `too-large` beyond
 *   `maxBytes`. The stream is destroyed then, and also where it fails itself: that error stays as it is.
 */
export async function readDecoded(
  body: Body,
  codings: readonly ContentCoding[],
  maxBytes: number,
): Promise<Uint8Array> {
  const source = new Source(body);
  try {
    const first = Readable.from(source, { objectMode: false });
    const decoded = codings.length === 0 ? first : pipeline([first, ...createDecoders(codings)], ignore);
    return await readBounded(decoded as Readable, maxBytes);
  } catch (error) {
    if (isStream(body)) body.destroy();
    if (source.failure !== null) throw source.failure.error;
    throw error instanceof DecodeError
      ? error
      : new DecodeError('broken', 'the body is not what its coding says', error);
  }
}

async function readBounded(stream: Readable, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop destroys the decoders, and they their source.
    if (bytes > maxBytes) throw new DecodeError('too-large', `the body has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, bytes);
}

/** The bytes of a body; it remembers a failure of theirs, which is none of the coding. */
class Source implements AsyncIterable<Uint8Array> {
  failure: { readonly error: unknown } | null = null;
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const body = this.#body;
    try {
      if (isStream(body)) yield* body;
      else if (body !== null && body.length > 0) yield typeof body === 'string' ? Buffer.from(body) : body;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}

/** Failures reach the reader of the last stream. */
function ignore(): void {}
