import { describe, expect, it } from 'vitest';
import {
  headerValue,
  HOP_BY_HOP,
  isFieldName,
  isFieldValue,
  isHost,
  isVouchedField,
  listTokens,
  mergedList,
} from '../../src/core/headers.js';

describe('isHost', () => {
  it.each([
    ['example.com'],
    ['EXAMPLE.com'],
    ['localhost'],
    ['a_b.example'],
    ['xn--bcher-kva.example'],
    ['example.com.'],
    ['example.com:8080'],
    ['example.com:'],
    ['127.0.0.1:80'],
    ['[::1]'],
    ['[2001:db8::1]:8080'],
    ['[::ffff:1.2.3.4]'],
    ['a'.repeat(255)],
  ])('takes %s', (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each([
    [''],
    [' '],
    ['a@b'],
    ['user:pw@b'],
    ['a/b'],
    ['a\\b'],
    ['a?b'],
    ['a#b'],
    ['a, b'],
    ['a,b'],
    ['a b'],
    ['a\tb'],
    ['a:abc'],
    ['a:80:80'],
    ['a:-1'],
    ['a:123456'],
    [':80'],
    ['::1'],
    ['[::1'],
    ['::1]'],
    ['[::1]x'],
    ['[]'],
    ['[v1.x]'],
    ['a\r\nb'],
    ['a\n'],
    ['a\0'],
    ['bücher.example'],
    ['<a>'],
    ['"a"'],
    ['a'.repeat(256)],
  ])('refuses %j', (host) => {
    expect(isHost(host)).toBe(false);
  });
});

describe('isFieldName', () => {
  it.each([['host'], ['X-Request-Id'], ['x_y'], ["!#$%&'*+-.^_`|~09aZ"], ['__proto__']])('takes %s', (name) => {
    expect(isFieldName(name)).toBe(true);
  });

  it.each([
    [''],
    [' '],
    ['a b'],
    ['a:'],
    ['a\n'],
    ['a\r\nb'],
    ['a\0'],
    ['é'],
    ['a(b)'],
    ['a,b'],
    ['a/b'],
    ['"a"'],
    ['{a}'],
  ])('refuses %j', (name) => {
    expect(isFieldName(name)).toBe(false);
  });
});

describe('isFieldValue', () => {
  it.each([[''], ['a b'], ['a\tb'], [' ~'], ['\x80\xff'], ['é']])('takes %j', (value) => {
    expect(isFieldValue(value)).toBe(true);
  });

  it.each([
    ['a\r\nb'],
    ['a\n'],
    ['\r'],
    ['\0'],
    ['\x07'],
    ['\x1b[31m'],
    ['\x7f'],
    ['\u0100'],
    ['€'],
    ['\u2028'],
    ['😀'],
  ])('refuses %j', (value) => {
    expect(isFieldValue(value)).toBe(false);
  });
});

describe('listTokens', () => {
  it.each<[string | string[] | undefined, string[]]>([
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['close', ['close']],
    ['Keep-Alive, X-Foo', ['keep-alive', 'x-foo']],
    [' a ,\tb,,c ', ['a', 'b', 'c']],
    [
      ['Close', 'x-a, X-B'],
      ['close', 'x-a', 'x-b'],
    ],
    [[], []],
  ])('reads %j as %j', (value, tokens) => {
    expect(listTokens(value)).toEqual(tokens);
  });
});

describe('mergedList', () => {
  it.each<[string | string[], string | string[], string]>([
    ['Accept', 'Origin', 'Accept, Origin'],
    ['a,b', ' b , c ', 'a, b, c'],
    ['Origin', 'origin, ORIGIN', 'Origin'],
    [['a', 'b, c'], ['C', 'd'], 'a, b, c, d'],
    ['', ' ,, ', ''],
    ['*', 'Origin', '*, Origin'],
    ['__proto__, constructor', 'a', '__proto__, constructor, a'],
    [[], [], ''],
  ])('makes of %j and %j %j', (first, second, merged) => {
    expect(mergedList(first, second)).toBe(merged);
  });
});

describe('headerValue', () => {
  it('gives the first of several values, and undefined where there is none', () => {
    const headers = { one: '1', many: ['a', 'b'], none: [] };
    expect([headerValue(headers, 'one'), headerValue(headers, 'many')]).toEqual(['1', 'a']);
    expect([headerValue(headers, 'none'), headerValue(headers, 'absent')]).toEqual([undefined, undefined]);
  });
});

describe('HOP_BY_HOP', () => {
  it.each([
    ['connection'],
    ['keep-alive'],
    ['proxy-connection'],
    ['te'],
    ['trailer'],
    ['transfer-encoding'],
    ['upgrade'],
    ['http2-settings'],
    ['proxy-authenticate'],
    ['proxy-authorization'],
  ])('holds %s', (name) => {
    expect(HOP_BY_HOP.has(name)).toBe(true);
  });

  it('holds nothing that belongs to the message', () => {
    for (const name of ['host', 'content-length', 'authorization', 'cookie', 'set-cookie', 'expect']) {
      expect(HOP_BY_HOP.has(name)).toBe(false);
    }
  });
});

describe('isVouchedField', () => {
  it.each(['x-user-id', 'x_user_id', 'x-user_id', 'x-user-role', 'x-user-roles', 'x-consumer-id'])(
    'takes %s',
    (name) => {
      expect(isVouchedField(name)).toBe(true);
    },
  );

  it.each(['x-user', 'user_id', 'x-request-id', 'constructor'])('leaves %s', (name) => {
    expect(isVouchedField(name)).toBe(false);
  });
});
