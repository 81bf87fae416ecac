import { Transform, type TransformCallback } from 'node:stream';
import type { ByteStream } from '../../core/types.js';
import { warnOnce } from '../../core/warn.js';
import { ChunkReplacer } from './chunk-replacer.js';
import type { UrlReplacer } from './url-replacer.js';

/** Bytes that are searched at once: there is a length beyond which Node makes no text of them. */
const PART_BYTES = 65_536;

/** A body on its way through a {@link ChunkReplacer}. */
export class RewrittenBody extends Transform implements ByteStream {
  readonly #chunks: ChunkReplacer;

  constructor(replacer: UrlReplacer, maxBytes: number) {
    super();
    this.#chunks = new ChunkReplacer(replacer, maxBytes);
  }

  /** Before there is a reader, whoever writes the head looks here. */
  get failure(): Error | null {
    return this.errored;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    for (const part of partsOf(chunk)) this.#give(this.#chunks.write(part));
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#give(this.#chunks.end());
    if (this.#chunks.isExceeded) warnExceeded();
    done();
  }

  #give(bytes: Uint8Array): void {
    if (bytes.length > 0) this.push(bytes);
  }
}

/** The same for bytes that are all here. */
export function rewriteBytes(bytes: Uint8Array, replacer: UrlReplacer): Uint8Array {
  const chunks = new ChunkReplacer(replacer, Infinity);
  const given = Array.from(partsOf(bytes), (part) => chunks.write(part));
  return Buffer.concat([...given, chunks.end()]);
}

function* partsOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
}

/** The operator hears of it: internal URLs may have got out. */
export function warnExceeded(): void {
  warnOnce(
    'ERR_GATEWAY_BODY_NOT_REWRITTEN',
    'rewriteUrls: an answer was longer than maxBodyBytes, so not all of its URLs were rewritten',
  );
}
