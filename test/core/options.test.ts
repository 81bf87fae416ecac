import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../../src/core/errors.js';
import {
  boolean,
  ConfigError,
  either,
  func,
  integer,
  list,
  literal,
  member,
  milliseconds,
  nearestName,
  object,
  oneOf,
  record,
  show,
  string,
  validate,
  type Fault,
  type Schema,
} from '../../src/core/options.js';

const limits = object({ windowMs: integer({ min: 1 }), limit: integer() }, { required: ['windowMs'] });
const route = object(
  { path: string(), target: either(string(), list(string())), rateLimit: either(literal(false), limits) },
  { required: ['path'] },
);
const gatewayOptions = object(
  { routes: list(route), hosts: record(string()), trusted: boolean, mode: oneOf('open', 'closed'), onError: func },
  { required: ['routes'] },
);

function faultsOf(value: unknown, schema: Schema = gatewayOptions): readonly Fault[] {
  try {
    validate('gateway', value, schema);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

function pathsOf(value: unknown, schema?: Schema): string[] {
  return faultsOf(value, schema).map(({ path }) => path);
}

function accepts(schema: Schema, value: unknown): boolean {
  return faultsOf(value, schema).length === 0;
}

describe('validate', () => {
  it('lets good options pass', () => {
    const options = {
      routes: [
        { path: '/a', target: 'http://a' },
        { path: '/b', target: ['http://b1', 'http://b2'], rateLimit: { windowMs: 1_000, limit: 0 } },
        { path: '/c', rateLimit: false },
      ],
      ...{ hosts: { 'a.test': 'x' }, trusted: false, mode: 'open', onError: () => undefined },
    };
    expect(faultsOf(options)).toEqual([]);
  });

  it('tells all faults at once, each with its path, what was got and what was expected', () => {
    const options = {
      routes: [
        { path: '/a', target: 7 },
        { target: ['http://b', ''], rateLimit: { windwoMs: 60_000, limit: -1 } },
      ],
      ...{ hosts: { 'a.test': 1 }, trusted: 'yes', mode: 'ajar', onError: null, debug: true },
    };
    expect(faultsOf(options)).toEqual([
      {
        path: 'routes[0].target',
        message: 'got 7, expected a string that is not empty, or a list of at least 1: a string that is not empty',
      },
      { path: 'routes[1].target[1]', message: 'got "", expected a string that is not empty' },
      { path: 'routes[1].rateLimit.windwoMs', message: 'unknown option; did you mean windowMs?' },
      { path: 'routes[1].rateLimit.limit', message: 'got -1, expected a whole number from 0 on' },
      { path: 'routes[1].rateLimit.windowMs', message: 'missing, expected a whole number from 1 on' },
      { path: 'routes[1].path', message: 'missing, expected a string that is not empty' },
      { path: 'hosts["a.test"]', message: 'got 1, expected a string that is not empty' },
      { path: 'trusted', message: 'got "yes", expected true or false' },
      { path: 'mode', message: `got "ajar", expected one of 'open', 'closed'` },
      { path: 'onError', message: 'got null, expected a function' },
      {
        path: 'debug',
        message: 'unknown option; the options here are routes, hosts, trusted, mode, onError',
      },
    ]);
  });

  it('throws a ConfigError whose text has every fault on a line', () => {
    const run = (): void => {
      validate('gateway', { routes: [], trusted: 1 }, gatewayOptions);
    };
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(/^gateway cannot start, 2 faults:\n {2}routes: got an empty list, .*\n {2}trusted: got 1, .*$/);
  });

  it('counts one fault in the singular, and has the code of a faulty config', () => {
    const error = new ConfigError('rateLimit', [{ path: 'limit', message: 'missing' }]);
    expect(error.message).toBe('rateLimit cannot start, 1 fault:\n  limit: missing');
    expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_GATEWAY_CONFIG_INVALID' });
    expect(isGatewayError(error)).toBe(true);
  });

  it.each([[undefined], [null], [7], ['x'], [[]], [() => undefined], [new Map()], [new Date()], [/x/]])(
    'takes %s for no options at all',
    (value) => {
      expect(pathsOf(value)).toEqual(['options']);
    },
  );

  it('puts the root in front of every path', () => {
    const run = (): void => {
      validate('gateway', { limit: 'x' }, limits, 'routes[3].rateLimit');
    };
    expect(run).toThrow(/routes\[3\]\.rateLimit\.limit: got "x"/);
    expect(run).toThrow(/routes\[3\]\.rateLimit\.windowMs: missing/);
  });

  it('changes nothing, and takes frozen options', () => {
    const options = Object.freeze({ routes: Object.freeze([Object.freeze({ path: '/a', rateLimit: false })]) });
    expect(faultsOf(options)).toEqual([]);
  });
});

describe('object', () => {
  it('takes undefined for absent, and misses it where it is required', () => {
    expect(faultsOf({ windowMs: 1, limit: undefined }, limits)).toEqual([]);
    expect(faultsOf({ windowMs: undefined }, limits)).toEqual([
      { path: 'windowMs', message: 'missing, expected a whole number from 1 on' },
    ]);
  });

  it('takes an object without a prototype', () => {
    expect(accepts(limits, Object.assign(Object.create(null) as object, { windowMs: 1 }))).toBe(true);
  });

  it('refuses instances of classes', () => {
    class Limits {
      readonly windowMs = 1;
    }
    expect(pathsOf(new Limits(), limits)).toEqual(['options']);
  });

  it.each([['__proto__'], ['constructor'], ['prototype'], ['toString'], ['hasOwnProperty'], ['__defineGetter__']])(
    'finds %s, out of JSON, unknown',
    (name) => {
      const options: unknown = JSON.parse(`{"windowMs":1,"${name}":{"polluted":true}}`);
      expect(pathsOf(options, limits)).toEqual([name]);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
  );

  it('finds `__proto__` deep inside, with its path', () => {
    const options: unknown = JSON.parse('{"routes":[{"path":"/a","rateLimit":{"windowMs":1,"__proto__":{}}}]}');
    expect(pathsOf(options)).toEqual(['routes[0].rateLimit.__proto__']);
  });

  it('refuses an object whose prototype is another object', () => {
    expect(pathsOf({ __proto__: { windowMs: 1 } }, limits)).toEqual(['options']);
  });

  it('does not take an inherited value for a required one', () => {
    const schema = object({ constructor: func }, { required: ['constructor'] });
    expect(pathsOf({}, schema)).toEqual(['constructor']);
  });

  it('ignores symbols', () => {
    expect(accepts(limits, { windowMs: 1, [Symbol('note')]: 1 })).toBe(true);
  });
});

describe('record', () => {
  it('takes any name and checks every value', () => {
    expect(pathsOf({ a: 'x', 'b c': 1, d: '' }, record(string()))).toEqual(['["b c"]', 'd']);
  });

  it('checks the value of a `__proto__` out of JSON as any other', () => {
    expect(pathsOf(JSON.parse('{"__proto__":1,"constructor":"x"}'), record(string()))).toEqual(['__proto__']);
  });

  it('takes no list', () => {
    expect(accepts(record(string()), ['x'])).toBe(false);
    expect(accepts(record(string()), {})).toBe(true);
  });
});

describe('list', () => {
  it('needs one item by default', () => {
    expect(accepts(list(string()), [])).toBe(false);
    expect(accepts(list(string(), { min: 0 }), [])).toBe(true);
    expect(accepts(list(string(), { min: 2 }), ['a'])).toBe(false);
  });

  it('takes nothing that only looks like a list', () => {
    for (const value of ['ab', { length: 1, 0: 'a' }, new Set(['a']), new Uint8Array(1), null]) {
      expect(accepts(list(string()), value)).toBe(false);
    }
  });

  it('tells every faulty item', () => {
    expect(pathsOf(['a', 1, 'b', null], list(string()))).toEqual(['[1]', '[3]']);
  });

  it('finds fault with undefined in a list', () => {
    expect(pathsOf(['a', undefined], list(string()))).toEqual(['[1]']);
  });

  it('finds fault with a hole in a list, as two commas in a row leave it', () => {
    // eslint-disable-next-line no-sparse-arrays
    expect(pathsOf(['a', , 'b'], list(string()))).toEqual(['[1]']);
  });
});

describe('integer', () => {
  it.each<[{ min?: number; max?: number }, unknown, boolean]>([
    [{}, 0, true],
    [{}, 1, true],
    [{}, Number.MAX_SAFE_INTEGER, true],
    [{}, Number.MAX_SAFE_INTEGER + 1, false],
    [{}, -1, false],
    [{}, 0.5, false],
    [{}, Number.NaN, false],
    [{}, Infinity, false],
    [{}, -Infinity, false],
    [{}, '1', false],
    [{}, 1n, false],
    [{}, null, false],
    [{}, true, false],
    [{}, [1], false],
    [{ min: 1 }, 0, false],
    [{ min: 1 }, 1, true],
    [{ max: 10 }, 10, true],
    [{ max: 10 }, 11, false],
    [{ max: 10 }, Infinity, false],
    [{ max: Infinity }, Infinity, true],
    [{ max: Infinity }, Number.NaN, false],
    [{ max: Infinity }, -Infinity, false],
    [{ max: Infinity }, 1.5, false],
    [{ min: -5, max: 5 }, -5, true],
  ])('%j, %s: %s', (range, value, accepted) => {
    expect(accepts(integer(range), value)).toBe(accepted);
  });

  it('tells its range', () => {
    expect(integer().expected).toBe('a whole number from 0 on');
    expect(integer({ min: 1, max: 9 }).expected).toBe('a whole number from 1 to 9');
    expect(integer({ max: Infinity }).expected).toBe('a whole number from 0 on, or Infinity');
  });
});

describe('the small ones', () => {
  it('boolean takes true and false, nothing that means them', () => {
    expect([true, false, 1, 0, 'true', null].map((value) => accepts(boolean, value))).toEqual([
      ...[true, true],
      ...[false, false, false, false],
    ]);
  });

  it('func takes functions and classes', () => {
    expect([() => 1, Map, {}, 'f'].map((value) => accepts(func, value))).toEqual([true, true, false, false]);
  });

  it('literal takes one value', () => {
    expect([false, 0, null, undefined].map((value) => accepts(literal(false), value))).toEqual([
      ...[true, false, false, false],
    ]);
    expect(literal('x').expected).toBe('"x"');
  });

  it('string takes what passes its test', () => {
    const upper = string('capitals', (value) => /^[A-Z]+$/.test(value));
    expect(['AB', 'ab', '', 1, new String('AB')].map((value) => accepts(upper, value))).toEqual([
      ...[true, false, false, false, false],
    ]);
  });

  it('oneOf takes the names and no others', () => {
    expect(['open', 'OPEN', '', 0, undefined].map((value) => accepts(oneOf('open', 'closed'), value))).toEqual([
      ...[true, false, false, false, false],
    ]);
  });
});

describe('either', () => {
  const schema = either(literal(false), string(), list(string()), limits);

  it('takes each alternative', () => {
    for (const value of [false, 'a', ['a'], { windowMs: 1 }]) expect(accepts(schema, value)).toBe(true);
  });

  it('tells all alternatives where the value is of no kind', () => {
    expect(faultsOf(true, schema)).toEqual([
      {
        path: 'options',
        message:
          'got true, expected false, or a string that is not empty, or a list of at least 1: a string that is not empty, ' +
          'or an object with windowMs, limit',
      },
    ]);
  });

  it('tells the inner faults where the kind is right', () => {
    expect(pathsOf(['a', 1], schema)).toEqual(['[1]']);
    expect(pathsOf({ windowMs: 0 }, schema)).toEqual(['windowMs']);
  });

  it('works nested in itself', () => {
    const nested = either(boolean, either(func, object({ a: integer() })));
    expect(pathsOf({ a: -1 }, nested)).toEqual(['a']);
    expect(accepts(nested, () => undefined)).toBe(true);
  });
});

describe('nearestName', () => {
  const names = ['windowMs', 'limit', 'standardHeaders', 'resetTimeout', 'path'];

  it.each([
    ['windwoMs', 'windowMs'],
    ['windowms', 'windowMs'],
    ['WINDOWMS', 'windowMs'],
    ['window', 'windowMs'],
    ['limits', 'limit'],
    ['limt', 'limit'],
    ['standardHeader', 'standardHeaders'],
    ['standartHeadres', 'standardHeaders'],
    ['resetTimeoutMs', 'resetTimeout'],
    ['paht', 'path'],
  ])('finds in %s %s', (name, nearest) => {
    expect(nearestName(name, names)).toBe(nearest);
  });

  it.each([['colour'], ['__proto__'], ['constructor'], ['maxRequestsPerSecond']])('finds nothing near %s', (name) => {
    expect(nearestName(name, names)).toBeNull();
  });

  it('finds nothing among no names', () => {
    expect(nearestName('limit', [])).toBeNull();
  });

  it('takes the nearest of several, and the first of two as near', () => {
    expect(nearestName('limit', ['limits', 'limit'])).toBe('limit');
    expect(nearestName('limit', ['limita', 'limitb'])).toBe('limita');
  });
});

describe('member', () => {
  it.each([
    ['', 'a', 'a'],
    ['a', 'b', 'a.b'],
    ['a[0]', '$b_1', 'a[0].$b_1'],
    ['a', 'b-c', 'a["b-c"]'],
    ['', 'b c', '["b c"]'],
    ['a', '1', 'a["1"]'],
    ['a', '', 'a[""]'],
    ['a', 'b"\n', 'a["b\\"\\n"]'],
  ])('%j and %j: %s', (path, name, expected) => {
    expect(member(path, name)).toBe(expected);
  });
});

describe('show', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['line\nbreak', '"line\\nbreak"'],
    [7, '7'],
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [7n, '7'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 'hunter2', 'a function'],
    [[], 'an empty list'],
    [['hunter2'], 'a list of 1'],
    [{ secret: 'hunter2' }, 'an object'],
    [Object.create(null), 'an object'],
    [new Error('hunter2'), 'an object'],
  ])('%s', (value, text) => {
    expect(show(value)).toBe(text);
  });

  it('cuts long text', () => {
    expect(show('x'.repeat(60))).toHaveLength(62);
    expect(show('x'.repeat(61))).toBe(`"${'x'.repeat(57)}..."`);
    expect(show('x'.repeat(1_000_000))).toHaveLength(62);
  });

  it.each([
    ['http://ada:hunter2@users.test/'],
    ['redis://:hunter2@cache.test:6379'],
    ['postgres://ada:hunter2@db.test/x?sslmode=off'],
    ['//ada:hunter2@users.test'],
    ['http://hunter2@users.test'],
  ])('leaves the user information of %s out', (url) => {
    expect(show(url)).not.toContain('hunter2');
    expect(show(url)).not.toContain('ada');
    expect(show(url)).toContain('.test');
  });

  it.each([
    ['http://ada:p@hunter2@users.test/', 'an @ in the password'],
    ['http://a:x@one.test,http://ada:hunter2@two.test', 'a second URL'],
    ['http:\\\\ada:hunter2@users.test', 'backslashes, as URL takes them'],
  ])('leaves the user information of %s out (%s)', (url) => {
    expect(show(url)).not.toContain('hunter2');
  });
});

describe('milliseconds', () => {
  it.each([1, 2 ** 31 - 1])('takes %i, which a timer can wait for', (value) => {
    expect(milliseconds().accepts(value)).toBe(true);
  });

  it.each([0, 0.5, -1, 2 ** 31, Infinity, Number.NaN, '5'])('does not take %s', (value) => {
    expect(milliseconds().accepts(value)).toBe(false);
  });

  it('takes Infinity where it may be endless, and 0 where that is the least', () => {
    expect(milliseconds({ endless: true }).accepts(Infinity)).toBe(true);
    expect(milliseconds({ endless: true }).accepts(2 ** 31)).toBe(false);
    expect(milliseconds({ min: 0 }).accepts(0)).toBe(true);
  });
});
