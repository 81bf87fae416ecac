import { describe, expect, it } from 'vitest';
import { setCookie, type CookieAttributes } from '../../src/core/set-cookie.js';

const ATTRIBUTES: CookieAttributes = { maxAgeMs: 60_000, path: '/', secure: true, sameSite: 'none' };

describe('setCookie', () => {
  it('writes the attributes', () => {
    expect(setCookie('sid', 'abc', { ...ATTRIBUTES, domain: 'example.com' })).toBe(
      'sid=abc; Max-Age=60; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=None',
    );
  });

  it('rounds up: the browser must not forget a cookie that still counts', () => {
    expect(setCookie('sid', 'abc', { ...ATTRIBUTES, maxAgeMs: 1 })).toContain('Max-Age=1;');
    expect(setCookie('sid', '', { ...ATTRIBUTES, maxAgeMs: 0 })).toContain('Max-Age=0;');
  });

  it.each<[string, string, Partial<CookieAttributes>]>([
    ['a;b', 'value', {}],
    ['', 'value', {}],
    ['a=b', 'value', {}],
    ['sid', 'a;b', {}],
    ['sid', 'a,b', {}],
    ['sid', 'a b', {}],
    ['sid', 'a"b', {}],
    ['sid', 'a\\b', {}],
    ['sid', 'a\r\nset-cookie: x=1', {}],
    ['sid', 'a\0b', {}],
    ['sid', 'ä', {}],
    ['sid', 'value', { path: '/a; Domain=evil.test' }],
    ['sid', 'value', { path: 'a' }],
    ['sid', 'value', { path: '/\n' }],
    ['sid', 'value', { domain: 'a.test; SameSite=None' }],
    ['sid', 'value', { domain: '' }],
    ['sid', 'value', { domain: '.a.test' }],
  ])('does not write %j=%j with %j', (name, value, attributes) => {
    expect(() => setCookie(name, value, { ...ATTRIBUTES, ...attributes })).toThrow(TypeError);
  });
});
