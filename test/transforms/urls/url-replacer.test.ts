import { describe, expect, it } from 'vitest';
import { UrlPattern } from '../../../src/transforms/urls/url-pattern.js';
import { UrlReplacer } from '../../../src/transforms/urls/url-replacer.js';

const URLS: readonly (readonly [internal: string, external: string])[] = [
  ['https://files.internal/a+b', 'https://cdn.example.com'],
  ['http://users:3001/admin', 'https://admin.example.com'],
  ['http://orders', 'https://api.example.com/orders'],
  ['http://users:3001', 'https://api.example.com/users'],
  ['ws://[::1]:9000', 'wss://live.example.com'],
];

function replaced(text: string): string {
  const pattern = new UrlPattern(URLS.map(([internal]) => internal));
  return new UrlReplacer(
    pattern,
    URLS.map(([, external]) => external),
  ).replaceIn(text);
}

describe('UrlReplacer', () => {
  it.each([
    ['http://users:3001', 'https://api.example.com/users'],
    ['http://users:3001/', 'https://api.example.com/users/'],
    ['http://users:3001/42?a=b#c', 'https://api.example.com/users/42?a=b#c'],
    ['http://users:3001?a', 'https://api.example.com/users?a'],
    ['http://users:3001#a', 'https://api.example.com/users#a'],
    ['"http://users:3001"', '"https://api.example.com/users"'],
    ["'http://users:3001'", "'https://api.example.com/users'"],
    ['<http://users:3001>; rel=next', '<https://api.example.com/users>; rel=next'],
    ['see http://users:3001 now', 'see https://api.example.com/users now'],
    ['see http://users:3001.', 'see https://api.example.com/users.'],
    ['see http://users:3001. Then', 'see https://api.example.com/users. Then'],
    ['(http://users:3001)', '(https://api.example.com/users)'],
    ['`http://users:3001${path}`', '`https://api.example.com/users${path}`'],
    ['"\\"http://users:3001\\n\\""', '"\\"https://api.example.com/users\\n\\""'],
    ['a,http://users:3001,http://orders;x', 'a,https://api.example.com/users,https://api.example.com/orders;x'],
    ['href=http://users:3001&amp;x', 'href=https://api.example.com/users&amp;x'],
    ['ws://[::1]:9000/feed', 'wss://live.example.com/feed'],
  ])('rewrites %s', (text, expected) => {
    expect(replaced(text)).toBe(expected);
  });

  it.each([
    'http://users:30010',
    'http://users:3001.evil',
    'http://users:3001.evil/',
    'http://users:3001@evil/',
    'http://users:3001%2eevil',
    'http://users:3001-b',
    'http://users',
    'http://users/3001',
    'https://users:3001/',
    'http://orders:8080/',
    'http://orders.evil/',
    'http://ordersé/',
    'https://files.internal/a+bc',
    'https://files.internal/A+b/',
    'https://files.internal/ab',
    'ftp://users:3001/',
    'https://evil.test//users:3001/x',
    'https:\\/\\/users:3001\\/',
    'https%3A%2F%2Fusers%3A3001%2F',
    'users:3001',
    '/users:3001',
    'http:/users:3001',
    '',
  ])('leaves %s', (text) => {
    expect(replaced(Buffer.from(text).toString('latin1'))).toBe(Buffer.from(text).toString('latin1'));
  });

  it('of several prefixes the longest that ends at a boundary counts', () => {
    expect(replaced('http://users:3001/admin/x')).toBe('https://admin.example.com/x');
    expect(replaced('http://users:3001/admins')).toBe('https://api.example.com/users/admins');
  });

  it('schemes and hosts match in any case, paths only in their own', () => {
    expect(replaced('HTTP://Users:3001/Admin')).toBe('https://api.example.com/users/Admin');
    expect(replaced('Https://FILES.internal/a+b/c')).toBe('https://cdn.example.com/c');
  });

  it.each([
    ['"http:\\/\\/users:3001\\/a"', '"https:\\/\\/api.example.com\\/users\\/a"'],
    ['?next=http%3A%2F%2Fusers%3A3001%2Fa', '?next=https%3A%2F%2Fapi.example.com%2Fusers%2Fa'],
    ['?next=http%3a%2f%2fusers%3a3001&b', '?next=https%3A%2F%2Fapi.example.com%2Fusers&b'],
    ['?next=http%3A//users%3A3001/a', '?next=https%3A%2F%2Fapi.example.com%2Fusers/a'],
    ['?next=https%3A%2F%2Ffiles.internal%2Fa%2Bb%3Fc', '?next=https%3A%2F%2Fcdn.example.com%3Fc'],
    ['src="//users:3001/a"', 'src="//api.example.com/users/a"'],
    ['"\\/\\/users:3001\\/a"', '"\\/\\/api.example.com\\/users\\/a"'],
    ['//users:3001/a', '//api.example.com/users/a'],
    ['=%2F%2Fusers%3A3001%2Fa', '=%2F%2Fapi.example.com%2Fusers%2Fa'],
  ])('keeps the spelling of %s', (text, expected) => {
    expect(replaced(text)).toBe(expected);
  });

  it('remembers only so many spellings, and knows all', () => {
    const spellings = Array.from({ length: 1_024 }, (_, bits) => {
      return Array.from('httpusersx', (char, at) => (bits & (1 << at) ? char.toUpperCase() : char)).join('');
    });
    const texts = spellings.map((text) => `${text.slice(0, 4)}://${text.slice(4, 9)}:3001`);
    expect(new Set(texts.map(replaced))).toEqual(new Set(['https://api.example.com/users']));
    const pattern = new UrlPattern(['http://users:3001']);
    const replacer = new UrlReplacer(pattern, ['https://api.example.com/users']);
    expect(replacer.replaceIn(texts.join(' '))).toBe(texts.map(() => 'https://api.example.com/users').join(' '));
  });
});
