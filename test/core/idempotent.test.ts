import { describe, expect, it } from 'vitest';
import { isIdempotent } from '../../src/core/idempotent.js';

describe('isIdempotent', () => {
  it.each([
    ['GET', true],
    ['HEAD', true],
    ['OPTIONS', true],
    ['PUT', true],
    ['DELETE', true],
    ['POST', false],
    ['PATCH', false],
    ['PROPFIND', false],
  ])('of %s is %s, and true with an Idempotency-Key', (method, expected) => {
    expect(isIdempotent(method, {})).toBe(expected);
    expect(isIdempotent(method, { 'idempotency-key': 'a1' })).toBe(true);
  });
});
