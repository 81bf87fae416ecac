import { describe, expect, it } from 'vitest';
import { absentFields, UpstreamFields } from '../../src/core/upstream-fields.js';

describe('UpstreamFields', () => {
  const fields = new UpstreamFields({
    'x-user-id': 'ada',
    'x-user-email': 'a',
    'x-gone': undefined,
    authorization: undefined,
  });

  it('sends what has a value', () => {
    expect(fields.lines).toEqual(['x-user-id', 'ada', 'x-user-email', 'a']);
    expect(absentFields(['x-a', 'x-user-id']).lines).toEqual([]);
  });

  it.each(['x-user-email', 'x_user_email', 'x-user_email', 'x-gone', 'x_gone', 'authorization'])(
    'takes %s from the client',
    (name) => {
      expect(fields.takes(name)).toBe(true);
    },
  );

  it.each(['', 'x-user', 'x-user-email-', '_x-gone', 'x__gone', 'constructor', '__proto__', 'toString'])(
    'leaves %j to the client',
    (name) => {
      expect(fields.takes(name)).toBe(false);
    },
  );

  it('leaves the fields of identities to those who take them from every client', () => {
    expect(absentFields(['x-user-id', 'x-consumer-id']).takes('x-user-id')).toBe(false);
  });

  it('joins others, once for each, and changes neither', () => {
    const later = new UpstreamFields({ 'x-user-email': undefined, 'x-b': ['1', '2'] });
    const joined = fields.with(later);
    expect(joined.lines).toEqual(['x-user-id', 'ada', 'x-b', ['1', '2']]);
    expect(joined.takes('x-user-email')).toBe(true);
    expect(fields.with(later)).toBe(joined);
    expect([fields.lines.length, later.lines.length]).toEqual([4, 2]);
  });

  it('has no prototype in its map', () => {
    expect('constructor' in fields.fields).toBe(false);
  });
});
