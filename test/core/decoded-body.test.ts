import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ContentCoding } from '../../src/core/content-coding.js';
import { DecodeError, readDecoded } from '../../src/core/decoded-body.js';
import type { Body } from '../../src/core/types.js';

const TEXT = 'a sentence that is told again, and again. '.repeat(500);

const ENCODE: Readonly<Record<string, (bytes: Uint8Array | string) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

function streamOf(bytes: Uint8Array, size = 100): Readable {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return Readable.from(chunks, { objectMode: false });
}

async function failureOf(body: Body, codings: readonly ContentCoding[], maxBytes: number): Promise<unknown> {
  return readDecoded(body, codings, maxBytes).then(
    () => 'no failure',
    (error: unknown) => (error instanceof DecodeError ? error.kind : error),
  );
}

describe('readDecoded', () => {
  it.each([
    ['nothing', null, ''],
    ['text', 'grüße', 'grüße'],
    ['bytes', Buffer.from('abc'), 'abc'],
    ['a stream', streamOf(Buffer.from('abcdef'), 2), 'abcdef'],
  ])('reads %s without codings as it is', async (_kind, body, text) => {
    expect(Buffer.from(await readDecoded(body, [], 100)).toString()).toBe(text);
  });

  it.each(['gzip', 'deflate', 'br'] as const)('undoes %s of bytes and of streams', async (coding) => {
    const encoded = (ENCODE[coding] as typeof gzipSync)(TEXT);
    for (const body of [encoded, streamOf(encoded, 1)])
      expect(Buffer.from(await readDecoded(body, [coding], TEXT.length)).toString()).toBe(TEXT);
  });

  it('undoes several codings, the last applied first', async () => {
    const encoded = brotliCompressSync(gzipSync(TEXT));
    expect(Buffer.from(await readDecoded(encoded, ['gzip', 'br'], TEXT.length)).toString()).toBe(TEXT);
    expect(await failureOf(encoded, ['br', 'gzip'], TEXT.length)).toBe('broken');
  });

  it('reads up to its bound and no byte more', async () => {
    const encoded = gzipSync(TEXT);
    expect((await readDecoded(encoded, ['gzip'], TEXT.length)).length).toBe(TEXT.length);
    expect(await failureOf(encoded, ['gzip'], TEXT.length - 1)).toBe('too-large');
    expect(await failureOf(TEXT, [], TEXT.length - 1)).toBe('too-large');
    expect(await failureOf('a', [], 0)).toBe('too-large');
  });

  it('stops a body that is too long well before its end', async () => {
    const bomb = gzipSync(randomBytes(1_000_000));
    let taken = 0;
    const source = Readable.from(
      (function* chunks() {
        for (let at = 0; at < bomb.length; at += 10_000, taken++) yield bomb.subarray(at, at + 10_000);
      })(),
      { objectMode: false, highWaterMark: 10_000 },
    );
    expect(await failureOf(source, ['gzip'], 65_536)).toBe('too-large');
    expect(source.destroyed).toBe(true);
    // Of a hundred; decoders read some of it ahead.
    expect(taken).toBeLessThan(75);
  });

  it.each(['gzip', 'deflate', 'br'] as const)(
    'tells of %s that is none, is empty, or ends too early',
    async (coding) => {
      const encoded = (ENCODE[coding] as typeof gzipSync)(TEXT);
      expect(await failureOf('plain text', [coding], 1_000)).toBe('broken');
      expect(await failureOf(null, [coding], 1_000)).toBe('broken');
      expect(await failureOf('', [coding], 1_000)).toBe('broken');
      expect(await failureOf(encoded.subarray(0, -2), [coding], TEXT.length)).toBe('broken');
      expect(await failureOf(streamOf(encoded.subarray(0, -2)), [coding], TEXT.length)).toBe('broken');
    },
  );

  it('leaves the failure of a stream as it is, with and without codings', async () => {
    const reset = new Error('the client left');
    function breaking(): Readable {
      const chunks = [gzipSync(randomBytes(5_000)).subarray(0, 1_000)];
      return Readable.from(
        (function* half() {
          yield* chunks;
          throw reset;
        })(),
        { objectMode: false },
      );
    }
    expect(await failureOf(breaking(), ['gzip'], 100_000)).toBe(reset);
    expect(await failureOf(breaking(), [], 100_000)).toBe(reset);
  });
});
