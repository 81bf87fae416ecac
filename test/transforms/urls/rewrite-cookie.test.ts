import { describe, expect, it } from 'vitest';
import { rewriteCookie } from '../../../src/transforms/urls/rewrite-cookie.js';

const PAIRS = [
  { internal: 'http://users.internal:3001/admin', external: 'https://admin.example.com' },
  { internal: 'http://users.internal:3001', external: 'https://api.example.com:8443/users' },
];

describe('rewriteCookie', () => {
  it.each([
    ['a=b', 'a=b'],
    ['a=b; Path=/; HttpOnly', 'a=b; Path=/users; HttpOnly'],
    ['a=b; path=/me', 'a=b; path=/users/me'],
    ['a=b; Path=/me/', 'a=b; Path=/users/me/'],
    ['a=b;PATH= /me ;Secure', 'a=b;PATH=/users/me;Secure'],
    ['a=b; Path=/admin', 'a=b; Path=/'],
    ['a=b; Path=/admin/x', 'a=b; Path=/x'],
    ['a=b; Path=/admins', 'a=b; Path=/users/admins'],
    ['a=b; Domain=users.internal', 'a=b; Domain=api.example.com'],
    ['a=b; domain=.Users.Internal; Path=/', 'a=b; domain=api.example.com; Path=/users'],
    ['a=b; Domain=internal', 'a=b; Domain=api.example.com'],
    ['a=b; Path=/admin; Domain=users.internal', 'a=b; Path=/; Domain=admin.example.com'],
    ['Path=/; Path=/', 'Path=/; Path=/users'],
    ['__Secure-a=b; Path=/; Secure', '__Secure-a=b; Path=/users; Secure'],
  ])('makes %s %s', (cookie, expected) => {
    expect(rewriteCookie(cookie, PAIRS)).toBe(expected);
  });

  it.each([
    'a=b; Path=/users',
    'a=b; Path=/users/me',
    'a=b; Domain=api.example.com',
    'a=b; Domain=example.com',
    'a=b; Domain=users.internal.evil',
    'a=b; Domain=other.internal',
    'a=b; Domain=',
    'a=b; Path=',
    'a=b; Path',
    'a=b; Path=relative',
    '__Host-a=b; Path=/; Secure',
    'a="; Max-Age=1',
    '',
  ])('leaves %s', (cookie) => {
    expect(rewriteCookie(cookie, PAIRS)).toBe(cookie);
  });

  it('a path outside of the only internal one stays', () => {
    const [admin] = PAIRS;
    expect(rewriteCookie('a=b; Path=/', admin === undefined ? [] : [admin])).toBe('a=b; Path=/');
  });

  it('where service and outside have the same paths nothing changes', () => {
    const pairs = [{ internal: 'http://users', external: 'https://users.example.com' }];
    expect(rewriteCookie('a=b; Path=/x; Domain=users', pairs)).toBe('a=b; Path=/x; Domain=users.example.com');
    expect(rewriteCookie('a=b; Path=/', pairs)).toBe('a=b; Path=/');
  });

  it('a domain that service and outside share stays', () => {
    const pairs = [{ internal: 'http://users.example.com', external: 'https://api.example.com' }];
    expect(rewriteCookie('a=b; Domain=example.com', pairs)).toBe('a=b; Domain=example.com');
    expect(rewriteCookie('a=b; Domain=users.example.com', pairs)).toBe('a=b; Domain=api.example.com');
  });

  it('knows no pair, changes nothing', () => {
    expect(rewriteCookie('a=b; Path=/; Domain=users', [])).toBe('a=b; Path=/; Domain=users');
  });
});
