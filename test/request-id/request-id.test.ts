import { describe, expect, it } from 'vitest';
import { requestIdOf } from '../../src/request-id/request-id.js';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

describe('requestIdOf', () => {
  it.each(['a', 'A-z_0.9', 'x'.repeat(128), '-', '.', '__proto__', 'constructor'])(
    'keeps the harmless id %j',
    (sent) => {
      expect(requestIdOf(sent)).toBe(sent);
    },
  );

  it.each([
    '',
    ' ',
    ' a',
    'a b',
    'a\n',
    'a\r\nX: y',
    '\0',
    '\u001b[31m',
    'a\u2028',
    '\u00e4',
    '\u212a',
    '<script>',
    '"',
    "'",
    '{}',
    '../x',
    'a/b',
    'a,b',
    'a;b',
    '$(id)',
    'x'.repeat(129),
    'x'.repeat(100_000),
  ])('replaces the id %j', (sent) => {
    expect(requestIdOf(sent)).toMatch(UUID);
  });

  it('makes a new id where none was sent, another each time', () => {
    const ids = Array.from({ length: 100 }, () => requestIdOf(undefined));
    expect(new Set(ids)).toHaveLength(100);
    for (const id of ids) expect(id).toMatch(UUID);
  });

  it('keeps no id of a client that is not trusted', () => {
    expect(requestIdOf('sent', { trustClient: false })).toMatch(UUID);
  });

  it('makes ids with a function of the user', () => {
    expect(requestIdOf(undefined, { generate: () => 'made' })).toBe('made');
    expect(requestIdOf('not good', { generate: () => 'made' })).toBe('made');
    expect(requestIdOf('good', { generate: () => 'made' })).toBe('good');
  });
});
