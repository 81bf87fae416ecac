import { describe, expect, it } from 'vitest';
import { Router, type RoutePattern, type RouterRequest } from '../../src/router/index.js';
import { seededRandom, type SeededRandom } from '../support/random.js';

/** A second reading of the rules, without a tree: filter all routes, sort what is left, take the first path. */
interface Candidate {
  readonly index: number;
  readonly pattern: RoutePattern;
  readonly hostRank: number;
  readonly segments: readonly string[];
  readonly isExact: boolean;
}

const NAMES = /:[A-Za-z_]\w*/g;

function referenceMatch(patterns: readonly RoutePattern[], request: RouterRequest): number | readonly string[] | null {
  const { method = 'GET' } = request;
  const candidates = patterns
    .flatMap((pattern, index) => candidateOf(pattern, index, request))
    .sort((a, b) => comparePlaces(a, b) || compareRoutes(a, b, method));
  for (const first of candidates) {
    const samePath = candidates.filter((other) => comparePlaces(first, other) === 0);
    const route = samePath.find(({ pattern }) => methodRank(pattern, method) > 0);
    if (route !== undefined) return route.index;
    return [...new Set(samePath.flatMap(({ pattern }) => allowed(pattern)))].sort();
  }
  return null;
}

function candidateOf(pattern: RoutePattern, index: number, request: RouterRequest): Candidate[] {
  const open = pattern.path.endsWith('/*');
  const segments = pattern.path
    .replace(/\/\*?$/, '')
    .split('/')
    .slice(1);
  const isExact = pattern.exact === true && !open;
  const hostRank = rankOfHost(pattern, request.host ?? '');
  if (hostRank < 0 || !takesPath(segments, isExact, request.path) || !conditionsHold(pattern, request)) return [];
  return [{ index, pattern, hostRank, segments, isExact }];
}

function rankOfHost({ host }: RoutePattern, sent: string): number {
  if (host === undefined) return 0;
  const name = sent.toLowerCase().replace(/:\d+$/, '');
  const ranks = [host].flat().map((wanted) => {
    if (wanted.startsWith('*.')) return name.endsWith(wanted.slice(1)) ? wanted.length : -1;
    return wanted === name ? 1_000 : -1;
  });
  return Math.max(...ranks);
}

function takesPath(segments: readonly string[], isExact: boolean, path: string): boolean {
  const source = segments.map((segment) => `/${segmentSource(segment)}`).join('');
  return new RegExp(`^${source}${isExact ? '/?$' : '(?:/|$)'}`, 'i').test(path);
}

function segmentSource(segment: string): string {
  if (segment === '*') return '[^/]+';
  return segment.replace(/[.-]/g, '\\$&').replace(NAMES, '[^/]+?');
}

function conditionsHold({ headers = {}, query = {}, when }: RoutePattern, request: RouterRequest): boolean {
  const sent = Object.fromEntries(new URLSearchParams(request.query));
  const holds = (wanted: unknown, value: unknown): boolean => {
    if (typeof wanted === 'boolean') return wanted === (value !== undefined);
    return [wanted].flat().includes(value);
  };
  return (
    Object.entries(headers).every(([name, wanted]) => holds(wanted, request.headers?.[name])) &&
    Object.entries(query).every(([name, wanted]) => holds(wanted, sent[name])) &&
    (when === undefined || when(request))
  );
}

