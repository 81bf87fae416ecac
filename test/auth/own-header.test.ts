import { describe, expect, it } from 'vitest';
import { ownHeaderField } from '../../src/auth/own-header.js';
import { HOP_BY_HOP, VOUCHED_FIELDS } from '../../src/core/headers.js';

describe('ownHeaderField', () => {
  it.each(['x-user-email', 'x-internal-token', 'authorization', 'tenant', 'constructor'])('takes %s', (name) => {
    expect(ownHeaderField.accepts(name)).toBe(true);
  });

  it.each([
    ...VOUCHED_FIELDS,
    ...HOP_BY_HOP,
    ...['content-encoding', 'content-length', 'content-type', 'cookie', 'expect', 'host', 'via'],
    ...['forwarded', 'x-forwarded-for', 'x-forwarded-anything', 'x-real-ip', 'x-request-id', 'x-gateway-timestamp'],
  ])('refuses %s, which others write', (name) => {
    expect(ownHeaderField.accepts(name)).toBe(false);
  });

  it.each(['', 'X-User-Email', 'x_user_email', '__proto__', 'a b', 'a:', 'a\r\nb', 'a\n', 'a\0', 'ä', 7, null])(
    'refuses %j, which is no name in lower case with dashes',
    (name) => {
      expect(ownHeaderField.accepts(name)).toBe(false);
    },
  );
});
