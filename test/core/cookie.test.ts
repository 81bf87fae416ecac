import { describe, expect, it } from 'vitest';
import { COOKIE_NAME, cookieValue, withoutCookie } from '../../src/core/cookie.js';

describe('COOKIE_NAME', () => {
  it.each(['sid', '__Host-sid', '__proto__', 'a.b', "!#$%&'*+-.^_`|~"])('takes %s', (name) => {
    expect(COOKIE_NAME.test(name)).toBe(true);
  });

  it.each(['', ' ', 'a b', 'a=b', 'a;b', 'a,b', '"a"', 'a\n', 'a\0', 'ä'])('refuses %j', (name) => {
    expect(COOKIE_NAME.test(name)).toBe(false);
  });
});

describe('cookieValue', () => {
  it.each<[string | string[] | undefined, string | null]>([
    [undefined, null],
    ['', null],
    ['sid', null],
    ['other=1', null],
    ['sid2=1; asid=2; s=3', null],
    ['SID=1', null],
    ['sid=abc', 'abc'],
    ['a=1; sid=abc; b=2', 'abc'],
    ['a=1;sid=abc;b=2', 'abc'],
    ['a=1;\tsid = abc ', 'abc'],
    ['sid=', ''],
    ['sid=""', ''],
    ['sid="abc"', 'abc'],
    ['sid="abc', '"abc'],
    ['sid="', '"'],
    ['sid=a=b==', 'a=b=='],
    ['sid=first; sid=second', 'first'],
    [['a=1', 'sid=abc; b=2'], 'abc'],
    ['=sid; sid', null],
    ['a="x; sid=inside"', 'inside"'],
  ])('reads %j as %j', (header, value) => {
    expect(cookieValue(header, 'sid')).toBe(value);
  });

  it.each(['__proto__', 'constructor', 'toString'])('knows no %s that was not sent', (name) => {
    expect(cookieValue('sid=1', name)).toBeNull();
    expect(cookieValue(`${name}=1`, name)).toBe('1');
  });
});

describe('withoutCookie', () => {
  it.each<[string | string[], string | undefined]>([
    ['sid=1', undefined],
    ['sid=1; sid=2', undefined],
    ['a=1; sid=abc; b="2; c=3', 'a=1; b="2; c=3'],
    ['sid=1; a=1; sid=2', 'a=1'],
    ['sid = 1;a=1', 'a=1'],
    ['sid2=1; SID=2; sid', 'sid2=1; SID=2; sid'],
    [['sid=1', 'a=1; sid=2', 'b=%20"='], 'a=1; b=%20"='],
    ['a=sid=1', 'a=sid=1'],
  ])('leaves of %j %j', (header, rest) => {
    expect(withoutCookie(header, 'sid')).toBe(rest);
  });

  it('leaves nothing that a second look would find', () => {
    for (const header of ['sid=1; ;sid=2;', ' sid=1', 'a;sid =x;sid\t=y', 'sid="a; sid=b"']) {
      expect(cookieValue(withoutCookie(header, 'sid'), 'sid')).toBeNull();
    }
  });
});