/** 0 where two candidates have the same host and the same path: only those share their methods. */
function comparePlaces(a: Candidate, b: Candidate): number {
  if (a.hostRank !== b.hostRank) return b.hostRank - a.hostRank;
  for (let depth = 0; depth < Math.max(a.segments.length, b.segments.length); depth++) {
    const difference = segmentRank(b.segments[depth]) - segmentRank(a.segments[depth]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Every mix of the generator has its own number of literal characters, so no two mixes are equal. */
function segmentRank(segment: string | undefined): number {
  if (segment === undefined) return 0;
  if (segment === '*' || /^:\w+$/.test(segment)) return 1;
  if (!segment.includes(':')) return 1_000;
  return 1 + segment.replace(NAMES, '').length;
}

function compareRoutes(a: Candidate, b: Candidate, method: string): number {
  const size = (fields: object | undefined): number => Object.keys(fields ?? {}).length;
  return (
    Number(b.isExact) - Number(a.isExact) ||
    methodRank(b.pattern, method) - methodRank(a.pattern, method) ||
    size(b.pattern.headers) - size(a.pattern.headers) ||
    size(b.pattern.query) - size(a.pattern.query) ||
    Number(b.pattern.when !== undefined) - Number(a.pattern.when !== undefined) ||
    a.index - b.index
  );
}

function methodRank({ methods }: RoutePattern, method: string): number {
  if (methods === undefined) return 1;
  if (methods.includes(method)) return 3;
  return method === 'HEAD' && methods.includes('GET') ? 2 : 0;
}

function allowed({ methods = [] }: RoutePattern): readonly string[] {
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

const SEGMENTS = ['a', 'b', 'A', ':x', ':y', '*', 'a:m', ':m-:n.a', ':m-a'] as const;
const SENT_SEGMENTS = ['a', 'b', 'aa', 'ab', 'A-A', 'b-a', 'a-b.a', 'c', '-.a'] as const;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT'] as const;
const HOSTS = ['a.test', '*.a.test', '*.b.a.test', 'b.a.test'] as const;

function chance(random: SeededRandom, percent: number): boolean {
  return random.int(100) < percent;
}

function randomPattern(random: SeededRandom): RoutePattern {
  const length = random.int(4);
  const segments = Array.from({ length }, (_, depth) =>
    random.pick(SEGMENTS).replace(/:(\w)/g, (_match, name: string) => `:${name}${depth}`),
  );
  const path = `/${segments.join('/')}`;
  const end = chance(random, 15) ? (path === '/' ? '*' : '/*') : '';
  return {
    path: `${path}${end}`,
    ...(chance(random, 40) && { exact: chance(random, 80) }),
    ...(chance(random, 40) && { methods: [random.pick(METHODS), ...(chance(random, 30) ? ['DELETE'] : [])] }),
    ...(chance(random, 25) && { host: chance(random, 70) ? random.pick(HOSTS) : [random.pick(HOSTS), 'c.test'] }),
    ...(chance(random, 20) && { headers: { 'x-a': random.pick([true, false, '1', ['1', '2']]) } }),
    ...(chance(random, 20) && { query: { q: random.pick([true, false, '1', ['1', '2']]) } }),
    ...(chance(random, 10) && { when: chance(random, 50) ? (): boolean => true : (): boolean => false }),
  };
}

function randomRequest(random: SeededRandom): RouterRequest {
  const segments = Array.from({ length: random.int(5) }, () => random.pick(SENT_SEGMENTS));
  const path = `/${segments.join('/')}${segments.length > 0 && chance(random, 20) ? '/' : ''}`;
  return {
    method: random.pick([...METHODS, 'DELETE']),
    path,
    host: random.pick(['', 'a.test', 'A.test:80', 'b.a.test', 'x.a.test', 'x.b.a.test', 'c.test', 'd.test']),
    query: random.pick(['', '?q', '?q=1', '?q=2', '?r=1']),
    headers: random.pick<Record<string, string>>([{}, { 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '3' }]),
  };
}

function outcome(router: Router<number>, request: RouterRequest): number | readonly string[] | null {
  const result = router.match(request);
  return result?.kind === 'found' ? result.value : (result?.allow ?? null);
}

describe.each(Array.from({ length: 20 }, (_, seed) => seed))('with random routes of seed %i', (seed) => {
  const random = seededRandom(seed);

  it('the router and a naive reading of the rules agree', () => {
    for (let round = 0; round < 40; round++) {
      const patterns = Array.from({ length: 1 + random.int(25) }, () => randomPattern(random));
      const router = new Router<number>();
      patterns.forEach((pattern, index) => router.add(pattern, index));
      const reached = new Set<unknown>();
      for (let count = 0; count < 60; count++) {
        const request = randomRequest(random);
        const actual = outcome(router, request);
        reached.add(actual);
        expect({ patterns, request, outcome: actual }).toEqual({
          patterns,
          request,
          outcome: referenceMatch(patterns, request),
        });
        expect(router.explain(request).matched).toEqual(router.match(request));
      }
      for (const { index } of router.unreachable()) expect(reached).not.toContain(index);
    }
  });

  it('what was captured can be put back into the pattern', () => {
    for (let round = 0; round < 300; round++) {
      const { path: pattern } = randomPattern(random);
      const { path } = randomRequest(random);
      const found = new Router<number>({ caseSensitive: true }).add(pattern, 0).match({ path });
      if (found?.kind !== 'found') continue;
      const { values, rest, names } = found;
      let next = 0;
      const prefix = pattern.replace(/\/\*?$/, '').replace(/:[A-Za-z_]\w*|\*/g, () => values[next++] ?? '');
      expect(prefix + rest).toBe(path);
      expect(names).toHaveLength(values.length);
      if (pattern.endsWith('/*')) expect(values.at(-1)).toBe(rest.slice(1));
    }
  });
});
