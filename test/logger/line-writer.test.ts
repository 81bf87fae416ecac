import type { write, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineWriter, type LineWriterOptions } from '../../src/logger/line-writer.js';
import { FakeClock } from '../support/fake-clock.js';

type Written = (error: Error | null, bytes: number) => void;

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A descriptor that does what a test says: it takes so many bytes, or fails. */
class FakeFile {
  text = '';
  /** Writes that were asked for. */
  writes = 0;
  /** What the next writes do; after that, all is taken. */
  readonly script: (number | string)[] = [];
  /** What a thread is at. */
  pending: (() => void) | null = null;

  readonly fs = {
    writeSync: ((_fd: number, chunk: Buffer, offset: number) => this.#take(chunk, offset)) as typeof writeSync,
    write: ((_fd: number, chunk: Buffer, offset: number, _length: number, _position: null, written: Written) => {
      expect(this.pending, 'writes at the same time').toBeNull();
      this.pending = () => {
        this.pending = null;
        let bytes: number;
        try {
          bytes = this.#take(chunk, offset);
        } catch (error) {
          return written(error as Error, 0);
        }
        written(null, bytes);
      };
    }) as unknown as typeof write,
  };

  /** The thread brings what it is at to its end. */
  finish(): void {
    this.pending?.();
  }

  #take(chunk: Buffer, offset: number): number {
    this.writes++;
    const step = this.script.shift() ?? Infinity;
    if (typeof step === 'string') throw failure(step);
    const taken = chunk.subarray(offset, offset + step);
    this.text += taken.toString('latin1');
    return taken.length;
  }
}

function setUp(options: Pick<LineWriterOptions, 'maxBufferBytes' | 'unblock'> = { unblock: () => true }): {
  file: FakeFile;
  clock: FakeClock;
  writer: LineWriter;
} {
  const [file, clock] = [new FakeFile(), new FakeClock()];
  return { file, clock, writer: new LineWriter(7, { clock, fs: file.fs, ...options }) };
}

const warnings: string[] = [];

function collectWarning(warning: Error): void {
  warnings.push(warning.message);
}

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', collectWarning);
});

afterEach(() => {
  process.off('warning', collectWarning);
});

