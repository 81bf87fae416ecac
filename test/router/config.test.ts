import { describe, expect, it } from 'vitest';
import { ConfigError, inspect, type Fault } from '../../src/core/options.js';
import { Router, type RoutePattern } from '../../src/router/index.js';
import { routePatternFields } from '../../src/router/pattern-schema.js';

function faultsOf(pattern: unknown): readonly Fault[] {
  try {
    new Router().add(pattern as RoutePattern, null);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('a path that can never match', () => {
  it.each([
    ['api', `got "api": a path starts with '/', write '/api'`],
    ['', `got "": a path starts with '/', write '/'`],
    ['*', `got "*": a path starts with '/', write '/*'`],
    ['/a?b=1', `got "/a?b=1": a path holds no '?', put conditions on the query into \`query\``],
    ['/a#b', `got "/a#b": a path holds no '#', a fragment never reaches a server`],
    ['/a//b', `got "/a//b": repeated slashes are merged, write '/a/b'`],
    ['/a\\b', `got "/a\\\\b": a path holds no '\\', requests with one are refused`],
    ['/a/../b', `got "/a/../b": dot segments are refused in requests, write '/b'`],
    ['/a/%2e%2E/b', `got "/a/%2e%2E/b": dot segments are refused in requests, write '/b'`],
    ['/%2F..', `got "/%2F..": dot segments are refused in requests, write '/'`],
    ['/.', `got "/.": dot segments are refused in requests, write '/'`],
    ['/%61dmin', `got "/%61dmin": paths are compared in their normal form, write '/admin'`],
    ['/a%c3%a9', `got "/a%c3%a9": paths are compared in their normal form, write '/a%C3%A9'`],
    ['/100%', `got "/100%": '%' starts an escape, write '%25' for the character itself`],
    ['/a%00', `got "/a%00": a path holds no NUL, requests with one are refused`],
    ['/café', `got "/café": paths are compared as they are sent, write '/caf%C3%A9'`],
    ['/a b', `got "/a b": paths are compared as they are sent, write '/a%20b'`],
    ['/a;v=1/b', `got "/a;v=1/b": parameters are not compared, write '/a/b'`],
    ['/a*', `got "/a*": '*' stands for a whole segment, write '*' or a name such as ':name' in place of 'a*'`],
    ['/a/**', `got "/a/**": '*' stands for a whole segment, write '*' or a name such as ':name' in place of '**'`],
    ['/:', `got "/:": a name must follow ':' in ':', such as ':id'`],
    ['/a:1', `got "/a:1": a name must follow ':' in 'a:1', such as ':id'`],
    ['/:a:b', `got "/:a:b": nothing separates two names in ':a:b', write a character between them, such as ':a-:b'`],
    ['/:id/x/:id', `got "/:id/x/:id": ':id' is there twice, give each its own name`],
    ['/:a-:a', `got "/:a-:a": ':a' is there twice, give each its own name`],
    ['/users/{id}', `got "/users/{id}": write ':id' in place of '{id}'`],
    ['/{a}-{b}', `got "/{a}-{b}": write ':a-:b' in place of '{a}-{b}'`],
  ])('%j is a fault', (path, message) => {
    expect(faultsOf(path)).toEqual([{ path: 'routes[0]', message }]);
    expect(faultsOf({ path })).toEqual([{ path: 'routes[0].path', message }]);
  });

  it.each(['/', '/a', '/a/', '/*', '/a/*/b', '/*/*', '/:a/:b/*', '/a.b-c_d~e', "/a!$&'()+,=@", '/caf%C3%A9', '/...'])(
    '%j is none',
    (path) => {
      expect(faultsOf(path)).toEqual([]);
    },
  );

  it('takes a lone surrogate without falling over', () => {
    expect(faultsOf('/\ud800')).toHaveLength(1);
  });
});

describe('other faults of a pattern', () => {
  it.each<[Record<string, unknown>, string, string]>([
    [{ method: ['GET'] }, 'method', 'unknown option; did you mean methods?'],
    [{ paht: '/b' }, 'paht', 'unknown option; did you mean path?'],
    [{ methods: ['get'] }, 'methods[0]', `got "get", write 'GET'`],
    [
      { methods: ['GET', '*'] },
      'methods[1]',
      `got "*", expected a method such as 'GET'; leave \`methods\` out for all`,
    ],
    [{ methods: ['G ET'] }, 'methods[0]', `got "G ET", expected a method such as 'GET'; leave \`methods\` out for all`],
    [{ methods: [] }, 'methods', `got an empty list, expected a list of at least 1: a method such as 'GET'`],
    [{ host: 'https://api.test/v1' }, 'host', `got "https://api.test/v1", a host has no scheme, write 'api.test'`],
    [{ host: 'api.test/v1' }, 'host', `got "api.test/v1", a host has no path, write 'api.test'`],
    [{ host: '*' }, 'host', 'got "*", leave `host` out for every host'],
    [{ host: ['a.test', 'münchen.test'] }, 'host[1]', `got "münchen.test", write 'xn--mnchen-3ya.test'`],
    [{ host: '*.münchen.test' }, 'host', `got "*.münchen.test", write '*.xn--mnchen-3ya.test'`],
    [
      { host: 'a.*.test' },
      'host',
      `got "a.*.test", '*.' stands once, at the start; expected a host such as 'api.example.com' or '*.example.com'`,
    ],
    [{ host: 'a b' }, 'host', `got "a b", expected a host such as 'api.example.com' or '*.example.com'`],
    [{ host: 'a.test:' }, 'host', `got "a.test:", expected a host such as 'api.example.com' or '*.example.com'`],
    [{ host: '' }, 'host', `got "", expected a host such as 'api.example.com' or '*.example.com'`],
    [{ headers: { 'x v': '1' } }, 'headers["x v"]', 'not a header name'],
    [{ headers: { 'x-v': '1', 'X-W': true, 'x-w': true } }, 'headers["X-W"]', `'x-w' is there twice`],
    [
      { headers: { v: 1 } },
      'headers.v',
      'got 1, expected true or false, or a header value, or a list of at least 1: a header value',
    ],
    [{ query: { '': '1' } }, 'query[""]', 'a name is not empty'],
    [
      { query: { v: [] } },
      'query.v',
      'got an empty list, expected true or false, or a text, or a list of at least 1: a text',
    ],
    [{ when: true }, 'when', 'got true, expected a function that returns true or false'],
    [
      { when: async () => Promise.resolve(true) },
      'when',
      'got an async function, expected one that returns true or false at once',
    ],
    [{ exact: 'yes' }, 'exact', 'got "yes", expected true or false'],
    [{ id: '' }, 'id', 'got "", expected a string that is not empty'],
  ])('%j is a fault', (fields, path, message) => {
    expect(faultsOf({ path: '/a', ...fields })).toContainEqual({ path: `routes[0].${path}`, message });
  });

  it('are told all at once', () => {
    expect(faultsOf({ path: 'a', methods: ['get'], exat: true }).map(({ path }) => path)).toEqual([
      'routes[0].path',
      'routes[0].methods[0]',
      'routes[0].exat',
    ]);
  });

  it('include a missing path and a pattern that is none', () => {
    expect(faultsOf({})[0]).toEqual({
      path: 'routes[0].path',
      message: "missing, expected a path such as '/api/users'",
    });
    expect(faultsOf(7)[0]?.message).toMatch(/^got 7, expected a path such as '\/api\/users', or an object with path, /);
  });

  it('leave the router as it was', () => {
    const router = new Router<number>().add('/a', 1);
    expect(() => router.add('b', 2)).toThrow('routes[1]');
    expect(router.match({ path: '/a' })).toMatchObject({ value: 1 });
    expect(router.unreachable()).toEqual([]);
  });
});

it('an option of the router that is unknown is a fault', () => {
  expect(() => new Router({ caseSensitiv: true } as object)).toThrow('did you mean caseSensitive?');
});

it('the schemas of a pattern can be used by a larger configuration', () => {
  const faults: Fault[] = [];
  inspect(routePatternFields.path, 'x', 'routes[3].path', faults);
  expect(faults).toEqual([{ path: 'routes[3].path', message: `got "x": a path starts with '/', write '/x'` }]);
});
