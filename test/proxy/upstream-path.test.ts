import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import type { RouteMatch } from '../../src/core/types.js';
import { compileUpstreamPath, rewriteParams, type UpstreamPathOptions } from '../../src/proxy/upstream-path.js';
import { fakeContext } from '../support/request.js';

function routed(url: string, rest: string, params: Readonly<Record<string, string>> = {}): Context {
  const ctx = fakeContext({ url });
  const captured = { names: Object.keys(params), values: Object.values(params) };
  ctx.route = { id: 'users', path: '/api/users', params: {}, rest, ...captured } satisfies RouteMatch;
  return ctx;
}

/** The path that a request of `url` is sent to, where its route left `rest` over. */
function sent(options: UpstreamPathOptions, url: string, rest: string, basePath = ''): string | null {
  return compileUpstreamPath(basePath, options).of(routed(url, rest));
}

describe('stripPrefix', () => {
  it.each([
    ['/api/users/42', '/42', '', '/42'],
    ['/api/users', '', '', '/'],
    ['/api/users/', '/', '', '/'],
    ['/api/users/a%2Fb;v=1', '/a%2Fb;v=1', '', '/a%2Fb;v=1'],
    ['/api/users/42?a=1', '/42', '', '/42'],
    ['/api/users/42', '/42', '/base', '/base/42'],
    ['/api/users', '', '/base', '/base'],
    ['/api/users/', '/', '/base', '/base/'],
  ])('is on: %s with the rest %j and the base %j goes to %s', (url, rest, basePath, expected) => {
    expect(sent({}, url, rest, basePath)).toBe(expected);
    expect(sent({ stripPrefix: true }, url, rest, basePath)).toBe(expected);
  });

  it.each([
    ['', '/api/users/42'],
    ['/base', '/base/api/users/42'],
  ])('that is off keeps the whole path behind the base %j', (basePath, expected) => {
    expect(sent({ stripPrefix: false }, '/api/users/42?a=1', '/42', basePath)).toBe(expected);
  });

  it('sends the whole path where there is no route', () => {
    expect(compileUpstreamPath('/base', {}).of(fakeContext({ url: '/a/b?c' }))).toBe('/base/a/b');
  });

  it('has the base path for its internal prefix', () => {
    expect(compileUpstreamPath('/base', {}).internalPrefix).toBe('/base');
    expect(compileUpstreamPath('', { stripPrefix: false }).internalPrefix).toBe('');
  });
});

describe('rewrite', () => {
  it.each([
    ['/users', '/42', '', '/users/42'],
    ['/users', '', '', '/users'],
    ['/users', '/', '', '/users/'],
    ['/users/', '/42', '', '/users/42'],
    ['/', '/42', '', '/42'],
    ['/', '', '', '/'],
    ['/users', '/42', '/base', '/base/users/42'],
    ['/users/*', '/42', '', '/users/42'],
    ['/users/*', '', '', '/users'],
    ['/*', '/42', '', '/42'],
    ['/*', '', '', '/'],
  ])('%s with the rest %j and the base %j gives %s', (rewrite, rest, basePath, expected) => {
    expect(sent({ rewrite }, '/api/users/42', rest, basePath)).toBe(expected);
  });

  it('puts parameters in as they stood on the wire', () => {
    const ctx = routed('/api/users/a%2Fb/x/y', '/y', { id: 'a%2Fb', other: 'x' });
    expect(compileUpstreamPath('/base', { rewrite: '/v1/:other/:id' }).of(ctx)).toBe('/base/v1/x/a%2Fb/y');
  });

  it.each([
    ['/v1/:id', '..'],
    ['/v1/:id', '.'],
    ['/v1/.:id', '.'],
    ['/v1/:id', '..;x'],
    ['/v1/%2:id', 'e%2e'],
    ['/v1/..%2F:id', 'x'],
    ['/v1/%:id', '00'],
    ['/v1/%:id', 'zz'],
  ])('%s with %j for :id is ambiguous and gives nothing', (rewrite, id) => {
    const ctx = routed('/api/users', '', { id });
    expect(compileUpstreamPath('', { rewrite }).of(ctx)).toBeNull();
  });

  it('has an internal prefix where it holds no parameter', () => {
    expect(compileUpstreamPath('/base', { rewrite: '/users' }).internalPrefix).toBe('/base/users');
    expect(compileUpstreamPath('/base', { rewrite: '/users/:id' }).internalPrefix).toBeNull();
    expect(compileUpstreamPath('/base', { rewrite: '/users/*' }).internalPrefix).toBeNull();
  });

  it('names the parameters that it takes', () => {
    expect(rewriteParams('/v1/:tenant/x-:id.:ext/*')).toEqual(['tenant', 'id', 'ext']);
    expect(rewriteParams('/v1')).toEqual([]);
  });
});

