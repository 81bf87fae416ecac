import { describe, expect, it } from 'vitest';
import { compileFormVerbs } from '../../src/transforms/form-verbs.js';
import type { RequestVerbs } from '../../src/transforms/index.js';
import { inTurn } from '../../src/transforms/in-turn.js';
import { formatParameters, parseParameters } from '../../src/transforms/parameters.js';
import { fakeContext } from '../support/request.js';

function edited(verbs: RequestVerbs, form: string): string {
  const result = inTurn(compileFormVerbs(verbs))(parseParameters(form), fakeContext());
  return decodeURIComponent(formatParameters(result as ReturnType<typeof parseParameters>));
}

describe('verbs of forms', () => {
  it.each<[string, RequestVerbs, string, string]>([
    ['remove', { remove: { body: ['role'] } }, 'a=1&role=x&role%5B%5D=y&role[deep][er]=z&roles=k', 'a=1&roles=k'],
    [
      'remove a member',
      { remove: { body: ['user.role'] } },
      'user[role]=x&user.role=y&user[role][]=z&user[roles]=k&user=k',
      'user[roles]=k&user=k',
    ],
    [
      'remove in a list',
      { remove: { body: ['l.*.x'] } },
      'l[0][x]=1&l[][x]=2&l[1].x=3&l[0][y]=k&l[x]=k',
      'l[0][y]=k&l[x]=k',
    ],
    [
      'rename',
      { rename: { body: { 'user.role': 'kind', a: 'b' } } },
      'user[role][]=1&user.role=2&a=3&b=4',
      'user[kind][]=1&user.kind=2&b=3',
    ],
    [
      'replace',
      { replace: { body: { role: 'none', missing: 'x' } } },
      'role=a&role[]=b&c=d',
      'role=none&role[]=none&c=d',
    ],
    ['replace by nothing', { replace: { body: { role: '{identity.id}' } } }, 'role=a&c=d', 'c=d'],
    [
      'add',
      { add: { body: { 'user.role': 'r', n: 5, o: { a: 1 }, here: 'no', 'l.*.x': 'no' } } },
      'here[x]=1',
      'here[x]=1&user[role]=r&n=5&o={"a":1}',
    ],
    ['append', { append: { body: { a: '{method}', b: '{identity.id}' } } }, 'a=1', 'a=1&a=GET'],
    ['pick', { pick: ['a', 'b.c'] }, 'a=1&a[x]=2&b[c]=3&b[d]=4&z=5', 'a=1&a[x]=2&b[c]=3'],
    ['omit', { omit: ['a'] }, 'a=1&b=2', 'b=2'],
    ['wrap', { wrap: 'data' }, 'a=1&b[c][]=2', 'data[a]=1&data[b][c][]=2'],
  ])('%s', (_name, verbs, form, result) => {
    expect(edited(verbs, form)).toBe(result);
  });
});
