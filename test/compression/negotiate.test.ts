import { describe, expect, it } from 'vitest';
import { negotiate } from '../../src/compression/negotiate.js';
import type { ContentCoding } from '../../src/core/content-coding.js';

describe('negotiate', () => {
  it.each<[string, string | string[] | undefined, ContentCoding | null]>([
    // The examples of RFC 9110 12.5.3.
    ['two codings', 'compress, gzip', 'gzip'],
    ['nothing at all', '', null],
    ['anything', '*', 'br'],
    ['weights', 'compress;q=0.5, gzip;q=1.0', 'gzip'],
    ['a coding, identity, and nothing else', 'gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
    // Browsers and tools.
    ['a browser', 'gzip, deflate, br, zstd', 'br'],
    ['no field', undefined, null],
    ['several lines', ['deflate', 'gzip'], 'gzip'],
    ['the old name of gzip', 'x-gzip', 'gzip'],
    ['upper case and odd spaces', ' GZIP ;\tQ=0.5 ,identity ; q=0', 'gzip'],
    ['empty elements', ',, gzip,', 'gzip'],
    // Weights.
    ['equal weights, so the order here decides', 'gzip;q=0.8, br;q=0.8', 'br'],
    ['the client prefers the second', 'gzip;q=0.9, br;q=0.8', 'gzip'],
    ['one that is forbidden', 'br;q=0, gzip', 'gzip'],
    ['all that are offered are forbidden', 'br;q=0, gzip;q=0', null],
    ['a forbidden one beside the asterisk', 'br;q=0, *', 'gzip'],
    ['the asterisk weighs more', 'gzip;q=0.5, *;q=0.9', 'br'],
    ['the asterisk forbids', '*;q=0', null],
    ['the asterisk forbids the others', 'gzip, *;q=0', 'gzip'],
    ['a weight of 0.001', 'gzip;q=0.001', 'gzip'],
    // Identity.
    ['identity alone', 'identity', null],
    ['identity is liked better', 'gzip;q=0.5, identity', null],
    ['identity is liked as much', 'gzip, identity', 'gzip'],
    ['identity is liked less', 'identity;q=0.1, gzip;q=0.2', 'gzip'],
    ['identity is forbidden', 'identity;q=0, gzip;q=0.1', 'gzip'],
    ['identity is forbidden, and nothing else is offered', 'identity;q=0, compress', null],
    // Nonsense.
    ['a weight above 1', 'gzip;q=2', null],
    ['a weight below 0', 'gzip;q=-1', null],
    ['a weight that is none', 'gzip;q=much, br;q=0.1', 'br'],
    ['another parameter', 'gzip;level=9', null],
    ['names of objects', '__proto__, constructor;q=1, toString', null],
  ])('reads %s', (_case, accepted, coding) => {
    expect(negotiate(accepted, ['br', 'gzip'])).toBe(coding);
  });

  it('offers what it is told to, in that order', () => {
    expect(negotiate('gzip, deflate, br', ['deflate', 'gzip'])).toBe('deflate');
    expect(negotiate('br', ['gzip'])).toBeNull();
  });

  it('reads a long field in a time that grows with its length', () => {
    const field = 'gzip;q=0.1,'.repeat(1_500) + ' '.repeat(16_000) + ';';
    expect(negotiate(field, ['gzip'])).toBe('gzip');
  });
});
