import { describe, expect, it } from 'vitest';
import { parseTracestate } from '../../src/tracing/index.js';

function characters(from: number, to: number): string {
  return String.fromCharCode(...Array.from({ length: to - from + 1 }, (_, index) => from + index));
}

function members(count: number, length = 0): string[] {
  return Array.from(
    { length: count },
    (_, index) => `k${index}=${'v'.repeat(Math.max(1, length - `k${index}=`.length))}`,
  );
}

const KEY = `${characters(0x61, 0x7a)}0123456789_-*/`;
const VALUE = characters(0x20, 0x2b) + characters(0x2d, 0x3c) + characters(0x3e, 0x7e);

describe('parseTracestate', () => {
  it.each<[string, string | string[] | undefined, string]>([
    ['none', undefined, ''],
    ['an empty one', '', ''],
    ['one member', 'foo=1', 'foo=1'],
    ['two members', 'foo=1,bar=2', 'foo=1,bar=2'],
    ['several lines, in their order', ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'], 'foo=1,bar=2,rojo=1,congo=2,baz=3'],
    ['an empty line behind', ['foo=1', ''], 'foo=1'],
    ['an empty line in front', ['', 'foo=1'], 'foo=1'],
    ['empty members', 'foo=1,, ,\t,bar=2', 'foo=1,bar=2'],
    ['space around members', ' foo=1 \t , \t bar=2, \t baz=3\t', 'foo=1,bar=2,baz=3'],
    ['space in front of a value, which is of it', 'foo=  1', 'foo=  1'],
    ['every character that a key may have', `${KEY}=1`, `${KEY}=1`],
    ['every character that a key with a vendor may have', `${KEY}@a-z0-9_-*/=1`, `${KEY}@a-z0-9_-*/=1`],
    ['every character that a value may have', `foo=${VALUE}`, `foo=${VALUE}`],
    ['a key of 256', `foo=1,${'z'.repeat(256)}=1`, `foo=1,${'z'.repeat(256)}=1`],
    ['a key of 241 @ 14', `${'t'.repeat(241)}@${'v'.repeat(14)}=1`, `${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
    ['a key that begins with a digit and has a vendor', '1a-2f@foo=bar', '1a-2f@foo=bar'],
    ['a value of 256', `foo=${'x'.repeat(256)}`, `foo=${'x'.repeat(256)}`],
    ['a name that every object has', 'constructor=1,constructor=2', 'constructor=1'],
    ['32 members', members(32).join(','), members(32).join(',')],
  ])('passes on %s', (_case, value, expected) => {
    expect(parseTracestate(value)).toBe(expected);
  });

  it.each<[string, string | string[]]>([
    ['a key with a space', 'foo =1'],
    ['a key in upper case', 'FOO=1'],
    ['a key with a dot', 'foo.bar=1'],
    ['a key that begins with a digit', '1foo=1'],
    ['a vendor that is empty', 'foo@=1,bar=2'],
    ['a tenant that is empty', '@foo=1,bar=2'],
    ['@ twice in a row', 'foo@@bar=1,bar=2'],
    ['@ twice', 'foo@bar@baz=1,bar=2'],
    ['a key of 257', ['foo=1', `${'z'.repeat(257)}=1`]],
    ['a tenant of 242', ['foo=1', `${'t'.repeat(242)}@v=1`]],
    ['a vendor of 15', ['foo=1', `t@${'v'.repeat(15)}=1`]],
    ['= in a value', 'foo=bar=baz'],
    ['an empty value', 'foo=,bar=3'],
    ['a value of 257', `foo=${'x'.repeat(257)}`],
    ['a value beyond ASCII', 'foo=\u00e9'],
    ['a value with a tab', 'foo=a\tb'],
    ['a value with a NUL', 'foo=a\0b'],
    ['no =', 'foo'],
    ['33 members', members(33).join(',')],
    ['33 members in two lines', [members(32).join(','), 'last=1']],
  ])('passes on nothing at all where there is %s', (_case, value) => {
    expect(parseTracestate(value)).toBe('');
  });

  it.each([
    ['foo=1,foo=1', 'foo=1'],
    ['foo=1,bar=2,foo=3', 'foo=1,bar=2'],
  ])('keeps of a key that comes twice the leftmost: %s', (value, expected) => {
    expect(parseTracestate(value)).toBe(expected);
  });

  it('passes on 512 characters', () => {
    const text = [...members(3, 127), 'z='.padEnd(128, 'z')].join(',');
    expect(text).toHaveLength(512);
    expect(parseTracestate(text)).toBe(text);
  });

  it('leaves out whole members from the end where it is longer', () => {
    expect(parseTracestate(members(6, 100).join(','))).toBe(members(5, 100).join(','));
  });

  it('leaves out members above 128 characters first, the last of them before the others', () => {
    const [first, second] = [`long1=${'x'.repeat(130)}`, `long2=${'x'.repeat(130)}`];
    const short = members(4, 80);
    expect(parseTracestate([first, second, ...short].join(','))).toBe([first, ...short].join(','));
  });

  it('leaves out a member that is too long on its own', () => {
    expect(parseTracestate(`${'k'.repeat(256)}=${'v'.repeat(256)}`)).toBe('');
  });
});