describe('pathRewrite', () => {
  it('applies the first pattern that matches, once, to the full path', () => {
    const pathRewrite = { '^/none': '/x', '^/api': '/v1', users: 'people' };
    expect(sent({ pathRewrite }, '/api/users/api?api', '/42')).toBe('/v1/users/api');
    expect(sent({ pathRewrite }, '/users/users', '')).toBe('/people/users');
  });

  it('knows groups of the pattern in its replacement', () => {
    expect(sent({ pathRewrite: { '^/api/([^/]+)/(.*)$': '/$2/$1' } }, '/api/a/b', '')).toBe('/b/a');
  });

  it('leaves a path that no pattern matches as it is, behind the base', () => {
    expect(sent({ pathRewrite: { '^/none': '/x' } }, '/api/users', '', '/base')).toBe('/base/api/users');
  });

  it('makes an absolute path of whatever comes out', () => {
    expect(sent({ pathRewrite: { '^/api/users': '' } }, '/api/users', '')).toBe('/');
    expect(sent({ pathRewrite: { '^/api/': '' } }, '/api/users', '')).toBe('/users');
    expect(sent({ pathRewrite: () => '@evil.test' }, '/api', '')).toBe('/@evil.test');
    expect(sent({ pathRewrite: () => 'http://evil.test/x' }, '/api', '')).toBe('/http:/evil.test/x');
    expect(sent({ pathRewrite: () => '//evil.test/x' }, '/api', '')).toBe('/evil.test/x');
  });

  it('calls a function with the path without the query, and the context', () => {
    const calls: unknown[] = [];
    const pathRewrite = (path: string, ctx: Context): string => {
      calls.push([path, ctx.request.query]);
      return `/seen${path}`;
    };
    expect(sent({ pathRewrite }, '/api/users?a=1', '', '/base')).toBe('/base/seen/api/users');
    expect(calls).toEqual([['/api/users', '?a=1']]);
  });

  it.each([
    [{ '^/api': '' }, '/api../admin'],
    [{ x: '' }, '/a/.x./b'],
    [{ '^/api': '/..' }, '/api/users'],
    [{ '^/api': '/..;a' }, '/api/users'],
    [{ '^/api': '/%2e%2e' }, '/api/users'],
    [{ '^/api': '/..%2F' }, '/api/users'],
    [{ '^/api': '/%00' }, '/api/users'],
    [{ '^/api': '/%zz' }, '/api/users'],
    [{ '^/api': '/a\\b' }, '/api/users'],
  ])('%j makes %s ambiguous and gives nothing', (pathRewrite, url) => {
    expect(sent({ pathRewrite }, url, '')).toBeNull();
  });

  it.each(['/a b', '/a\r\nX-Injected: 1', '/a\0', '/caf\u00e9', '/a#b'])(
    'that gives %j gives a path that can stand on the wire, or nothing',
    (path) => {
      expect(sent({ pathRewrite: () => path }, '/api', '') ?? '/').toMatch(/^\/[\x21\x22\x24-\x7e]*$/);
    },
  );

  it('leaves an encoded escape encoded', () => {
    expect(sent({ pathRewrite: { '^/api': '/v1' } }, '/api/%252e%252e/x%2Fy', '')).toBe('/v1/%252e%252e/x%2Fy');
  });

  it('has no internal prefix', () => {
    expect(compileUpstreamPath('/base', { pathRewrite: { a: 'b' } }).internalPrefix).toBeNull();
  });
});
