import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../../src/auth/session/options.js';
import { session } from '../../../src/auth/session/session.js';
import { ConfigError } from '../../../src/core/options.js';

const secrets = 'a-secret-of-at-least-thirty-two-bytes';
const lookup = (): null => null;

function errorOf(options: unknown): ConfigError | null {
  try {
    session(options as SessionOptions);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
}

describe('session starts', () => {
  it.each<[string, object]>([
    ['with a secret', { secrets }],
    ['with a secret of 32 bytes in fewer characters', { secrets: 'ä'.repeat(16) }],
    ['with several secrets', { secrets: [secrets, `${secrets}-older`] }],
    ['with a __Secure- cookie below a path', { secrets, cookie: '__Secure-sid', path: '/app', domain: 'a.test' }],
    ['with a __Host- cookie of its own', { secrets, cookie: '__Host-sid' }],
    ['with a cookie for other sites', { secrets, sameSite: 'none' }],
    ['with a lookup', { lookup, cookie: 'connect.sid', cacheTtlMs: 0, trustedOrigins: ['http://localhost:3000'] }],
  ])('%s', (_case, options) => {
    expect(errorOf(options)?.message).toBe(undefined);
  });
});

describe('session does not start', () => {
  it.each<[string, object, string[]]>([
    ['without anything', {}, ['secrets']],
    ['with a secret of 31 bytes', { secrets: 'x'.repeat(31) }, ['secrets']],
    ['with a secret that is no text', { secrets: Buffer.alloc(64) }, ['secrets']],
    ['with no secrets', { secrets: [] }, ['secrets']],
    ['with a weak one among its secrets', { secrets: [secrets, 'weak', 5] }, ['secrets[1]', 'secrets[2]']],
    ['with sameSite none over http', { secrets, sameSite: 'none', secure: false }, ['sameSite']],
    ['with a __Host- cookie over http', { secrets, cookie: '__Host-sid', secure: false }, ['cookie']],
    ['with a __Host- cookie below a path', { secrets, cookie: '__host-sid', path: '/app' }, ['cookie']],
    ['with a __Host- cookie of a domain', { secrets, cookie: '__Host-sid', domain: 'a.test' }, ['cookie']],
    ['with a __Secure- cookie over http', { secrets, cookie: '__Secure-sid', secure: false }, ['cookie']],
    ['with a cache of nothing', { secrets, cacheTtlMs: 5, cacheSize: 5 }, ['cacheTtlMs', 'cacheSize']],
    ['with a lookup and no name of a cookie', { lookup }, ['cookie']],
    ['with a lookup and secrets', { lookup, cookie: 'sid', secrets, maxAgeMs: 5 }, ['secrets', 'maxAgeMs']],
    [
      'with values out of range, all of which are told at once',
      {
        secrets,
        cookie: 'a b',
        maxAgeMs: 0,
        path: 'app',
        domain: 'a.test;',
        sameSite: 'Lax',
        trustedOrigins: ['https://a.test/', 'null', 'https://A.test', 'file:///'],
        maxAge: 5,
      },
      [
        'cookie',
        'maxAgeMs',
        'path',
        'domain',
        'sameSite',
        'trustedOrigins[0]',
        'trustedOrigins[1]',
        'trustedOrigins[2]',
        'trustedOrigins[3]',
        'maxAge',
      ],
    ],
  ])('%s', (_case, options, paths) => {
    expect(errorOf(options)?.faults.map(({ path }) => path)).toEqual(paths);
  });

  it('and shows no secret', () => {
    for (const weak of ['planted', ['planted', 73312], 73312, { planted: 1 }])
      expect(errorOf({ secrets: weak })?.message).toMatch(/^(?!.*(?:planted|73312))/s);
  });
});
