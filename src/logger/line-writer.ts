import { write, writeSync } from 'node:fs';
import { systemClock, type Clock, type Timer } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { warnOnce } from '../core/warn.js';
import { jsonLine } from './json-line.js';

/** Takes one line of text, without the line end. */
export type LineSink = (line: string) => void;

export interface LineWriterOptions {
  /** Bytes that may wait; beyond them the newest lines are dropped. From 1 on. @default 16777216 */
  maxBufferBytes?: number;
  /**
   * Makes the descriptor one that cannot block, and tells whether it is; asked before each write, because a child
   * process that inherits the descriptor makes it block again. @default it can block
   */
  unblock?: () => boolean;
  /** @default systemClock */
  clock?: Clock;
  /** What writes. @default that of node:fs */
  fs?: { write: typeof write; writeSync: typeof writeSync };
}

/** Lines wait this long for company: a write for each would cost more than the request that it tells of. */
const GATHER_MS = 20;
/** What is written at once, about: as much as a pipe holds. */
const CHUNK_BYTES = 65_536;
const PAGE_BYTES = 4 * CHUNK_BYTES;
/** A pipe that is full is asked again soon, one that is broken, or a disk that is full, less and less often. */
const FULL_PIPE_MS = { first: 1, last: 50 };
const FAILED_MS = { first: 100, last: 5_000 };
/** How long nothing may move before a flush gives up. */
const FLUSH_PATIENCE_MS = 1_000;
const EXIT_PAUSE_MS = 10;

