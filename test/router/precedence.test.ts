import { describe, expect, it } from 'vitest';
import { Router, type RoutePattern, type RouterRequest } from '../../src/router/index.js';

/** The id of the route that takes the request, the allowed methods, or null; the same in both orders of adding. */
function winner(
  patterns: readonly (string | RoutePattern)[],
  request: RouterRequest,
): string | readonly string[] | null {
  const [forward, backward] = [patterns, patterns.toReversed()].map((list) => {
    const router = new Router<null>();
    for (const pattern of list) router.add(pattern, null);
    const result = router.match(request);
    return result?.kind === 'found' ? result.id : (result?.allow ?? null);
  });
  expect(backward).toEqual(forward);
  return forward ?? null;
}

const exact = (path: string): RoutePattern => ({ path, exact: true, id: `=${path}` });

describe('the most specific path wins in any order of adding', () => {
  it.each<[string, (string | RoutePattern)[], string]>([
    ['/users/me', ['/users', '/users/:id', '/users/me'], '/users/me'],
    ['/users/42', ['/users', '/users/:id', '/users/me'], '/users/:id'],
    ['/users', ['/', '/users', '/users/:id'], '/users'],
    ['/users/me/posts', [exact('/users/me'), '/users/:id/posts'], '/users/:id/posts'],
    ['/users/me/posts', ['/users/me', '/users/:id/posts'], '/users/me'],
    ['/users/me/x', [exact('/users/me'), '/users/:id/posts', '/users'], '/users'],
    ['/a/b/c', ['/:x/b/c', '/a/:y'], '/a/:y'],
    ['/a/b', ['/a', exact('/a/b'), '/a/b'], '=/a/b'],
    ['/a/b/', ['/a', exact('/a/b'), '/a/b'], '=/a/b'],
    ['/a/b/c', ['/a', exact('/a/b'), '/a/b'], '/a/b'],
    ['/v2', ['/:x', '/v:n', '/v1'], '/v:n'],
    ['/v1', ['/:x', '/v:n', '/v1'], '/v1'],
    ['/data.json', ['/:x', '/:name.json', '/:name.:ext'], '/:name.json'],
    ['/data.txt', ['/:x', '/:name.json', '/:name.:ext'], '/:name.:ext'],
    ['/ab.', ['/:x', '/:x.', '/a:x'], '/a:x'],
    ['/v1/z', [exact('/v1'), '/v:n/y', '/:x/z'], '/:x/z'],
    ['/a/b/c/d', ['/a/b/c/e', '/a/:x/c/e', '/a/b/:y/e', '/a/*/*/d', '/'], '/a/*/*/d'],
  ])('%s of %j is %s', (path, patterns, expected) => {
    expect(winner(patterns, { path })).toBe(expected);
  });

  it('gives a tie to the earlier route', () => {
    const router = new Router<number>().add('/a/:x', 1).add('/a/:y', 2).add('/a/*', 3);
    expect(router.match({ path: '/a/1' })).toMatchObject({ value: 1, params: { x: '1' } });
  });
});

describe('host', () => {
  const patterns: RoutePattern[] = [
    { path: '/', id: 'any' },
    { path: '/', host: 'api.example.com', id: 'api' },
    { path: '/', host: 'api.example.com:8443', id: 'api:8443' },
    { path: '/', host: '*.example.com', id: '*' },
    { path: '/', host: '*.eu.example.com', id: '*.eu' },
    { path: '/', host: ['other.test', '*.other.test:81'], id: 'other' },
    { path: '/', host: '[::1]:3000', id: 'v6' },
  ];

  it.each([
    ['api.example.com', 'api'],
    ['API.Example.COM', 'api'],
    ['api.example.com:80', 'api'],
    ['api.example.com:8443', 'api:8443'],
    ['api.example.com.', 'api'],
    ['api.example.com.:8443', 'api:8443'],
    ['www.example.com', '*'],
    ['a.b.example.com:8080', '*'],
    ['eu.example.com', '*'],
    ['x.eu.example.com', '*.eu'],
    ['example.com', 'any'],
    ['badexample.com', 'any'],
    ['api.example.com.evil.test', 'any'],
    ['other.test:99', 'other'],
    ['x.other.test:81', 'other'],
    ['x.other.test', 'any'],
    ['[::1]:3000', 'v6'],
    ['[::1]', 'any'],
    ['', 'any'],
    ['.', 'any'],
    ['__proto__', 'any'],
    ['constructor', 'any'],
  ])('%j goes to %s', (host, expected) => {
    expect(winner(patterns, { path: '/x', host })).toBe(expected);
  });

  it('comes before the path', () => {
    expect(winner(['/a/b', { path: '/', host: 'h.test', id: 'host' }], { path: '/a/b', host: 'h.test' })).toBe('host');
  });

  it('falls through to less specific hosts where its paths do not fit', () => {
    const list = [
      { path: '/only', host: 'h.example.com' },
      { path: '/two', host: '*.example.com' },
      { path: '/', id: 'any' },
    ];
    expect(winner(list, { path: '/two', host: 'h.example.com' })).toBe('/two');
    expect(winner(list, { path: '/three', host: 'h.example.com' })).toBe('any');
  });
});

