import { describe, expect, it } from 'vitest';
import { NO_PARAMS } from '../../src/core/context.js';
import { parseTarget } from '../../src/core/path.js';
import { Router, type FoundRoute, type RoutePattern, type RouterOptions } from '../../src/router/index.js';

function find(pattern: string | RoutePattern, url: string, options?: RouterOptions): FoundRoute<string> | null {
  const target = parseTarget(url);
  if (target === null) throw new TypeError(`not a request target: ${url}`);
  const result = new Router<string>(options).add(pattern, 'value').match(target);
  return result?.kind === 'found' ? result : null;
}

describe('a prefix', () => {
  it.each([
    ['/api/users', '/api/users', ''],
    ['/api/users', '/api/users/', '/'],
    ['/api/users', '/api/users/42', '/42'],
    ['/api/users', '/api/users/42/', '/42/'],
    ['/api/users/', '/api/users', ''],
    ['/api/users/', '/api/users/42', '/42'],
    ['/', '/', '/'],
    ['/', '/a/b', '/a/b'],
    ['/caf%C3%A9', '/caf%c3%a9/x', '/x'],
  ])('%s takes %s and leaves %j', (pattern, url, rest) => {
    expect(find(pattern, url)?.rest).toBe(rest);
  });

  it.each([
    ['/api/users', '/api/users-admin'],
    ['/api/users', '/api/user'],
    ['/api/users', '/api'],
    ['/api/users', '/'],
    ['/api/users', '/x/api/users'],
    ['/api/users', '/api%2Fusers'],
    ['/a', '/a.b'],
  ])('%s leaves %s alone', (pattern, url) => {
    expect(find(pattern, url)).toBeNull();
  });
});

describe('an exact path', () => {
  it.each([
    ['/api/users', '/api/users', ''],
    ['/api/users', '/api/users/', '/'],
    ['/api/users/', '/api/users', ''],
    ['/', '/', '/'],
    ['/:id', '/a/', '/'],
  ])('%s takes %s and leaves %j', (path, url, rest) => {
    expect(find({ path, exact: true }, url)?.rest).toBe(rest);
  });

  it.each([
    ['/api/users', '/api/users/42'],
    ['/api/users', '/api'],
    ['/', '/a'],
    ['/:id', '/a/b'],
  ])('%s leaves %s alone', (path, url) => {
    expect(find({ path, exact: true }, url)).toBeNull();
  });

  it('tolerates one slash at the end, not two', () => {
    const router = new Router().add({ path: '/a', exact: true }, 1);
    expect(router.match({ path: '/a/' })).not.toBeNull();
    expect(router.match({ path: '/a//' })).toBeNull();
  });

  it('says nothing about a path that ends in /*', () => {
    expect(find({ path: '/files/*', exact: true }, '/files/a/b')?.params).toEqual({ '*': 'a/b' });
  });
});

describe('params', () => {
  it.each<[string, string, Record<string, string>, string]>([
    ['/users/:id', '/users/42', { id: '42' }, ''],
    ['/users/:id', '/users/42/posts', { id: '42' }, '/posts'],
    ['/users/:id', '/users/John', { id: 'John' }, ''],
    ['/:a/:b', '/1/2/3', { a: '1', b: '2' }, '/3'],
    ['/:a-:b', '/x-y', { a: 'x', b: 'y' }, ''],
    ['/:a-:b', '/x-y-z', { a: 'x', b: 'y-z' }, ''],
    ['/:a-:b', '/---', { a: '-', b: '-' }, ''],
    ['/:name.json', '/data.json', { name: 'data' }, ''],
    ['/:name.json', '/a.json.json', { name: 'a.json' }, ''],
    ['/:name.json', '/Data.JSON', { name: 'Data' }, ''],
    ['/v:version', '/v2/users', { version: '2' }, '/users'],
    ['/v:version', '/V2', { version: '2' }, ''],
    ['/:a.:b.tar-:c.gz', '/x.y.tar-z.gz', { a: 'x', b: 'y', c: 'z' }, ''],
    ['/users/*', '/users', { '*': '' }, ''],
    ['/users/*', '/users/', { '*': '' }, '/'],
    ['/users/*', '/users/a/b/', { '*': 'a/b/' }, '/a/b/'],
    ['/*', '/', { '*': '' }, '/'],
    ['/*', '/a/b', { '*': 'a/b' }, '/a/b'],
    ['/:id/*', '/1/a%20b', { id: '1', '*': 'a b' }, '/a%20b'],
    ['/:id', '/a%2Fb%20c', { id: 'a/b c' }, ''],
    ['/:id', '/%FF', { id: '%FF' }, ''],
    ['/:id', '/%E2%82%AC', { id: '€' }, ''],
    ['/:__proto__', '/x', { ['__proto__']: 'x' }, ''],
    ['/:constructor', '/x', { constructor: 'x' }, ''],
  ])('%s on %s is %j and leaves %j', (pattern, url, params, rest) => {
    const found = find(pattern, url);
    expect(Object.entries(found?.params ?? {})).toEqual(Object.entries(params));
    expect(found?.rest).toBe(rest);
  });

  it.each([
    ['/users/:id', '/users'],
    ['/users/:id', '/users/'],
    ['/:a-:b', '/-x'],
    ['/:a-:b', '/x-'],
    ['/:a-:b', '/-'],
    ['/:a-:b', '/ab'],
    ['/:name.json', '/.json'],
    ['/:name.json', '/data.jsonx'],
    ['/v:version', '/v'],
    ['/a:x.b', '/a.b'],
    ['/:a.b:c.b', '/x.b.b'],
    ['/a/*/c', '/a/c'],
    ['/a/*/c', '/a/b/b/c'],
  ])('%s leaves %s alone: no value is empty', (pattern, url) => {
    expect(find(pattern, url)).toBeNull();
  });

  it('have no prototype', () => {
    expect(Object.getPrototypeOf(find('/:id', '/1')?.params)).toBeNull();
  });

  it('are the shared empty object where the pattern has none', () => {
    expect(find('/a', '/a')?.params).toBe(NO_PARAMS);
    expect(find('/a/*/c', '/a/b/c')?.params).toBe(NO_PARAMS);
  });
});

