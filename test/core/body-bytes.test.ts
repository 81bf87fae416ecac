import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { bodyBytes } from '../../src/core/body-bytes.js';

it.each([
  ['nothing', null, 0],
  ['a text', 'grün', 5],
  ['bytes', new Uint8Array(3), 3],
  ['a stream that counts', Object.assign(Readable.from([]), { bytesRead: 7 }), 7],
  ['a stream that does not', Readable.from([]), undefined],
])('%s', (_what, body, bytes) => {
  expect(bodyBytes(body)).toBe(bytes);
});
