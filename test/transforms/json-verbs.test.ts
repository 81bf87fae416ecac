import { afterEach, describe, expect, it } from 'vitest';
import { inTurn } from '../../src/transforms/in-turn.js';
import { formatExactJson, parseExactJson } from '../../src/transforms/json-text.js';
import { compileJsonVerbs } from '../../src/transforms/json-verbs.js';
import type { RequestVerbs } from '../../src/transforms/index.js';
import { seededRandom, type SeededRandom } from '../support/random.js';
import { fakeContext } from '../support/request.js';

/** What verbs make of a body, as text. */
function edited(verbs: RequestVerbs, body: string): string {
  const ctx = fakeContext();
  ctx.requestId = 'r-1';
  return formatExactJson(inTurn(compileJsonVerbs(verbs))(parseExactJson(body), ctx));
}

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('verbs of JSON', () => {
  it.each<[string, RequestVerbs, string, string]>([
    [
      'remove',
      { remove: { body: ['a', 'b.c', 'l.*.x', 'none', 'a.b.c'] } },
      '{"a":1,"b":{"c":2,"d":3},"l":[{"x":1},{"y":2},3]}',
      '{"b":{"d":3},"l":[{},{"y":2},3]}',
    ],
    ['remove from a list at the top', { remove: { body: ['*.a'] } }, '[{"a":1,"b":2}]', '[{"b":2}]'],
    ['omit', { omit: ['a.b'] }, '{"a":{"b":1,"c":2}}', '{"a":{"c":2}}'],
    ['rename', { rename: { body: { 'a.b': 'c', x: 'y' } } }, '{"a":{"b":1,"c":2}}', '{"a":{"c":1}}'],
    ['rename in a list', { rename: { body: { 'l.*.b': 'c' } } }, '{"l":[{"b":1},{"d":2}]}', '{"l":[{"c":1},{"d":2}]}'],
    [
      'replace',
      { replace: { body: { a: [1, null], 'b.c': '{requestId}', none: 1 } } },
      '{"a":0,"b":{"c":0}}',
      '{"a":[1,null],"b":{"c":"r-1"}}',
    ],
    ['replace by nothing', { replace: { body: { a: '{identity.id}' } } }, '{"a":"client"}', '{}'],
    [
      'add',
      { add: { body: { a: 1, 'b.c.d': true, 'l.*.x': {} } } },
      '{"a":0,"l":[{},{"x":1}]}',
      '{"a":0,"l":[{"x":{}},{"x":1}],"b":{"c":{"d":true}}}',
    ],
    ['add where another kind is', { add: { body: { 'a.b': 1, 'n.*.x': 1 } } }, '{"a":"text"}', '{"a":"text"}'],
    [
      'add a value without one',
      { add: { body: { a: '{identity.id}', b: { c: '{identity.id}', d: ['{identity.id}', '{method}'] } } } },
      '{}',
      '{"b":{"d":["GET"]}}',
    ],
    [
      'append',
      { append: { body: { a: 3, b: 3, c: '{method}', d: '{identity.id}' } } },
      '{"a":[1,2],"b":1}',
      '{"a":[1,2,3],"b":[1,3],"c":["GET"]}',
    ],
    [
      'pick',
      { pick: ['a', 'b.c', 'l.*.x', 'none.x'] },
      '{"z":1,"b":{"d":1,"c":2},"a":{"z":1},"l":[{"x":1,"y":2},{"y":1},5]}',
      '{"a":{"z":1},"b":{"c":2},"l":[{"x":1},{}]}',
    ],
    [
      'pick overlapping paths',
      { pick: ['a.b', 'a', 'c', 'c.d'] },
      '{"a":{"b":1,"e":2},"c":{"d":1,"e":2}}',
      '{"a":{"b":1,"e":2},"c":{"d":1,"e":2}}',
    ],
    ['pick of what is no object', { pick: ['a'] }, '"secret"', 'null'],
    ['pick of a list without *', { pick: ['a'] }, '[{"a":1}]', '[]'],
    ['wrap', { wrap: 'data' }, '[1]', '{"data":[1]}'],
    [
      'all of them in order',
      {
        wrap: 'data',
        omit: ['n.o'],
        pick: ['n', 'm'],
        append: { body: { n: 1 } },
        rename: { body: { x: 'n' } },
        remove: { body: ['n'] },
      },
      '{"x":{"o":1},"n":5,"m":2}',
      '{"data":{"n":[{"o":1},1],"m":2}}',
    ],
  ])('%s', (_name, verbs, body, result) => {
    expect(edited(verbs, body)).toBe(result);
  });

  it.each<[string, RequestVerbs, string, string]>([
    [
      'is kept',
      { add: { body: { a: 1 } } },
      '{"__proto__":{"polluted":1},"constructor":2}',
      '{"__proto__":{"polluted":1},"constructor":2,"a":1}',
    ],
    [
      'is removed',
      { remove: { body: ['__proto__', 'a.constructor'] } },
      '{"__proto__":{"polluted":1},"a":{"constructor":1}}',
      '{"a":{}}',
    ],
    ['is a new name', { rename: { body: { a: '__proto__' } } }, '{"a":{"polluted":1}}', '{"__proto__":{"polluted":1}}'],
    [
      'is picked',
      { pick: ['__proto__', 'a.toString'] },
      '{"__proto__":{"polluted":1},"b":1,"a":{}}',
      '{"__proto__":{"polluted":1},"a":{}}',
    ],
    [
      'is added',
      { add: { body: { '__proto__.polluted': 1, 'constructor.prototype.polluted': 1 } } },
      '{}',
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    ],
    ['is appended', { append: { body: { ['__proto__']: 1 } } }, '{}', '{"__proto__":[1]}'],
    ['is a wrapper', { wrap: '__proto__' }, '{"polluted":1}', '{"__proto__":{"polluted":1}}'],
    [
      'comes with a value',
      { add: { body: { a: JSON.parse('{"__proto__":{"polluted":1}}') as unknown } } },
      '{}',
      '{"a":{"__proto__":{"polluted":1}}}',
    ],
  ])('__proto__ %s as plain data', (_name, verbs, body, result) => {
    expect(edited(verbs, body)).toBe(result);
  });

  it.each([
    '12345678901234567890',
    '-9007199254740993',
    '0.12345678901234567890',
    '1e400',
    '1E-7',
    '1.5e3',
    '[9007199254740993,9007199254740993]',
    '{"9007199254740993":9007199254740993,"t":"9007199254740993 \\" 9007199254740993"}',
    '"\\\\"',
  ])('keeps every digit of a number: %s', (value) => {
    expect(edited({ remove: { body: ['none'] } }, `{"a":${value}}`)).toBe(`{"a":${value}}`);
    expect(edited({ wrap: 'w' }, value)).toBe(`{"w":${value}}`);
  });

  it('refuses what is no JSON, be it that marked numbers would make some of it', () => {
    expect(() => edited({ wrap: 'w' }, '{12345678901234567890:1}')).toThrow('not valid JSON');
    expect(() => edited({ wrap: 'w' }, '{"a":01234567890123456789}')).toThrow('not valid JSON');
  });

  it('values are fresh for each body', () => {
    const edits = inTurn(compileJsonVerbs({ add: { body: { l: [1] } }, append: { body: { l: 2 } } }));
    const ctx = fakeContext();
    expect([edits({}, ctx), edits({}, ctx)]).toEqual([{ l: [1, 2] }, { l: [1, 2] }]);
  });
});