/**
 * Writes lines to a descriptor, those of some milliseconds together. It never blocks the event loop, keeps what cannot
 * be written now, and tries again; what is beyond its bound is dropped and counted, and a line says how much that was.
 *
 * What cannot block (a pipe, a socket) is written at once, so that it is known at any time how far it got; what can (a
 * file) is written by a thread, which then writes all of it, even where the process exits meanwhile.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #maxBufferBytes: number;
  readonly #unblock: () => boolean;
  readonly #clock: Clock;
  readonly #fs: { write: typeof write; writeSync: typeof writeSync };
  /** Lines are bytes at once. They gather from `#start` to `#end`; what stands in front of them is in chunks. */
  #page: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first chunk that are out. */
  #offset = 0;
  /** Bytes that were ever taken, and those of them that are out. */
  #taken = 0;
  #written = 0;
  #lost = 0;
  /** Lines gather, or a failed write is to be tried again. */
  #timer: Timer | null = null;
  /** A thread is at it. */
  #isWriting = false;
  #failures = 0;
  readonly #flushes = new Set<{ readonly end: number; done: () => void }>();

  constructor(
    fd: number,
    {
      maxBufferBytes = 16_777_216,
      unblock = () => false,
      clock = systemClock,
      fs = { write, writeSync },
    }: LineWriterOptions = {},
  ) {
    this.#fd = fd;
    this.#maxBufferBytes = maxBufferBytes;
    this.#unblock = unblock;
    this.#clock = clock;
    this.#fs = fs;
  }

  /** Takes one line, without its line end. */
  add(line: string): void {
    if (this.#taken - this.#written + line.length >= this.#maxBufferBytes) {
      this.#lost++;
      return;
    }
    this.#append(line);
    if (this.#end - this.#start >= CHUNK_BYTES) {
      this.#seal();
      if (this.#failures === 0 && !this.#isWriting) this.#write();
    } else if (this.#timer === null && !this.#isWriting) this.#wait(GATHER_MS);
  }

  /** Resolves when every line that was given so far is out, or when nothing has moved for a second. */
  flush(): Promise<void> {
    this.#seal();
    if (this.#written === this.#taken) return Promise.resolve();
    return new Promise((resolve) => {
      let written = this.#written;
      const giveUp = (): void => {
        if (this.#written === written) flush.done();
        else timer.refresh();
        written = this.#written;
      };
      // Somebody waits for this one, so it keeps the process alive; it ends by itself.
      const timer = setTimeout(giveUp, FLUSH_PATIENCE_MS);
      const flush = {
        end: this.#taken,
        done: () => {
          clearTimeout(timer);
          this.#flushes.delete(flush);
          resolve();
        },
      };
      this.#flushes.add(flush);
      if (!this.#isWriting) this.#write();
    });
  }

  /**
   * Writes what waits before the process exits, when nothing can be waited for any more.
   *
   * @param pauses How often it may rest for 10 ms where a pipe is full.
   * @returns How many of them are left.
   */
  flushSync(pauses: number): number {
    // What a thread has begun it brings to its end, and its lines come first.
    if (this.#isWriting) {
      pause();
      this.#advance((this.#chunks[0]?.length ?? 0) - this.#offset);
    }
    this.#unblock();
    let left = pauses;
    for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) {
      try {
        this.#advance(this.#fs.writeSync(this.#fd, chunk, this.#offset));
      } catch (error) {
        if (!isFull(error) || left === 0) break;
        left--;
        pause();
      }
    }
    return left;
  }

  #append(line: string): void {
    // A character of UTF-16 is at most three bytes of UTF-8.
    const most = 3 * (line.length + 1);
    if (this.#end + most > this.#page.length) {
      this.#seal();
      this.#page = Buffer.allocUnsafeSlow(most > PAGE_BYTES ? Buffer.byteLength(line) + 1 : PAGE_BYTES);
      this.#start = this.#end = 0;
    }
    const bytes = this.#page.write(`${line}\n`, this.#end);
    this.#end += bytes;
    this.#taken += bytes;
  }

  /** Makes a chunk of what has gathered. The next lines are behind it, in the rest of the page. */
  #seal(): void {
    if (this.#start === this.#end) return;
    this.#chunks.push(this.#page.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  /** What is to be written next. */
  #next(): Buffer | undefined {
    if (this.#chunks.length === 0) this.#seal();
    return this.#chunks[0];
  }

  #wait(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#write();
    }, delayMs);
  }

  #write(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    const chunk = this.#next();
    if (chunk === undefined) return;
    if (this.#unblock()) return this.#writeNow(chunk);
    this.#isWriting = true;
    this.#fs.write(this.#fd, chunk, this.#offset, chunk.length - this.#offset, null, this.#onWritten);
  }

  #writeNow(chunk: Buffer): void {
    try {
      this.#advance(this.#fs.writeSync(this.#fd, chunk, this.#offset));
    } catch (error) {
      return this.#retry(error);
    }
    // One chunk in a turn: the loop has more to do.
    if (this.#chunks.length > 0) this.#wait(FULL_PIPE_MS.first);
    else if (this.#start !== this.#end) this.#wait(GATHER_MS);
  }

  readonly #onWritten = (error: Error | null, written: number): void => {
    this.#isWriting = false;
    if (error !== null) return this.#retry(error);
    this.#advance(written);
    if (this.#chunks.length > 0) this.#write();
    else if (this.#start !== this.#end) this.#wait(GATHER_MS);
  };

  #advance(bytes: number): void {
    this.#failures = 0;
    this.#written += bytes;
    this.#offset += bytes;
    if (this.#offset === this.#chunks[0]?.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    if (this.#lost > 0) this.#tellLost();
    for (const flush of this.#flushes) if (flush.end <= this.#written) flush.done();
  }

  #tellLost(): void {
    const message = `${this.#lost} lines of the log were lost: more than ${this.#maxBufferBytes} bytes waited to be written`;
    const lost = { code: 'ERR_GATEWAY_LOG_LOST', lost: this.#lost, message };
    this.#lost = 0;
    this.#append(jsonLine({ timestamp: isoTime(this.#clock.wall()), level: 'error', ...lost }));
  }

  #retry(error: unknown): void {
    const { first, last } = isFull(error) ? FULL_PIPE_MS : FAILED_MS;
    this.#wait(Math.min(first * 2 ** this.#failures, last));
    this.#failures++;
    if (isFull(error)) return;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const where = this.#fd === 1 ? 'standard output' : `descriptor ${this.#fd}`;
    warnOnce(
      'ERR_GATEWAY_LOG_WRITE',
      `The log cannot be written to ${where} (${code}); its lines wait and are tried again`,
    );
  }
}

/** There is no room at the moment. */
function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EXIT_PAUSE_MS);
}
