import { randomFillSync } from 'node:crypto';

/** Random bytes are cheap by the kilobyte and dear by the dozen. */
const POOL_BYTES = 4_096;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/** Makes ids of traces and spans, out of random bytes that are drawn in bulk. */
export class TraceIds {
  readonly #fill: (bytes: Uint8Array) => unknown;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #used = POOL_BYTES;

  /** @param fill Fills an array with random bytes. */
  constructor(fill: (bytes: Uint8Array) => unknown = randomFillSync) {
    this.#fill = fill;
  }

  /** 32 hex digits, never all of them 0. */
  traceId(): string {
    return this.#next(TRACE_BYTES);
  }

  /** 16 hex digits, never all of them 0. */
  spanId(): string {
    return this.#next(SPAN_BYTES);
  }

  #next(length: number): string {
    if (this.#used + length > POOL_BYTES) {
      this.#fill(this.#pool);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    const id = this.#pool.toString('hex', start, this.#used);
    return /[^0]/.test(id) ? id : `${id.slice(1)}1`;
  }
}
