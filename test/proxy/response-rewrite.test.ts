import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { rewriteCookies, rewriteLocation, type CookieRewrite } from '../../src/proxy/response-rewrite.js';
import { Upstream } from '../../src/proxy/upstream.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const UPSTREAM = new Upstream(new URL('http://users:3001/base'), { dispatcher: { dispatch: () => true } });

function routed(url: string, rest: string, request: FakeRequestOptions = {}): Context {
  const ctx = fakeContext({ url, headers: { host: 'shop.test' }, ...request });
  ctx.route = { id: 'users', path: '/api/users', params: {}, names: [], values: [], rest };
  return ctx;
}

interface LocationCase {
  internalPrefix?: string | null;
  ctx?: Context;
}

/** For a request of /api/users/42 to a route at /api/users. */
function located(location: string | undefined, { internalPrefix = '', ctx }: LocationCase = {}): unknown {
  const headers = { location };
  rewriteLocation(headers, ctx ?? routed('/api/users/42', '/42'), UPSTREAM, internalPrefix);
  return headers.location;
}

describe('rewriteLocation', () => {
  it.each([
    ['/43', '/api/users/43'],
    ['/43?a=/b#c', '/api/users/43?a=/b#c'],
    ['/', '/api/users/'],
    ['http://users:3001/43', 'http://shop.test/api/users/43'],
    ['HTTP://USERS:3001/43', 'http://shop.test/api/users/43'],
    ['http://users:3001', 'http://shop.test/api/users'],
    ['http://users:3001?a=1', 'http://shop.test/api/users?a=1'],
    ['http://users:3001#a', 'http://shop.test/api/users#a'],
  ])('maps %s to %s', (location, expected) => {
    expect(located(location)).toBe(expected);
  });

  it.each([
    'http://elsewhere/43',
    'http://users:30011/43',
    'http://users:3001.evil.test/43',
    'http://users:3001@evil.test/43',
    'http://users/43',
    'https://users:3001/43',
    '//users:3001/43',
    '//evil.test/43',
    '43',
    '../43',
    '?page=2',
    '#part',
    '',
    'mailto:a@b',
  ])('leaves %j as it is', (location) => {
    expect(located(location)).toBe(location);
  });

  it('leaves an answer without a Location without one', () => {
    expect(located(undefined)).toBeUndefined();
  });

  it('takes off what the rewrite put on', () => {
    expect(located('/base/43', { internalPrefix: '/base' })).toBe('/api/users/43');
    expect(located('/base', { internalPrefix: '/base' })).toBe('/api/users');
    expect(located('/base?a=1', { internalPrefix: '/base' })).toBe('/api/users?a=1');
    expect(located('http://users:3001/base/43', { internalPrefix: '/base' })).toBe('http://shop.test/api/users/43');
  });

  it.each(['/based/43', '/other/43', '/BASE/43'])(
    'leaves the path %s, which lies outside of the base path',
    (location) => {
      expect(located(location, { internalPrefix: '/base' })).toBe(location);
    },
  );

  it('maps the origin alone where the path rule cannot be turned round', () => {
    expect(located('http://users:3001/43', { internalPrefix: null })).toBe('http://shop.test/43');
    expect(located('/43', { internalPrefix: null })).toBe('/43');
  });

  it('speaks of the host and the protocol that the client asked for', () => {
    const ctx = routed('/api/users/42', '/42', { protocol: 'https', headers: { host: 'shop.test:8443' } });
    expect(located('http://users:3001/43', { ctx })).toBe('https://shop.test:8443/api/users/43');
  });

  it('gives a path to a client that named no host', () => {
    const ctx = routed('/api/users/42', '/42', { host: '', httpVersion: '1.0' });
    expect(located('http://users:3001/43', { ctx })).toBe('/api/users/43');
  });

  it.each([
    ['http://users:3001//evil.test/x', ''],
    ['http://users:3001/\\evil.test/x', ''],
    ['http://users:3001/base//evil.test/x', '/base'],
  ])('never makes another host of %s for a client that named none', (location, internalPrefix) => {
    const ctx = routed('/', '/', { host: '', httpVersion: '1.0' });
    expect(located(location, { ctx, internalPrefix })).not.toMatch(/^[\\/]{2}/);
  });

  it.each(['/base//evil.test/x', '/base/\\evil.test/x'])('never makes another host of %s', (location) => {
    expect(located(location, { ctx: routed('/', '/'), internalPrefix: '/base' })).not.toMatch(/^[\\/]{2}/);
  });

  it('maps nothing but the origin where there is no route', () => {
    const ctx = fakeContext({ headers: { host: 'shop.test' } });
    expect(located('http://users:3001/43', { ctx })).toBe('http://shop.test/43');
  });

  it('leaves several Locations alone', () => {
    const headers = { location: ['/a', '/b'] };
    rewriteLocation(headers, routed('/api/users/42', '/42'), UPSTREAM, '');
    expect(headers.location).toEqual(['/a', '/b']);
  });
});