const NAMES = ['a', 'b', '__proto__', 'constructor', 'toString', '', 'a.b', '\0'] as const;
const PATHS = ['a', 'b', '__proto__', 'constructor.prototype', 'a.*.b', '*.a', '__proto__.polluted', '*.*.constructor'];

function randomJson(random: SeededRandom, depth = 0): unknown {
  switch (random.int(depth > 3 ? 4 : 6)) {
    case 0:
      return random.pick([null, true, 0, -1.5, 'x', '{params.id}']);
    case 4:
      return Array.from({ length: random.int(4) }, () => randomJson(random, depth + 1));
    case 5: {
      const members = Array.from({ length: random.int(5) }, () => {
        return `${JSON.stringify(random.pick(NAMES))}:${JSON.stringify(randomJson(random, depth + 1))}`;
      });
      return JSON.parse(`{${members.join(',')}}`) as unknown;
    }
    default:
      return random.int(1_000);
  }
}

describe('verbs on any JSON', () => {
  it('never throw and never reach a prototype', () => {
    const random = seededRandom(7);
    for (let run = 0; run < 3_000; run++) {
      const some = (): string[] => Array.from({ length: 1 + random.int(3) }, () => random.pick(PATHS));
      const values = (): Record<string, unknown> =>
        Object.fromEntries(some().map((path) => [path, randomJson(random, 3)]));
      const verbs: RequestVerbs = {
        ...(random.int(2) === 0 ? { remove: { body: some() } } : {}),
        ...(random.int(2) === 0
          ? { rename: { body: Object.fromEntries(some().map((path) => [path, random.pick(NAMES)])) } }
          : {}),
        ...(random.int(2) === 0 ? { replace: { body: values() } } : {}),
        ...(random.int(2) === 0 ? { add: { body: values() } } : {}),
        ...(random.int(2) === 0 ? { append: { body: values() } } : {}),
        ...(random.int(3) === 0 ? { pick: some() } : {}),
        ...(random.int(3) === 0 ? { wrap: random.pick(NAMES) } : {}),
      };
      const text = JSON.stringify(randomJson(random));
      JSON.parse(edited(verbs, text));
    }
    expect(Reflect.ownKeys(Object.prototype)).not.toContain('polluted');
    expect(Reflect.ownKeys(Object)).not.toContain('polluted');
  });

  it('what is removed is gone, what is added is there, and the rest is the same', () => {
    const random = seededRandom(11);
    for (let run = 0; run < 2_000; run++) {
      const text = JSON.stringify({ rest: randomJson(random), ...(randomJson(random) as object | null) });
      const verbs = { remove: { body: ['a'] }, add: { body: { added: 1 } } };
      const before = JSON.parse(text) as Record<string, unknown>;
      delete before.a;
      if (!Object.hasOwn(before, 'added')) before.added = 1;
      expect(JSON.parse(edited(verbs, text))).toEqual(before);
    }
  });
});
