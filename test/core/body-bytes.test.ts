import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { expect, it } from 'vitest';
import { bodyBytes } from '../../src/core/body-bytes.js';
import type { Body } from '../../src/core/types.js';

const stream = {
  pipe: () => undefined,
  destroy: () => undefined,
  [Symbol.asyncIterator]: () => Readable.from([]).iterator(),
};

it.each<[string, Body, number | undefined]>([
  ['nothing', null, 0],
  ['a text', 'grün', 5],
  ['bytes', new Uint8Array(3), 3],
  ['a stream that counts', { ...stream, bytesRead: 7 }, 7],
  ['a stream that does not', stream, undefined],
  ['a stream of Node, which may count something else', createGzip(), undefined],
])('%s', (_what, body, bytes) => {
  expect(bodyBytes(body)).toBe(bytes);
});
