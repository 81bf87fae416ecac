import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/core/errors.js';
import { bufferBody, isStream, keepBody } from '../../src/core/buffer-body.js';
import { fakeContext } from '../support/request.js';

const text = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
const bodyOf = (...chunks: string[]): Readable => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

describe('bufferBody', () => {
  it('gives the bytes of a body of up to maxBytes', async () => {
    expect(await bufferBody(bodyOf('ab', 'c'), 3)).toEqual(Buffer.from('abc'));
    expect(await bufferBody(bodyOf(), 0)).toEqual(Buffer.alloc(0));
  });

  it('gives a longer body as a stream of the same bytes, the rest unread', async () => {
    const source = new PassThrough({ highWaterMark: 1 });
    source.write('abcd');
    const stream = (await bufferBody(source, 3)) as Readable;
    expect(stream).toBeInstanceOf(Readable);
    source.end('ef');
    expect(await text(stream)).toBe('abcdef');
  });

  it('fails when the body breaks off, before the cap and behind it', async () => {
    const broken = async function* (before: string): AsyncGenerator<Uint8Array> {
      yield Buffer.from(before);
      await Promise.resolve();
      throw new Error('broken');
    };
    const before = bufferBody(Readable.from(broken('a')), 3);
    await expect(before).rejects.toMatchObject({ code: 'ERR_GATEWAY_CLIENT_CLOSED', cause: { message: 'broken' } });
    const stream = (await bufferBody(Readable.from(broken('abcd')), 3)) as Readable;
    await expect(text(stream)).rejects.toThrow('broken');
  });

  it('leaves the error of a layer that has wrapped the body as it is', async () => {
    const tooLarge = new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', 'too large');
    const source = new PassThrough();
    source.destroy(tooLarge);
    await expect(bufferBody(source, 3)).rejects.toBe(tooLarge);
  });

  it.each([true, false])('ends the body when its stream is destroyed, read from before: %s', async (isRead) => {
    const source = new PassThrough();
    source.write('abcd');
    const stream = (await bufferBody(source, 3)) as Readable;
    if (isRead) stream.read();
    stream.destroy();
    await new Promise((resolve) => stream.once('close', resolve));
    expect(source.destroyed).toBe(true);
  });
});

describe('keepBody', () => {
  it('leaves the bytes in the draft, for whoever reads them next', async () => {
    const body = bodyOf('ab', 'c');
    const ctx = fakeContext({ method: 'POST', body });
    expect(await keepBody(ctx, body, 3)).toEqual(Buffer.from('abc'));
    expect(ctx.draft().body).toEqual(Buffer.from('abc'));
  });

  it('leaves a stream of a longer one', async () => {
    const body = bodyOf('ab', 'c');
    const ctx = fakeContext({ method: 'POST', body });
    expect(await keepBody(ctx, body, 2)).toBeNull();
    expect(await text(ctx.draft().body as Readable)).toBe('abc');
  });
});

it.each([
  [bodyOf('a'), true],
  [Buffer.from('a'), false],
  ['a', false],
  [null, false],
])('isStream tells what can be read only once (%#)', (body, expected) => {
  expect(isStream(body)).toBe(expected);
});
