import { describe, expect, it } from 'vitest';
import { markChanged } from '../../src/core/changed-body.js';

describe('markChanged', () => {
  it('takes back what is said of the old bytes, and leaves the rest', () => {
    const headers = {
      'accept-ranges': 'bytes',
      'content-digest': 'sha-256=:a:',
      'content-length': '5',
      'content-md5': 'a',
      'content-type': 'text/plain',
      digest: 'sha-256=a',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
      'repr-digest': 'sha-256=:a:',
    };
    markChanged(headers);
    expect(JSON.parse(JSON.stringify(headers))).toEqual({
      'content-type': 'text/plain',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    });
  });

  it.each([
    ['"a"', 'W/"a"'],
    ['W/"a"', 'W/"a"'],
  ])('makes the ETag %s %s', (etag, expected) => {
    const headers = { etag };
    markChanged(headers);
    expect(headers).toEqual({ etag: expected });
  });

  it('adds no field', () => {
    const headers = {};
    markChanged(headers);
    expect(Object.keys(headers)).toEqual([]);
  });
});
