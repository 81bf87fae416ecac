import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { DispatchController } from '../../src/proxy/dispatcher.js';
import { UpstreamBody, type BodyOwner } from '../../src/proxy/upstream-body.js';

class FakeController implements DispatchController {
  readonly calls: string[] = [];
  abort(): void {
    this.calls.push('abort');
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

class FakeOwner implements BodyOwner {
  readonly abandoned: Error[] = [];
  onReading(): void {}
  onAbandoned(reason: Error): void {
    this.abandoned.push(reason);
  }
}

/** Takes one chunk at a time, and the next when the test says so. */
class SlowWritable extends Writable {
  readonly chunks: string[] = [];
  #done: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 4 });
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.chunks.push(chunk.toString());
    this.#done = callback;
  }

  /** Finishes the chunk in hand. */
  accept(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }
}

/** Records what is asked of it, call by call. */
class RecordingWritable extends Writable {
  readonly calls: string[] = [];

  constructor() {
    super({ highWaterMark: 1_000_000 });
    this.on('error', () => undefined);
  }

  override write(chunk: Buffer, ...rest: never[]): boolean {
    this.calls.push(`write ${chunk.toString()}`);
    return super.write(chunk, ...rest);
  }

  override end(chunk?: unknown): this {
    this.calls.push(chunk instanceof Buffer ? `end ${chunk.toString()}` : 'end');
    return super.end();
  }

  override _write(_chunk: Buffer, _encoding: string, callback: () => void): void {
    callback();
  }
}

interface Fixture {
  readonly body: UpstreamBody;
  readonly controller: FakeController;
  readonly owner: FakeOwner;
}

function fixture(...chunks: readonly string[]): Fixture {
  const controller = new FakeController();
  const owner = new FakeOwner();
  const body = new UpstreamBody(controller, owner);
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  return { body, controller, owner };
}

function closed(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

async function collect(body: UpstreamBody): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk).toString());
  return chunks;
}

describe('UpstreamBody, piped', () => {
  it('that is complete is written in one call with the end', () => {
    const { body, owner } = fixture('whole');
    body.end();
    const to = new RecordingWritable();
    expect(body.pipe(to)).toBe(to);
    expect(to.calls).toEqual(['end whole']);
    expect(owner.abandoned).toEqual([]);
  });

  it('that is complete in several chunks writes them in order and ends with the last', () => {
    const { body } = fixture('a', 'b', 'c');
    body.end();
    const to = new RecordingWritable();
    body.pipe(to);
    expect(to.calls).toEqual(['write a', 'write b', 'end c']);
  });

  it('that is complete and empty only ends', () => {
    const { body } = fixture();
    body.end();
    const to = new RecordingWritable();
    body.pipe(to);
    expect(to.calls).toEqual(['end']);
  });

  it('writes what waits, then what comes, then ends', () => {
    const { body } = fixture('a');
    const to = new RecordingWritable();
    body.pipe(to);
    body.push(Buffer.from('b'));
    body.end();
    expect(to.calls.filter((call) => call !== 'write ')).toEqual(['write a', 'write b', 'end']);
  });

  it('makes the upstream wait for a slow reader, and go on when it has caught up', async () => {
    const { body, controller } = fixture();
    const to = new SlowWritable();
    body.pipe(to);
    body.push(Buffer.from('12345'));
    expect(controller.calls).toEqual(['pause']);
    expect(body.paused).toBe(true);
    body.push(Buffer.from('678'));
    expect(controller.calls).toEqual(['pause']);
    const drained = new Promise((resolve) => to.once('drain', resolve));
    to.accept();
    to.accept();
    await drained;
    expect(controller.calls).toEqual(['pause', 'resume']);
    expect(body.paused).toBe(false);
    expect(to.chunks).toEqual(['12345', '678']);
  });

  it('that waited for its reader goes on when a fast one comes', () => {
    const { body, controller } = fixture('x'.repeat(65_536));
    expect(controller.calls).toEqual(['pause']);
    body.pipe(new RecordingWritable());
    expect(controller.calls).toEqual(['pause', 'resume']);
  });

  it('that waited for its reader waits on where a slow one comes', () => {
    const { body, controller } = fixture('x'.repeat(65_536));
    body.pipe(new SlowWritable());
    expect(controller.calls).toEqual(['pause']);
    expect(body.paused).toBe(true);
  });

  it('destroys its reader where the upstream breaks off', async () => {
    const { body, owner } = fixture('part');
    const to = new RecordingWritable();
    body.pipe(to);
    const failure = new Error('reset');
    body.fail(failure);
    await closed(to);
    expect(to.errored).toBe(failure);
    expect(to.calls).not.toContain('end');
    expect(owner.abandoned).toEqual([]);
  });

  it('destroys a reader that comes after the upstream broke off', async () => {
    const { body } = fixture('part');
    const failure = new Error('reset');
    body.fail(failure);
    const to = new RecordingWritable();
    body.pipe(to);
    await closed(to);
    expect(to.errored).toBe(failure);
    expect(to.calls).toEqual([]);
  });

  it('gives up the upstream once where its reader goes away', async () => {
    const { body, owner } = fixture('part');
    const to = new RecordingWritable();
    body.pipe(to);
    to.destroy();
    await closed(to);
    expect(owner.abandoned).toHaveLength(1);
    body.destroy();
    expect(owner.abandoned).toHaveLength(1);
  });

  it('does not give up an upstream that is done', async () => {
    const { body, owner } = fixture('whole');
    const to = new RecordingWritable();
    body.pipe(to);
    body.end();
    await closed(to);
    body.destroy();
    expect(owner.abandoned).toEqual([]);
  });

  it('is complete whatever fails after the end', () => {
    const { body } = fixture('whole');
    body.end();
    body.fail(new Error('too late'));
    const to = new RecordingWritable();
    body.pipe(to);
    expect(to.calls).toEqual(['end whole']);
  });
});

