import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bufferBody } from '../../src/core/buffer-body.js';
import { derivedStream } from '../../src/core/derived-stream.js';
import { bodyText } from '../support/request.js';

/** A body that gives one chunk and then nothing more. */
function stalled(): Readable {
  const body = new Readable({ read: () => undefined });
  body.on('error', () => undefined);
  body.push('first');
  return body;
}

async function* upperCase(body: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield Buffer.from(String(chunk).toUpperCase());
}

describe('derivedStream', () => {
  it('gives what the generator makes', async () => {
    const body = Readable.from([Buffer.from('a'), Buffer.from('b')]);
    expect(await bodyText(derivedStream(upperCase(body), body))).toBe('AB');
  });

  it.each([
    ['before it is read', false],
    ['while its source gives nothing more', true],
  ])('destroyed %s closes, and its source with it', async (_when, isRead) => {
    const body = stalled();
    const stream = derivedStream(upperCase(body), body);
    if (isRead) {
      stream.resume();
      await once(stream, 'data');
    }
    const closed = once(stream, 'close');
    stream.destroy();
    await closed;
    expect(body.destroyed).toBe(true);
  });

  it('fails with its source', async () => {
    const body = stalled();
    const stream = derivedStream(upperCase(body), body);
    const failed = once(stream, 'error');
    stream.resume();
    body.destroy(new Error('broken'));
    expect(await failed).toEqual([expect.objectContaining({ message: 'broken' })]);
  });
});

it('what is left of a body beyond the cap closes, too, while its source gives nothing more', async () => {
  const body = stalled();
  const rest = (await bufferBody(body, 2)) as Readable;
  rest.resume();
  await once(rest, 'data');
  const closed = once(rest, 'close');
  rest.destroy();
  await closed;
  expect(body.destroyed).toBe(true);
});
