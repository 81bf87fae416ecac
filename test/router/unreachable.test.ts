import { describe, expect, it } from 'vitest';
import { Router, type RoutePattern, type UnreachableRoute } from '../../src/router/index.js';

function unreachable(...patterns: (string | RoutePattern)[]): UnreachableRoute[] {
  const router = new Router<null>();
  for (const pattern of patterns) router.add(pattern, null);
  return router.unreachable();
}

const when = (): boolean => true;

describe('unreachable', () => {
  it('names the route, its methods and what matches instead', () => {
    expect(unreachable('/', '/api/users/*', '/api/users')).toEqual([
      {
        index: 2,
        by: [1],
        message: "never reached: '/api/users' is already matched by route 1 ('/api/users/*')",
      },
    ]);
    const get: RoutePattern = { path: '/a', methods: ['GET'], host: 'h.test' };
    const post: RoutePattern = { ...get, methods: ['POST'] };
    expect(unreachable(get, post, { ...get, methods: ['POST', 'GET'] })).toEqual([
      {
        index: 2,
        by: [0, 1],
        message: "never reached: '/a' (POST, GET, h.test) is already matched by routes 0 ('/a') and 1 ('/a')",
      },
    ]);
  });

  it.each<[string, (string | RoutePattern)[]]>([
    ['a repeated path', ['/a', '/a']],
    ['another case', ['/a', '/A']],
    ['a slash at the end', ['/a', '/a/']],
    ['another name', ['/users/:id', '/users/:name']],
    ['* in place of a name', ['/a/:x/b', '/a/*/b']],
    ['other names in a mix', ['/:a-:b', '/:x-:y']],
    ['the long spelling of a prefix', ['/users/*', '/users']],
    ['exact, which says nothing with /*', ['/users', { path: '/users/*', exact: true }]],
    [
      'another spelling of a host',
      [
        { path: '/', host: 'A.test' },
        { path: '/', host: 'a.test.' },
      ],
    ],
    [
      'hosts that all are taken',
      [
        { path: '/', host: ['a.test', '*.b.test'] },
        { path: '/', host: '*.b.test' },
      ],
    ],
    [
      'the same conditions',
      [
        { path: '/', headers: { 'X-A': '1', b: true } },
        { path: '/', headers: { b: true, 'x-a': ['1'] } },
      ],
    ],
    [
      'the same list in another order',
      [
        { path: '/', query: { a: ['1', '2'] } },
        { path: '/', query: { a: ['2', '1'] } },
      ],
    ],
    [
      'the same function',
      [
        { path: '/', when },
        { path: '/', when },
      ],
    ],
    [
      'HEAD that a HEAD route has',
      [
        { path: '/', methods: ['HEAD', 'GET'] },
        { path: '/', methods: ['HEAD'] },
      ],
    ],
  ])('finds %s', (_what, patterns) => {
    expect(unreachable(...patterns).map(({ index, by }) => ({ index, by }))).toEqual([{ index: 1, by: [0] }]);
  });

  it.each<[string, (string | RoutePattern)[]]>([
    ['a prefix and the whole path', ['/a', { path: '/a', exact: true }]],
    ['a name and a literal', ['/a/:x', '/a/b']],
    ['every method behind one', [{ path: '/a', methods: ['GET'] }, '/a']],
    ['one method behind every, which it comes before', ['/a', { path: '/a', methods: ['GET'] }]],
    [
      'HEAD behind GET, which it comes before',
      [
        { path: '/', methods: ['GET'] },
        { path: '/', methods: ['HEAD'] },
      ],
    ],
    [
      'one method of two that is new',
      [
        { path: '/', methods: ['GET'] },
        { path: '/', methods: ['GET', 'PUT'] },
      ],
    ],
    ['another host', [{ path: '/', host: 'a.test' }, { path: '/', host: ['a.test', 'b.test'] }, '/']],
    [
      'another port',
      [
        { path: '/', host: 'a.test' },
        { path: '/', host: 'a.test:81' },
      ],
    ],
    [
      'another value',
      [
        { path: '/', headers: { a: '1' } },
        { path: '/', headers: { a: '2' } },
      ],
    ],
    [
      'a value and presence',
      [
        { path: '/', headers: { a: '1' } },
        { path: '/', headers: { a: true } },
      ],
    ],
    [
      'a header and a query parameter',
      [
        { path: '/', headers: { a: '1' } },
        { path: '/', query: { a: '1' } },
      ],
    ],
    [
      'another function',
      [
        { path: '/', when },
        { path: '/', when: () => true },
      ],
    ],
    ['no condition behind one', [{ path: '/', when }, '/']],
  ])('lets %s be', (_what, patterns) => {
    expect(unreachable(...patterns)).toEqual([]);
  });

  it('tells case apart where the router does', () => {
    const router = new Router({ caseSensitive: true }).add('/a', 1).add('/A', 2);
    expect(router.unreachable()).toEqual([]);
  });
});