describe('values', () => {
  it.each<[string, string, string[], string[], string]>([
    ['/a', '/a/b', [], [], '/b'],
    ['/:id', '/a%20b', ['id'], ['a%20b'], ''],
    ['/a/*/:id', '/a/b/c', ['', 'id'], ['b', 'c'], ''],
    ['/:x/*/*', '/a/b/c%2Fd/e', ['x', '', '*'], ['a', 'b', 'c%2Fd/e'], '/c%2Fd/e'],
    ['/:a-:b/c', '/x-y/c', ['a', 'b'], ['x', 'y'], ''],
    ['/users/:id', '/users;v=1/42;q=2/posts;z', ['id'], ['42;q=2'], '/posts;z'],
    ['/users/:id', '/users;v=1/42;q=2', ['id'], ['42;q=2'], ''],
    ['/:a-:b', '/x-y;p-q/z', ['a', 'b'], ['x', 'y;p-q'], '/z'],
    ['/:name.json', '/data.json;v=1', ['name'], ['data'], ''],
    ['/files/*', '/files;x/a;y/b;z', ['*'], ['a;y/b;z'], '/a;y/b;z'],
    ['/', '/a;x/b', [], [], '/a;x/b'],
  ])('of %s on %s have the names %j and are %j as sent, the rest is %j', (pattern, url, names, values, rest) => {
    const found = find(pattern, url);
    expect({ names: found?.names, values: found?.values, rest: found?.rest }).toEqual({ names, values, rest });
  });

  it('keep ;parameters, which params do not have', () => {
    expect(find('/users/:id', '/users/42;admin=1')).toMatchObject({ params: { id: '42' }, values: ['42;admin=1'] });
  });
});

describe('case', () => {
  it('means nothing in literals, so that /ADMIN meets the route of /admin', () => {
    expect(find('/admin', '/ADMIN/x')?.rest).toBe('/x');
    expect(find('/Admin', '/admin')).not.toBeNull();
    expect(find('/V:n', '/v2')?.params).toEqual({ n: '2' });
  });

  it('counts with caseSensitive', () => {
    expect(find('/admin', '/ADMIN', { caseSensitive: true })).toBeNull();
    expect(find('/Admin', '/Admin', { caseSensitive: true })).not.toBeNull();
    expect(find('/V:n', '/v2', { caseSensitive: true })).toBeNull();
  });
});

describe('the result', () => {
  it('is a RouteMatch with the value', () => {
    const router = new Router<number>().add({ path: '/users/:id', id: 'user' }, 7);
    expect(router.match({ path: '/users/42/posts' })).toEqual({
      kind: 'found',
      id: 'user',
      path: '/users/:id',
      params: { id: '42' },
      names: ['id'],
      values: ['42'],
      rest: '/posts',
      value: 7,
    });
  });

  it('has the path as its id where the pattern gives none', () => {
    expect(find('/users/:id', '/users/1')?.id).toBe('/users/:id');
  });

  it('is null where no route takes the path', () => {
    expect(new Router().match({ path: '/' })).toBeNull();
    expect(new Router().add('/', 1).match({ path: '' })).toBeNull();
    expect(new Router().add('/', 1).match({ path: '*' })).toBeNull();
  });
});
