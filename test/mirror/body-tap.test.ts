import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { BodyTap } from '../../src/mirror/body-tap.js';
import { bodyText } from '../support/request.js';
import { eventually } from '../support/eventually.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('BodyTap', () => {
  it('holds of a body the bytes, and not the memory that they came in', async () => {
    const body = new Readable({ read: () => undefined });
    const tap = new BodyTap(body, 100, () => undefined);
    body.resume();
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let chunk = 0; chunk < 64; chunk++) body.push(Buffer.alloc(1_000_000).subarray(0, 1));
    // What is free is counted as such a while later.
    await eventually(() => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before < 10_000_000;
    });
    tap.stop();
  });

  it('tells of each body once: of all of it, or of nothing', async () => {
    const told: (string | null)[] = [];
    const note = (bytes: Uint8Array | null): void =>
      void told.push(bytes === null ? null : Buffer.from(bytes).toString());
    const [whole, long, broken, stopped] = ['whole', 'too long', 'broken', 'stopped'].map((text) => {
      const body = Readable.from([Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))]);
      return { body, tap: new BodyTap(body, 7, note) };
    });
    stopped?.tap.stop();
    broken?.body.destroy();
    expect(await bodyText(whole?.body ?? null)).toBe('whole');
    expect(await bodyText(long?.body ?? null)).toBe('too long');
    expect(await bodyText(stopped?.body ?? null)).toBe('stopped');
    expect(told.sort()).toEqual([null, null, 'whole']);
  });

  it('does not start a body that has no reader yet', async () => {
    const body = Readable.from([Buffer.from('kept')]);
    const tap = new BodyTap(body, 100, () => undefined);
    await new Promise(setImmediate);
    expect([body.readableFlowing, body.readableDidRead]).toEqual([null, false]);
    tap.stop();
  });

  it('copies a body that has no bytes', async () => {
    const body = Readable.from([]);
    const copied = new Promise<Uint8Array | null>((resolve) => new BodyTap(body, 0, resolve));
    body.resume();
    expect(await copied).toHaveLength(0);
  });
});
