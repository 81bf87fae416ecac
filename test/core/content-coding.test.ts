import { pipeline } from 'node:stream/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  contentCodings,
  createDecoders,
  createEncoders,
  isCoding,
  type ContentCoding,
} from '../../src/core/content-coding.js';
import { bodyText } from '../support/request.js';

const CODINGS: readonly ContentCoding[] = ['gzip', 'deflate', 'br', 'zstd'];
const known = CODINGS.filter(isCoding);

describe('contentCodings', () => {
  it.each([
    [undefined, []],
    ['identity', []],
    ['gzip', ['gzip']],
    ['X-GZIP', ['gzip']],
    ['gzip, br', ['gzip', 'br']],
    [' deflate ,', ['deflate']],
    ['compress', null],
    ['gzip, compress', null],
    ['gzip, gzip, gzip, gzip', ['gzip', 'gzip', 'gzip', 'gzip']],
    ['gzip, gzip, gzip, gzip, gzip', null],
    ['__proto__', null],
    ['constructor', null],
  ])('of %j are %j', (field, codings) => {
    expect(contentCodings(field === undefined ? {} : { 'content-encoding': field })).toEqual(codings);
  });

  it('knows at least gzip, deflate and br', () => {
    expect(known).toEqual(expect.arrayContaining(['gzip', 'deflate', 'br']));
  });
});

describe('coders', () => {
  it.each([...known.map((coding) => [coding]), ['gzip', 'br']].map((codings) => [codings]))(
    'undo %j',
    async (codings) => {
      const text = 'some text, '.repeat(1_000);
      const sink = new PassThrough();
      const source = new PassThrough().end(text);
      const streams = [
        source,
        ...createEncoders(codings as ContentCoding[]),
        ...createDecoders(codings as ContentCoding[]),
        sink,
      ];
      const [read] = await Promise.all([bodyText(sink), pipeline(streams)]);
      expect(read).toBe(text);
    },
  );
});
