import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../src/core/path.js';
import { Router, type RouterRequest } from '../../src/router/index.js';

const OBJECT_NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'prototype'];

/** The fastest of a few runs, in ms: noise only ever adds. */
function fastest(run: () => unknown): number {
  let best = Infinity;
  for (let count = 0; count < 5; count++) {
    const startedAt = performance.now();
    run();
    best = Math.min(best, performance.now() - startedAt);
  }
  return best;
}

describe('the policy of a path', () => {
  const router = new Router<string>().add('/', 'open').add('/admin', 'guarded');

  it.each([
    '/admin',
    '/admin/',
    '/ADMIN',
    '/aDmin/x',
    '/admin;x',
    '/admin;x=/y',
    '/%61dmin',
    '//admin',
    '///admin//x',
    '/admin/%2F',
    'http://any.test/admin',
  ])('holds for %s', (url) => {
    expect(router.match(parseTarget(url) ?? { path: '' })).toMatchObject({ value: 'guarded' });
  });

  it.each(['/admin-tools', '/administrator', '/x/admin', '/admin%2Fx', '/admin.json', '/admi'])(
    'is not taken for that of %s',
    (url) => {
      expect(router.match(parseTarget(url) ?? { path: '' })).toMatchObject({ value: 'open' });
    },
  );

  it('is not left by a method that it has no route for', () => {
    const guarded = new Router<string>().add('/', 'open').add({ path: '/admin', methods: ['GET'] }, 'guarded');
    for (const method of ['POST', 'get', 'CONNECT', '__proto__', '']) {
      expect(guarded.match({ method, path: '/admin/x' })).toMatchObject({ kind: 'method-not-allowed' });
    }
  });

  it('holds for a host with a dot at its end, in another case and with a port', () => {
    const hosts = new Router<string>().add('/', 'open').add({ path: '/', host: 'admin.test' }, 'guarded');
    for (const host of ['admin.test.', 'ADMIN.test', 'admin.test:1', 'admin.test.:1']) {
      expect(hosts.match({ path: '/', host })).toMatchObject({ value: 'guarded' });
    }
  });
});

describe.each(OBJECT_NAMES)('the name %s', (name) => {
  it('as a segment is a segment like others', () => {
    const router = new Router<string>().add('/a', 'a').add('/a/b', 'b');
    expect(router.match({ path: `/${name}` })).toBeNull();
    expect(router.match({ path: `/a/${name}` })).toMatchObject({ value: 'a' });
    expect(router.add(`/${name}`, 'it').match({ path: `/${name}/x` })).toMatchObject({ value: 'it' });
  });

  it('as a header, a query parameter, a host or a method is there only where it was sent', () => {
    const router = new Router<string>()
      .add({ path: '/header', headers: { [name]: true } }, 'header')
      .add({ path: '/query', query: { [name]: true } }, 'query');
    const request: RouterRequest = { method: name, path: '/header', host: name, query: '?a', headers: {} };
    expect(router.match(request)).toBeNull();
    expect(router.match({ ...request, path: '/query' })).toBeNull();
    expect(router.match({ ...request, path: '/query', query: `?${name}` })).toMatchObject({ value: 'query' });
    const headers = Object.fromEntries([[name.toLowerCase(), 'x']]);
    expect(router.match({ ...request, headers })).toMatchObject({ value: 'header' });
  });

  it('as a param changes nothing but the params', () => {
    const found = new Router<string>().add(`/:${name}`, 'it').match({ path: '/polluted' });
    expect(found).toMatchObject({ values: ['polluted'] });
    expect(found?.kind === 'found' && Object.keys(found.params)).toEqual([name]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('the time of a search', () => {
  // A quadratic search takes 50,000 times as long as a linear one here; the bound only has to tell them apart.
  const GENEROUS_MS = 250;

  it.each([
    ['/:a-:b', '-'.repeat(50_000)],
    ['/:a-:b-:c-:d.json', '-'.repeat(50_000)],
    ['/:a-x:b-x:c-y', '-x'.repeat(50_000)],
    ['/:a.aab:b', '.a'.repeat(25_000)],
    ['/:id', '%'.repeat(50_000)],
    ['/:id', '%41'.repeat(50_000)],
  ])('of %s does not explode with a long segment', (pattern, segment) => {
    const router = new Router<number>().add({ path: pattern, exact: true }, 1);
    expect(fastest(() => router.match({ path: `/${segment}` }))).toBeLessThan(GENEROUS_MS);
  });

  it('does not explode with 100,000 segments', () => {
    const router = new Router<number>().add('/a/:x/*/b', 1).add('/:x/a', 2).add({ path: '/', exact: true }, 3);
    const path = '/a'.repeat(100_000);
    expect(fastest(() => router.match({ path }))).toBeLessThan(GENEROUS_MS);
    expect(router.match({ path })).toMatchObject({ value: 2 });
    expect(router.match({ path: '/'.repeat(100_000) })).toBeNull();
  });

  it('does not explode with a host of many labels', () => {
    const router = new Router<number>().add({ path: '/', host: '*.example.com' }, 1);
    const host = `${'a.'.repeat(120)}example.org`;
    expect(fastest(() => router.match({ path: '/', host }))).toBeLessThan(GENEROUS_MS);
  });

  it('visits each node of the tree at most once, however many ways there seem to be', () => {
    const router = new Router<number>();
    let asked = 0;
    const when = (): boolean => ++asked < 0;
    // Each level has a literal, a mix and a name: 3^8 ways through a path, all of them in the tree.
    const grow = (path: string, depth: number): void => {
      if (depth === 0) router.add({ path, when }, 1);
      else for (const segment of ['aa', `a:m${depth}`, `:n${depth}`]) grow(`${path}/${segment}`, depth - 1);
    };
    grow('', 8);
    expect(router.match({ path: '/aa'.repeat(8) })).toBeNull();
    expect(asked).toBe(3 ** 8);
  });
});

describe('a deep tree', () => {
  const depth = 20_000;

  it('is searched without a stack, down and back up', () => {
    const deep = '/a'.repeat(depth);
    const router = new Router<string>().add('/:x', 'shallow').add({ path: `${deep}/b`, exact: true }, 'deep');
    expect(router.match({ path: `${deep}/b` })).toMatchObject({ value: 'deep', rest: '' });
    expect(router.match({ path: `${deep}/c` })).toMatchObject({ value: 'shallow' });
    expect(router.explain({ path: `${deep}/c` }).considered).toHaveLength(1);
    expect(router.unreachable()).toEqual([]);
  });

  it('gives all of its values', () => {
    const path = Array.from({ length: 1_000 }, (_, index) => `/:p${index}`).join('');
    const found = new Router<number>().add(path, 1).match({ path: '/v'.repeat(1_000) });
    expect(found?.kind === 'found' && Object.keys(found.params)).toHaveLength(1_000);
  });
});

it('10,000 routes, conditional ones of one path too, are added in a time that does not explode', () => {
  const router = new Router<number>();
  for (let index = 0; index < 10_000; index++) {
    router.add(`/service-${index}`, index);
    router.add({ path: '/tenant', headers: { 'x-tenant': String(index) } }, index);
  }
  expect(router.match({ path: '/service-9999/x' })).toMatchObject({ value: 9_999 });
  expect(router.match({ path: '/tenant', headers: { 'x-tenant': '777' } })).toMatchObject({ value: 777 });
  expect(router.unreachable()).toEqual([]);
});