describe('UpstreamBody without a reader', () => {
  it('keeps 64 KiB before it makes the upstream wait', () => {
    const { body, controller } = fixture('x'.repeat(65_535));
    expect(controller.calls).toEqual([]);
    body.push(Buffer.from('x'));
    body.push(Buffer.from('x'));
    expect(controller.calls).toEqual(['pause']);
  });

  it('that is destroyed gives up the upstream with the reason', () => {
    const { body, owner } = fixture('part');
    const reason = new Error('not wanted');
    body.destroy(reason);
    body.destroy(new Error('twice'));
    expect(owner.abandoned).toEqual([reason]);
  });

  it('that is destroyed after a failure gives up nothing', () => {
    const { body, owner } = fixture();
    body.fail(new Error('reset'));
    body.destroy();
    expect(owner.abandoned).toEqual([]);
  });
});

describe('UpstreamBody, iterated', () => {
  it('yields what waits and ends', async () => {
    const { body, owner } = fixture('a', 'b');
    body.end();
    expect(await collect(body)).toEqual(['a', 'b']);
    expect(owner.abandoned).toEqual([]);
  });

  it('yields what comes later, in order, and ends with the upstream', async () => {
    const { body } = fixture('a');
    const collected = collect(body);
    await Promise.resolve();
    body.push(Buffer.from('b'));
    await Promise.resolve();
    body.push(Buffer.from('c'));
    body.end();
    expect(await collected).toEqual(['a', 'b', 'c']);
  });

  it('ends at once where nothing ever comes', async () => {
    const { body } = fixture();
    const collected = collect(body);
    await Promise.resolve();
    body.end();
    expect(await collected).toEqual([]);
  });

  it('lets an upstream go on that waited for it', async () => {
    const { body, controller } = fixture('x'.repeat(70_000));
    const iterator = body[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toHaveLength(70_000);
    expect(controller.calls).toEqual(['pause']);
    const next = iterator.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(controller.calls).toEqual(['pause', 'resume']);
    body.end();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it.each([
    ['while it waits', true],
    ['before it begins', false],
  ])('throws where the upstream breaks off %s', async (_when, isWaiting) => {
    const { body, owner } = fixture();
    const failure = new Error('reset');
    if (!isWaiting) body.fail(failure);
    const collected = collect(body);
    if (isWaiting) body.fail(failure);
    await expect(collected).rejects.toBe(failure);
    expect(owner.abandoned).toEqual([]);
  });

  it('throws where it is destroyed while it waits', async () => {
    const { body, owner } = fixture();
    const collected = collect(body);
    const reason = new Error('not wanted');
    body.destroy(reason);
    await expect(collected).rejects.toBe(reason);
    expect(owner.abandoned).toEqual([reason]);
  });

  it('gives up the upstream where its reader stops early', async () => {
    const { body, owner } = fixture('a', 'b');
    for await (const chunk of body) {
      expect(Buffer.from(chunk).toString()).toBe('a');
      break;
    }
    expect(owner.abandoned).toHaveLength(1);
  });
});
