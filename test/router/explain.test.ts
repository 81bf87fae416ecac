import { describe, expect, it } from 'vitest';
import { Router, type RoutePattern, type RouterRequest } from '../../src/router/index.js';

function reasons(request: RouterRequest, ...patterns: (string | RoutePattern)[]): string[] {
  const router = new Router<null>();
  for (const pattern of patterns) router.add(pattern, null);
  const { matched, considered } = router.explain(request);
  expect(matched).toEqual(router.match(request));
  return considered.map(({ id, reason }) => `${id}: ${reason}`);
}

describe('explain', () => {
  it('names the routes whose host and path fit, the most specific first', () => {
    const router = new Router<number>().add('/', 1).add('/b', 2).add({ path: '/a/:x', id: 'ax' }, 3);
    expect(router.explain({ path: '/a/1' })).toEqual({
      matched: router.match({ path: '/a/1' }),
      considered: [
        { id: 'ax', path: '/a/:x', reason: 'matched' },
        { id: '/', path: '/', reason: 'a more specific path won' },
      ],
    });
  });

  it('says which condition is not met', () => {
    const request = { path: '/', headers: { 'x-version': '1', authorization: 'Bearer secret' }, query: '?a=1' };
    expect(
      reasons(
        request,
        { path: '/', id: '1', headers: { 'x-version': '2' } },
        { path: '/', id: '2', headers: { 'x-version': ['2', '3'] } },
        { path: '/', id: '3', headers: { 'x-version': false } },
        { path: '/', id: '4', headers: { 'x-other': true } },
        { path: '/', id: '5', headers: { authorization: 'Bearer other' } },
        { path: '/', id: '6', query: { a: '2' } },
        { path: '/', id: '7', query: { a: '1', b: true } },
        { path: '/', id: '8', when: () => false },
      ).sort(),
    ).toEqual([
      "1: header x-version is '1', not '2'",
      "2: header x-version is '1', not '2' or '3'",
      '3: header x-version is present',
      '4: header x-other is absent',
      '5: header authorization has another value',
      "6: query parameter a is '1', not '2'",
      '7: query parameter b is absent',
      '8: its function `when` did not return true',
    ]);
  });

  it('says which method a path wants and that less specific ones are not asked', () => {
    expect(
      reasons({ method: 'POST', path: '/admin' }, '/', { path: '/admin', methods: ['GET'] }, { path: '/x' }),
    ).toEqual(['/admin: method POST is not GET, HEAD', '/: a more specific path does not allow POST']);
  });

  it('tells a host, a path and a route of the same path apart', () => {
    const request = { path: '/a', host: 'h.test' };
    expect(
      reasons(
        request,
        { path: '/a', id: 'any host' },
        { path: '/a', host: 'h.test', id: 'second' },
        { path: '/a', host: 'h.test', headers: { 'x-v': false }, id: 'first' },
        { path: '/', host: 'h.test', id: 'prefix' },
      ),
    ).toEqual([
      'first: matched',
      'second: a more specific or earlier route of the path won',
      'prefix: a more specific path won',
      'any host: a more specific host won',
    ]);
  });

  it('has nothing to tell where no path fits', () => {
    expect(new Router().add('/a', 1).explain({ path: '/b' })).toEqual({ matched: null, considered: [] });
  });
});