describe('methods', () => {
  it.each<[string, (string | RoutePattern)[], string, string | string[]]>([
    ['POST', [{ path: '/a', methods: ['GET'] }], '/a', ['GET', 'HEAD']],
    ['POST', [{ path: '/a', methods: ['PUT', 'DELETE'] }], '/a', ['DELETE', 'PUT']],
    ['POST', ['/', { path: '/admin', methods: ['GET'] }], '/admin/x', ['GET', 'HEAD']],
    [
      'POST',
      [
        { path: '/u/:id', methods: ['POST'] },
        { path: '/u/me', methods: ['GET'] },
      ],
      '/u/me',
      ['GET', 'HEAD'],
    ],
    [
      'POST',
      [
        { path: '/u/:id', methods: ['POST'] },
        { path: '/u/me', methods: ['GET'] },
      ],
      '/u/42',
      '/u/:id',
    ],
    [
      'PATCH',
      [
        { path: '/a', methods: ['GET'] },
        { path: '/a', methods: ['POST'] },
      ],
      '/a',
      ['GET', 'HEAD', 'POST'],
    ],
    ['POST', [{ path: '/a', methods: ['GET'], id: 'get' }, '/a'], '/a', '/a'],
    ['GET', [{ path: '/a', methods: ['GET'], id: 'get' }, '/a'], '/a', 'get'],
    ['HEAD', [{ path: '/a', methods: ['GET'], id: 'get' }, '/a'], '/a', 'get'],
    [
      'HEAD',
      [
        { path: '/a', methods: ['GET'], id: 'get' },
        { path: '/a', methods: ['HEAD'], id: 'head' },
      ],
      '/a',
      'head',
    ],
    ['HEAD', [{ path: '/a', methods: ['POST'] }], '/a', ['POST']],
    ['PROPFIND', ['/a'], '/a', '/a'],
    ['__proto__', [{ path: '/a', methods: ['GET'] }], '/a', ['GET', 'HEAD']],
    ['get', [{ path: '/a', methods: ['GET'] }], '/a', ['GET', 'HEAD']],
  ])('%s with %j on %s is %j', (method, patterns, path, expected) => {
    expect(winner(patterns, { method, path })).toEqual(expected);
  });

  it('of the whole path and of the prefix belong to one path', () => {
    const patterns: RoutePattern[] = [
      { path: '/a', exact: true, methods: ['GET'], id: 'list' },
      { path: '/a', methods: ['POST'], id: 'rest' },
    ];
    expect(winner(patterns, { path: '/a' })).toBe('list');
    expect(winner(patterns, { method: 'POST', path: '/a' })).toBe('rest');
    expect(winner(patterns, { method: 'PUT', path: '/a' })).toEqual(['GET', 'HEAD', 'POST']);
    expect(winner(patterns, { method: 'GET', path: '/a/b' })).toEqual(['POST']);
  });

  it('do not leave a more specific host', () => {
    const patterns = ['/', { path: '/a', host: 'h.test', methods: ['GET'] }];
    expect(winner(patterns, { method: 'POST', path: '/a', host: 'h.test' })).toEqual(['GET', 'HEAD']);
  });

  it('are told of those routes only whose other conditions hold', () => {
    const patterns: RoutePattern[] = [
      { path: '/a', methods: ['GET'], headers: { 'x-v': '1' } },
      { path: '/a', methods: ['PUT'] },
    ];
    expect(winner(patterns, { method: 'POST', path: '/a' })).toEqual(['PUT']);
    expect(winner(patterns, { method: 'POST', path: '/a', headers: { 'x-v': '1' } })).toEqual(['GET', 'HEAD', 'PUT']);
  });

  it('let a path go whose routes all have other conditions that do not hold', () => {
    const patterns: (string | RoutePattern)[] = ['/', { path: '/a', methods: ['GET'], headers: { 'x-v': '1' } }];
    expect(winner(patterns, { method: 'POST', path: '/a' })).toBe('/');
    expect(winner(patterns, { method: 'POST', path: '/a', headers: { 'x-v': '1' } })).toEqual(['GET', 'HEAD']);
  });
});

