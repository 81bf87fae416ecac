import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { transform, type TransformOptions } from '../../src/transforms/index.js';
import { templateParams } from '../../src/transforms/template-params.js';

function faultsOf(options: unknown): Record<string, string> {
  try {
    transform(options as TransformOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return Object.fromEntries((error as ConfigError).faults.map(({ path, message }) => [path, message]));
  }
  return {};
}

const add = (key: string, value: unknown = 'x'): object => ({ type: 'add-header', key, value });

describe('the options of transform', () => {
  it.each([
    {},
    { request: [], response: [] },
    { request: { remove: { headers: ['a'], query: ['b'], body: ['c', 'd.*.e'] } } },
    { request: add('X-Trace'), response: add('Host') },
    { request: { type: 'rewrite-path', key: '^/api', value: '' } },
    { request: { add: { body: { a: null, b: [1, { c: false }], __proto__: 1 } } }, maxBodyBytes: 1 },
    { response: [() => undefined, { body: () => 1 }, { bytes: () => 'x', types: ['text/*', 'a/b+c'] }] },
  ])('start: %j', (options) => {
    expect(faultsOf(options)).toEqual({});
  });

  it.each<[string, unknown, string, string | RegExp]>([
    ['an unknown option', { requests: [] }, 'requests', 'did you mean request?'],
    ['what is no transform', { request: ['x'] }, 'request[0]', 'expected a rule'],
    ['verbs without any', { request: {} }, 'request', 'says nothing to do'],
    ['an unknown verb', { request: { delete: {} } }, 'request.delete', 'unknown option'],
    ['an unknown type', { request: { type: 'add-heder' } }, 'request.type', "one of 'add-header'"],
    ['a path of answers', { response: { type: 'rewrite-path', value: '/' } }, 'response.type', "one of 'add-header'"],
    ['a query of answers', { response: { remove: { query: ['a'] } } }, 'response.remove.query', 'unknown option'],
    ['no value', { request: { type: 'add-header', key: 'a' } }, 'request.value', 'missing'],
    ['an empty value', { request: add('a', '') }, 'request.value', 'expected the value of a header field'],
    [
      'a value too many',
      { request: { type: 'remove-header', key: 'a', value: 'b' } },
      'request.value',
      'unknown option',
    ],
    ['no field name', { request: add('a b') }, 'request.key', 'a header field name'],
    ['a value with a line break', { request: add('a', 'a\r\nb') }, 'request.value', 'no header field can have'],
    ['an unknown template', { response: add('a', '{parms.id}') }, 'response.value', 'did you mean {params.id}?'],
    ['a deep one', { request: { add: { body: { a: [{ b: '{x}' }] } } } }, 'request.add.body.a[0].b', 'names nothing'],
    ['one in a query', { request: { add: { query: { a: '{x}' } } } }, 'request.add.query.a', 'names nothing'],
    ['no JSON', { request: { add: { body: { a: { b: 1n } } } } }, 'request.add.body.a', 'JSON can carry'],
    ['a function in JSON', { request: { add: { body: { a: [vi.fn()] } } } }, 'request.add.body.a[0]', 'JSON can carry'],
    ['no number', { request: { add: { body: { a: NaN } } } }, 'request.add.body.a', 'JSON can carry'],
    ['a path of a body that ends with *', { response: { omit: ['a.*'] } }, 'response.omit[0]', 'ends with a name'],
    ['an empty name in one', { response: { pick: ['a..b'] } }, 'response.pick[0]', 'ends with a name'],
    ['a path for a new name', { request: { rename: { body: { a: 'b.c' } } } }, 'request.rename.body.a', 'without dots'],
    ['a slow pattern', { request: { type: 'rewrite-path', key: '(a+)+', value: '/' } }, 'request.key', 'slow'],
    ['no pattern', { request: { type: 'rewrite-path', key: '(', value: '/' } }, 'request.key', 'no regular expression'],
    ['half a path', { request: { type: 'rewrite-path', value: 'a' } }, 'request.value', "a path from '/' on"],
    ['a query in it', { request: { type: 'rewrite-path', value: '/a?b' } }, 'request.value', 'percent-encode'],
    ['a space in it', { request: { type: 'rewrite-path', key: 'x', value: 'a b' } }, 'request.value', 'percent-encode'],
    ['a mapping of rules', { request: { body: ['a'] } }, 'request.body', 'a function'],
    ['bytes of no type', { response: { bytes: () => 'x' } }, 'response.types', 'missing'],
    ['a type that is none', { response: { bytes: () => 'x', types: ['*'] } }, 'response.types[0]', 'a media type'],
    ['no bytes at all', { maxBodyBytes: 0 }, 'maxBodyBytes', 'whole number'],
    ['all bytes', { maxBodyBytes: Infinity }, 'maxBodyBytes', 'whole number'],
  ])('do not start with %s', (_what, options, path, message) => {
    expect(faultsOf(options)).toEqual({ [path]: expect.stringMatching(message) as string });
  });

  it.each([
    'Host',
    'content-length',
    'Connection',
    'transfer-encoding',
    'te',
    'X-Forwarded-For',
    'via',
    'x-request-id',
  ])('do not start where a request would get the field %s, in whatever way', (name) => {
    const request = [
      add(name),
      { remove: { headers: [name] }, rename: { headers: { a: name } }, append: { headers: { [name]: 'x' } } },
    ];
    expect(Object.values(faultsOf({ request }))).toEqual(Array(4).fill('is a field that the gateway writes itself'));
  });

  it('tell of all faults at once', () => {
    const options = { request: [add('Host'), { wrap: '' }], response: add('content-length', '{x}'), maxBodyBytes: '1' };
    expect(Object.keys(faultsOf(options))).toEqual([
      'request[0].key',
      'request[1].wrap',
      'response.key',
      'response.value',
      'maxBodyBytes',
    ]);
  });

  it('show nothing of a variable of the environment', () => {
    vi.stubEnv('SECRET', 's3cret\n');
    const faults = faultsOf({ request: add('a', '{env.SECRET}'), response: add('a', '{env.SECRETS}') });
    vi.unstubAllEnvs();
    expect(Object.keys(faults)).toEqual(['request.value', 'response.value']);
    expect(JSON.stringify(faults)).not.toContain('s3cret');
  });
});

describe('templateParams', () => {
  it('finds every parameter of the route with its place, and none in a pattern', () => {
    const options: TransformOptions = {
      request: [
        { type: 'rewrite-path', key: '^/{params.no}', value: '/{params.id}/{params.*}' },
        { add: { headers: { 'x-a': '{identity.id}{params.a}' }, body: { b: [{ c: '{params.c}' }] } } },
        () => undefined,
      ],
      response: { type: 'add-header', key: 'x', value: '{params.d}' },
    };
    expect(templateParams(options)).toEqual([
      { path: 'request[0].value', name: 'id' },
      { path: 'request[0].value', name: '*' },
      { path: 'request[1].add.headers["x-a"]', name: 'a' },
      { path: 'request[1].add.body.b[0].c', name: 'c' },
      { path: 'response.value', name: 'd' },
    ]);
    expect(templateParams({})).toEqual([]);
  });
});
