const EMPTY = Buffer.alloc(0);

/** Bytes on their way from a socket to a parser that asks for lines and lengths. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#notify();
  }

  /** No more bytes will come. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** One line without its line end (CR LF, or LF alone); `null` where the bytes end before a line does. */
  async line(): Promise<string | null> {
    for (;;) {
      const all = this.#joined();
      const end = all.indexOf(0x0a);
      if (end !== -1) {
        this.#replace(all.subarray(end + 1));
        return all.toString('latin1', 0, end > 0 && all[end - 1] === 0x0d ? end - 1 : end);
      }
      if (this.#ended) return null;
      await this.#change();
    }
  }

  /** `length` bytes, or fewer where the bytes end before. */
  async bytes(length: number): Promise<Buffer> {
    while (this.#size < length && !this.#ended) await this.#change();
    const all = this.#joined();
    this.#replace(all.subarray(length));
    return all.subarray(0, length);
  }

  /** What waits, at least one byte; empty at the end. */
  async some(): Promise<Buffer> {
    while (this.#size === 0 && !this.#ended) await this.#change();
    return this.bytes(this.#size);
  }

  /** Everything up to the end. */
  async rest(): Promise<Buffer> {
    while (!this.#ended) await this.#change();
    return this.bytes(this.#size);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? EMPTY;
  }

  #replace(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