describe('headers and query', () => {
  it.each<[RoutePattern['headers'], RouterRequest['headers'], boolean]>([
    [{ 'x-v': '2' }, { 'x-v': '2' }, true],
    [{ 'X-V': '2' }, { 'x-v': '2' }, true],
    [{ 'x-v': '2' }, { 'x-v': '3' }, false],
    [{ 'x-v': '2' }, {}, false],
    [{ 'x-v': ['2', '3'] }, { 'x-v': '3' }, true],
    [{ 'x-v': true }, { 'x-v': '' }, true],
    [{ 'x-v': true }, {}, false],
    [{ 'x-v': false }, {}, true],
    [{ 'x-v': false }, { 'x-v': 'x' }, false],
    [{ 'x-v': '2' }, { 'x-v': ['2', '3'] }, true],
    [{ 'x-v': '3' }, { 'x-v': ['2', '3'] }, false],
    [{ 'x-v': '2', 'x-w': true }, { 'x-v': '2' }, false],
    [{ constructor: true }, {}, false],
    [{ ['__proto__']: true }, {}, false],
    [{ hasOwnProperty: false }, {}, true],
  ])('header conditions %j on %j hold: %s', (headers = {}, sent = {}, holds) => {
    expect(winner([{ path: '/', headers, id: 'x' }], { path: '/', headers: sent })).toBe(holds ? 'x' : null);
  });

  it.each<[RoutePattern['query'], string, boolean]>([
    [{ v: '2' }, '?v=2', true],
    [{ v: '2' }, '?v=3', false],
    [{ v: '2' }, '', false],
    [{ v: '2' }, '?V=2', false],
    [{ v: ['2', '3'] }, '?a=1&v=3', true],
    [{ v: true }, '?v', true],
    [{ v: '' }, '?v', true],
    [{ v: false }, '?v=', false],
    [{ v: false }, '?w', true],
    [{ v: '1' }, '?v=1&v=2', true],
    [{ v: '2' }, '?v=1&v=2', false],
    [{ 'a b': 'c&d' }, '?a+b=c%26d', true],
    [{ ['__proto__']: 'x' }, '?__proto__=x', true],
    [{ ['__proto__']: true }, '?a=1', false],
    [{ constructor: false }, '?a=1', true],
    [{ v: '\ufffd' }, '?v=%FF', true],
  ])('query conditions %j on %j hold: %s', (query = {}, sent, holds) => {
    expect(winner([{ path: '/', query, id: 'x' }], { path: '/', query: sent })).toBe(holds ? 'x' : null);
  });

  it('that are not met pass the request on to less specific routes', () => {
    const patterns = ['/a', { path: '/a/b', headers: { 'x-v': '2' } }, { path: '/a/:x', query: { q: true } }];
    expect(winner(patterns, { path: '/a/b' })).toBe('/a');
    expect(winner(patterns, { path: '/a/b', query: '?q' })).toBe('/a/:x');
    expect(winner(patterns, { path: '/a/b', query: '?q', headers: { 'x-v': '2' } })).toBe('/a/b');
  });

  it('rank methods, headers, query, function, in this order and by number', () => {
    const all: RoutePattern[] = [
      { path: '/', id: '0' },
      { path: '/', id: '1', when: () => true },
      { path: '/', id: '2', query: { a: '1' } },
      { path: '/', id: '3', query: { a: '1' }, when: () => true },
      { path: '/', id: '4', query: { a: '1', b: '2' } },
      { path: '/', id: '5', headers: { a: '1' } },
      { path: '/', id: '6', headers: { a: '1' }, query: { a: '1' } },
      { path: '/', id: '7', headers: { a: '1', b: '2' } },
      { path: '/', id: '8', methods: ['GET'] },
      { path: '/', id: '9', methods: ['GET'], when: () => true },
    ];
    for (let count = 1; count <= all.length; count++) {
      const request = { path: '/', headers: { a: '1', b: '2' }, query: '?a=1&b=2' };
      expect(winner(all.slice(0, count), request)).toBe(String(count - 1));
    }
  });
});

describe('when', () => {
  it('gets the request', () => {
    const router = new Router<number>().add({ path: '/', when: ({ host }) => host === 'a' }, 1);
    expect(router.match({ path: '/', host: 'a' })).not.toBeNull();
    expect(router.match({ path: '/', host: 'b' })).toBeNull();
  });

  it('does not take a promise for a yes', () => {
    const when = (() => Promise.resolve(true)) as unknown as () => boolean;
    expect(winner([{ path: '/', when }], { path: '/' })).toBeNull();
  });

  it('may ask the router itself', () => {
    const router = new Router<string>().add('/a/:x', 'inner');
    router.add({ path: '/b/:y', when: () => router.match({ path: '/a/1', query: '?q=1' }) !== null }, 'outer');
    expect(router.match({ path: '/b/2' })).toMatchObject({ value: 'outer', params: { y: '2' } });
  });

  it('that throws, throws', () => {
    const router = new Router().add({ path: '/', when: () => JSON.parse('{') as boolean }, 1);
    expect(() => router.match({ path: '/' })).toThrow(SyntaxError);
  });
});
