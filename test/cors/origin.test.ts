import { describe, expect, it } from 'vitest';
import { compileOrigin, type CorsOrigin } from '../../src/cors/origin.js';
import { fakeContext } from '../support/request.js';

const APP = 'https://app.example.com';

function allows(option: CorsOrigin, origin: string): unknown {
  return compileOrigin(option)(origin, fakeContext());
}

/** What looks like the origin of the app, and is another one or none. */
const LOOKALIKES = [
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://app.example.com:443',
  'https://app.example.com/',
  'https://APP.example.com',
  'HTTPS://app.example.com',
  'https://app.example.com.',
  'https://app.example.com.evil.com',
  'https://evil-app.example.com',
  'https://evil.com#https://app.example.com',
  'https://evil.com/https://app.example.com',
  'https://app.example.com@evil.com',
  'https://evil.com, https://app.example.com',
  'https://app.example.com https://evil.com',
  ' https://app.example.com',
  'https://app-example.com',
  'https://appxexample.com',
  'https://',
  'app.example.com',
  '',
  '*',
  'null',
  'true',
  '__proto__',
  'constructor',
  `${APP}\0`,
  `${APP}\n`,
  'https://app.example.com{.evil.com',
];

describe('the rule for origins', () => {
  it.each([
    ['text', APP],
    ['list', ['https://other.example.com', APP]],
    ['RegExp', /^https:\/\/app\.example\.com$/],
    ['list with a RegExp', ['http://localhost:3000', /^https:\/\/app\.example\.com$/]],
  ] as const)('knows an origin by all of it: %s', (_kind, option) => {
    expect(allows(option, APP)).toBe(true);
    expect(LOOKALIKES.filter((origin) => allows(option, origin) !== false)).toEqual([]);
  });

  it('shows patterns only what can be an origin', () => {
    const loose = /^https:\/\/.*\.example\.com$/;
    expect(allows(loose, 'https://a.b-c.example.com')).toBe(true);
    for (const host of [
      'evil.com/.example.com',
      'evil.com#.example.com',
      'evil.com,https://a.example.com',
      'a@b.example.com',
    ])
      expect(allows(loose, `https://${host}`)).toBe(false);
    expect(allows(loose, `https://${'a'.repeat(300)}.example.com`)).toBe(false);
  });

  it('wants a pattern to match all, be its anchors in one alternative only', () => {
    const half = /^https:\/\/a\.example\.com$|https:\/\/b\.example\.com$/;
    expect(allows(half, 'https://b.example.com')).toBe(true);
    expect(allows(/^https:\/\/a\.example|b\.example\.com$/, 'https://a.example.evil.com')).toBe(false);
    expect(allows(/^https:\/\/a\.example|b\.example\.com$/, 'https://evil-b.example.com')).toBe(false);
  });

  it('keeps the flags of a pattern', () => {
    expect(allows(/^HTTPS:\/\/APP\.EXAMPLE\.COM$/i, APP)).toBe(true);
    expect(allows(/^HTTPS:\/\/APP\.EXAMPLE\.COM$/, APP)).toBe(false);
  });

  it('lets null in where it is listed, and nowhere else', () => {
    expect(allows('null', 'null')).toBe(true);
    expect(allows([APP, 'null'], 'null')).toBe(true);
    expect(allows('*', 'null')).toBe(true);
    for (const option of [true, /^.*$/, [/^null$/], APP, () => true]) expect(allows(option, 'null')).toBe(false);
  });

  it('takes true for every origin, and false for none', () => {
    for (const origin of [APP, 'http://[::1]:3000', 'http://localhost:3000', 'capacitor://localhost']) {
      expect(allows(true, origin)).toBe(true);
      expect(allows(false, origin)).toBe(false);
    }
    for (const text of ['', 'no origin', '__proto__', 'https://a\0', 'https://a/b'])
      expect(allows(true, text)).toBe(false);
  });

  it('asks a function for origins alone, with the exchange', () => {
    const ctx = fakeContext({ url: '/public' });
    const seen: unknown[] = [];
    const rule = compileOrigin((origin, { request }) => {
      seen.push(origin);
      return request.path === '/public';
    });
    expect([rule(APP, ctx), rule(APP, fakeContext())]).toEqual([true, false]);
    for (const text of ['null', '', 'https://a/b', 'https://a, https://b']) expect(rule(text, ctx)).toBe(false);
    expect(seen).toEqual([APP, APP]);
  });

  it('takes nothing but true for a yes', async () => {
    for (const answer of [1, 'yes', {}, [], null, undefined] as unknown[] as boolean[]) {
      expect(allows(() => answer, APP)).toBe(false);
      expect(await allows(() => Promise.resolve(answer), APP)).toBe(false);
    }
    expect(await allows(() => Promise.resolve(true), APP)).toBe(true);
  });

  it('keeps to the list as it was at the start', () => {
    const list = [APP];
    const rule = compileOrigin(list);
    list.push('https://evil.com');
    expect(rule('https://evil.com', fakeContext())).toBe(false);
  });
});
