import { describe, expect, it } from 'vitest';
import { introspection } from '../../../src/auth/introspection/introspection.js';
import type { IntrospectionOptions } from '../../../src/auth/introspection/options.js';
import { ConfigError } from '../../../src/core/options.js';

const URL_OF_IT = 'https://id.test/introspect';
const CLIENT = { clientId: 'gateway', clientSecret: 's' };

function errorOf(options: unknown): ConfigError | null {
  try {
    introspection(options as IntrospectionOptions);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
}

describe('introspection starts', () => {
  it.each<[string, object]>([
    ['with a client', { url: URL_OF_IT, ...CLIENT }],
    ['with header fields', { url: URL_OF_IT, headers: { 'x-api-key': 'k' } }],
    ['with a fetch that needs no header fields', { url: URL_OF_IT, headers: {}, fetch }],
    ['on loopback without TLS', { url: 'http://127.0.0.1:4000/introspect', ...CLIENT }],
    ['without TLS where it is told to', { url: 'http://id.internal/introspect', ...CLIENT, allowHttp: true }],
  ])('%s', (_case, options) => {
    expect(errorOf(options)?.message).toBe(undefined);
  });
});

describe('introspection does not start', () => {
  it.each<[string, object, string[]]>([
    ['without anything', {}, ['url', 'options']],
    ['without TLS', { url: 'http://id.internal/introspect', ...CLIENT }, ['url']],
    ['with a user in the URL', { url: 'https://u:p@id.test/', ...CLIENT }, ['url']],
    ['with another kind of URL', { url: 'file:///etc/passwd', ...CLIENT, allowHttp: true }, ['url']],
    ['with a URL that is none', { url: 42, ...CLIENT }, ['url']],
    ['without credentials', { url: URL_OF_IT }, ['options']],
    ['without the secret', { url: URL_OF_IT, clientId: 'gateway' }, ['clientSecret']],
    ['without the client', { url: URL_OF_IT, clientSecret: 's' }, ['clientId']],
    ['with an empty secret', { url: URL_OF_IT, clientId: 'gateway', clientSecret: '' }, ['clientSecret']],
    ['with both kinds of credentials', { url: URL_OF_IT, ...CLIENT, headers: { 'x-key': 'k' } }, ['options']],
    [
      'with header fields that are none',
      { url: URL_OF_IT, headers: { 'X-Key': 'k', 'x y': 'k', 'x-key': 'a\nb', 'content-type': 'text/plain' } },
      ['headers["X-Key"]', 'headers["x y"]', 'headers["x-key"]', 'headers["content-type"]'],
    ],
    [
      'with values out of range, all of which are told at once',
      {
        url: URL_OF_IT,
        ...CLIENT,
        audience: [],
        tokenTypes: [''],
        clockToleranceMs: -1,
        cacheTtlMs: 0.5,
        cacheSize: 0,
        cooldownMs: Infinity,
        timeoutMs: 0,
        idClaim: '',
        cacheTTL: 5,
      },
      [
        'audience',
        'tokenTypes[0]',
        'clockToleranceMs',
        'cacheTtlMs',
        'cacheSize',
        'cooldownMs',
        'timeoutMs',
        'idClaim',
        'cacheTTL',
      ],
    ],
  ])('%s', (_case, options, paths) => {
    expect(errorOf(options)?.faults.map(({ path }) => path)).toEqual(paths);
  });

  it('and shows no secret', () => {
    const headers = { 'x-key': 'planted\n1', 'X-Other': 'planted-2' };
    const error = errorOf({ url: URL_OF_IT, clientId: '', clientSecret: 73312, headers });
    expect(error?.faults).toHaveLength(5);
    expect(error?.message).not.toMatch(/planted|73312/);
  });
});