describe('LineWriter', () => {
  it('writes the lines of 20 ms together, in their order', () => {
    const { file, clock, writer } = setUp();
    for (const line of ['1', '2', '3']) writer.add(line);
    clock.advance(19);
    expect(file.writes).toBe(0);
    clock.advance(1);
    expect([file.writes, file.text]).toEqual([1, '1\n2\n3\n']);
    writer.add('4');
    clock.advance(20);
    expect(file.text).toBe('1\n2\n3\n4\n');
    expect(clock.pending).toBe(0);
  });

  it('writes what fills page after page, in its order', () => {
    const { file, clock, writer } = setUp();
    const lines = Array.from({ length: 3_000 }, (_, i) => `${i} ${'x'.repeat((i * 37) % 900)}`);
    for (const line of lines) writer.add(line);
    clock.advance(1_000);
    expect(file.text).toBe(lines.map((line) => `${line}\n`).join(''));
  });

  it('does not wait for company where there is enough', () => {
    const { file, writer } = setUp();
    writer.add('x'.repeat(70_000));
    expect(file.text).toHaveLength(70_001);
  });

  it('goes on where a write has taken a part', () => {
    const { file, clock, writer } = setUp();
    file.script.push(2, 1, 3);
    writer.add('first');
    writer.add('second');
    clock.advance(100);
    expect(file.text).toBe('first\nsecond\n');
  });

  it('asks a full pipe again, soon and then less often, without a warning', async () => {
    const { file, clock, writer } = setUp();
    file.script.push(3, ...Array<string>(20).fill('EAGAIN'), 1);
    writer.add('first');
    clock.advance(20);
    clock.advance(10);
    expect(file.writes).toBe(5);
    clock.advance(1_000);
    expect(file.text).toBe('first\n');
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });

  it('writes one chunk in a turn of the loop', () => {
    const { file, clock, writer } = setUp();
    file.script.push('EAGAIN');
    for (let count = 0; count < 5; count++) writer.add('x'.repeat(65_536));
    expect(file.text).toBe('');
    clock.advance(1);
    expect(file.text).toHaveLength(65_537);
    clock.advance(10);
    expect(file.text).toHaveLength(5 * 65_537);
  });

  it.each(['ENOSPC', 'EIO', 'EPIPE'])('keeps its lines over %s, and tells the operator once', async (code) => {
    const { file, clock, writer } = setUp();
    file.script.push(...Array<string>(10).fill(code));
    writer.add('kept');
    clock.advance(5_000);
    const { writes } = file;
    expect(writes).toBeLessThan(10);
    writer.add('later');
    clock.advance(60_000);
    expect(file.text).toBe('kept\nlater\n');
    await new Promise(setImmediate);
    // Told once per process, by whichever of these comes first.
    expect(warnings.length).toBe(code === 'ENOSPC' ? 1 : 0);
    if (code === 'ENOSPC') expect(warnings[0]).toMatch(/descriptor 7 \(ENOSPC\)/);
  });

  it('drops the newest lines beyond its bound, counts them, and says so as soon as there is room', () => {
    const { file, clock, writer } = setUp({ unblock: () => true, maxBufferBytes: 50 });
    file.script.push('EAGAIN');
    for (let i = 0; i < 9; i++) writer.add(`line ${i} xx`);
    clock.advance(100);
    const lines = file.text.trimEnd().split('\n');
    expect(lines.slice(0, -1)).toEqual(['line 0 xx', 'line 1 xx', 'line 2 xx', 'line 3 xx', 'line 4 xx']);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ code: 'ERR_GATEWAY_LOG_LOST', level: 'error', lost: 4 });
    writer.add('after');
    clock.advance(100);
    expect(file.text.endsWith('after\n')).toBe(true);
    expect(file.text.match(/LOG_LOST/g)).toHaveLength(1);
  });

  it('counts bytes, not characters, once they are many', () => {
    const { file, clock, writer } = setUp({ unblock: () => true, maxBufferBytes: 400_000 });
    file.script.push('EAGAIN', 'EAGAIN');
    for (let i = 0; i < 3; i++) writer.add('漢'.repeat(65_536));
    clock.advance(100);
    expect(file.text).toContain('"lost":1');
  });

  describe('on what can block', () => {
    it('has one write under way at a time, and goes on behind it', () => {
      const { file, clock, writer } = setUp({});
      writer.add('1');
      clock.advance(20);
      writer.add('2');
      writer.add('x'.repeat(70_000));
      clock.advance(100);
      expect(file.text).toBe('');
      file.finish();
      expect(file.text).toBe('1\n');
      file.finish();
      file.finish();
      expect(file.text).toHaveLength(70_005);
      expect(file.pending).toBeNull();
    });

    it('gathers the lines that come during a write, too', () => {
      const { file, clock, writer } = setUp({});
      writer.add('1');
      clock.advance(20);
      writer.add('2');
      file.finish();
      writer.add('3');
      expect(file.pending).toBeNull();
      clock.advance(20);
      file.finish();
      expect(file.text).toBe('1\n2\n3\n');
    });

    it('goes on where a write has taken a part, and tries again where it has failed', () => {
      const { file, clock, writer } = setUp({});
      file.script.push(2, 'EIO', 1);
      writer.add('first');
      clock.advance(20);
      file.finish();
      file.finish();
      expect([file.text, file.pending]).toEqual(['fi', null]);
      clock.advance(100);
      file.finish();
      file.finish();
      expect(file.text).toBe('first\n');
    });

    it('leaves to a thread what it has begun when the process exits, and writes the rest', () => {
      const { file, clock, writer } = setUp({});
      writer.add('1');
      clock.advance(20);
      writer.add('2');
      writer.flushSync(1);
      expect(file.text).toBe('2\n');
      file.finish();
      expect(file.text).toBe('2\n1\n');
    });
  });

  describe('flush', () => {
    it('writes at once, and resolves when what was given so far is out', async () => {
      const { file, clock, writer } = setUp();
      file.script.push('EAGAIN');
      writer.add('1');
      let isDone = false;
      void writer.flush().then(() => (isDone = true));
      writer.add('2');
      await new Promise(setImmediate);
      expect(isDone).toBe(false);
      file.script.push(2, 'EAGAIN');
      clock.advance(1);
      await new Promise(setImmediate);
      expect([isDone, file.text]).toEqual([true, '1\n']);
    });

    it('waits for no company, behind a chunk that could not be written either', () => {
      const { file, clock, writer } = setUp();
      file.script.push('EAGAIN', 'EAGAIN');
      writer.add('x'.repeat(65_536));
      writer.add('last');
      void writer.flush();
      clock.advance(10);
      expect(file.text.endsWith('\nlast\n')).toBe(true);
    });

    it('resolves where there is nothing to write', async () => {
      await expect(setUp().writer.flush()).resolves.toBeUndefined();
    });

    it('gives up where nothing moves', async () => {
      const { file, writer } = setUp();
      file.script.push('EAGAIN');
      writer.add('1');
      await expect(writer.flush()).resolves.toBeUndefined();
      expect(file.text).toBe('');
    });
  });

  describe('flushSync', () => {
    it('writes all that waits, in their order', () => {
      const { file, writer } = setUp();
      file.script.push('EAGAIN', 3);
      writer.add('x'.repeat(70_000));
      writer.add('last');
      expect(writer.flushSync(0)).toBe(0);
      expect(file.text).toBe(`${'x'.repeat(70_000)}\nlast\n`);
    });

    it('asks a full pipe so many times, and no more', () => {
      const { file, writer } = setUp();
      file.script.push(...Array<string>(10).fill('EAGAIN'));
      writer.add('1');
      expect(writer.flushSync(3)).toBe(0);
      expect([file.writes, file.text]).toEqual([4, '']);
    });

    it('tells how many pauses are left', () => {
      const { file, writer } = setUp();
      file.script.push('EAGAIN', 1);
      writer.add('1');
      expect(writer.flushSync(3)).toBe(2);
      expect(file.text).toBe('1\n');
    });

    it.each(['EPIPE', 'ENOSPC'])('gives up at once over %s', (code) => {
      const { file, writer } = setUp();
      file.script.push(code);
      writer.add('1');
      expect(writer.flushSync(3)).toBe(3);
      expect(file.writes).toBe(1);
    });
  });
});