describe('rewriteCookies', () => {
  function rewritten(cookies: string | string[], attribute: 'domain' | 'path', rewrite: CookieRewrite): unknown {
    const headers = { 'set-cookie': cookies };
    rewriteCookies(headers, attribute, rewrite);
    return headers['set-cookie'];
  }

  it.each<[string, CookieRewrite, string]>([
    ['a=1; Domain=users.local; Path=/', 'shop.test', 'a=1; Domain=shop.test; Path=/'],
    ['a=1; Domain=users.local; Path=/', '', 'a=1; Path=/'],
    ['a=1; Domain=users.local', false, 'a=1; Domain=users.local'],
    ['a=1;DOMAIN=users.local;Secure', 'shop.test', 'a=1;DOMAIN=shop.test;Secure'],
    ['a=1; domain = users.local ; Secure', 'shop.test', 'a=1; domain =shop.test; Secure'],
    ['a=1; Domain=users.local', { 'users.local': 'shop.test' }, 'a=1; Domain=shop.test'],
    ['a=1; Domain=users.local', { other: 'shop.test', '*': 'any.test' }, 'a=1; Domain=any.test'],
    ['a=1; Domain=users.local', { other: 'shop.test' }, 'a=1; Domain=users.local'],
    ['a=1; Domain=users.local; Path=/', { 'users.local': '' }, 'a=1; Path=/'],
    ['a=1; Domain=toString', { '*': 'shop.test' }, 'a=1; Domain=shop.test'],
    ['a=1; Domain=constructor', { other: 'x' }, 'a=1; Domain=constructor'],
    ['a=1', 'shop.test', 'a=1'],
    ['domain=1; Path=/', 'shop.test', 'domain=1; Path=/'],
    ['a=domain=x; Path=/', 'shop.test', 'a=domain=x; Path=/'],
    ['a=1; Domain=', 'shop.test', 'a=1; Domain=shop.test'],
    ['a=1; Domain', 'shop.test', 'a=1; Domain'],
    ['', 'shop.test', ''],
  ])('turns %j with %j into %j', (cookie, rewrite, expected) => {
    expect([rewritten(cookie, 'domain', rewrite)].flat()).toEqual([expected]);
  });

  it('rewrites paths in the same way', () => {
    expect(rewritten('a=1; Path=/base; Domain=x', 'path', { '/base': '/api' })).toEqual(['a=1; Path=/api; Domain=x']);
  });

  it('keeps cookies separate and in order', () => {
    const cookies = ['a=1; Domain=x', 'b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT', 'a=3; Domain=y'];
    expect(rewritten(cookies, 'domain', 'z')).toEqual(['a=1; Domain=z', cookies[1], 'a=3; Domain=z']);
  });

  it('leaves an answer without cookies without any', () => {
    const headers = {};
    rewriteCookies(headers, 'domain', 'shop.test');
    expect(headers).toEqual({});
  });
});
