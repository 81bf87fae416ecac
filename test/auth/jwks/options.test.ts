import { describe, expect, it } from 'vitest';
import { jwks } from '../../../src/auth/jwt/jwks.js';
import { inspectJwksOptions, type JwksOptions } from '../../../src/auth/jwt/jwks-options.js';
import { ConfigError, type Fault } from '../../../src/core/options.js';
import { FakeClock } from '../../support/fake-clock.js';

const uri = 'https://login.test/keys';

function faultsOf(options: unknown): string[] {
  try {
    jwks(options as JwksOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('the options of jwks', () => {
  it.each<[string, unknown]>([
    ['a uri', { uri }],
    ['an issuer', { discoverFrom: 'https://login.test/realms/shop' }],
    ['http on loopback', { uri: 'http://127.0.0.1:3000/keys' }],
    ['http on localhost', { discoverFrom: 'http://localhost:3000' }],
    ['http elsewhere where it is allowed', { uri: 'http://login/keys', allowHttp: true }],
    ['the least times', { uri, refreshMs: 1, cooldownMs: 1, staleMs: 1, timeoutMs: 1 }],
    [
      'everything',
      {
        ...{ uri, algorithms: ['RS256', 'EdDSA'], maxKeys: 1, refreshMs: 60_000, cooldownMs: 60_000, staleMs: 60_000 },
        ...{ allowHttp: false, onOutage: () => 0, clock: new FakeClock(), timeoutMs: 1, maxResponseBytes: 1, fetch },
      },
    ],
  ])('may be %s', (_case, options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['uri: missing, expected an https URL']],
    ['no options', undefined, ['options: got undefined']],
    ['both', { uri, discoverFrom: uri }, ['options: uri and discoverFrom both']],
    ['no URL', { uri: 'login.test' }, ['uri: got "login.test"']],
    ['a URL object', { uri: new URL(uri) }, ['uri: got an object']],
    ['another scheme', { uri: 'file:///keys', allowHttp: true }, ['uri: got "file:///keys"']],
    ['http', { uri: 'http://login.test/keys' }, ['uri: is http beyond loopback']],
    ['http where it is forbidden', { discoverFrom: 'http://login.test', allowHttp: false }, ['discoverFrom: is http']],
    ['an issuer with a query', { discoverFrom: 'https://login.test?a=b' }, ['discoverFrom: got']],
    ['an issuer with a fragment', { discoverFrom: 'https://login.test#a' }, ['discoverFrom: got']],
    ['a secret key algorithm', { uri, algorithms: ['RS256', 'HS256'] }, ['algorithms[1]: got "HS256"']],
    ['no algorithm', { uri, algorithms: [] }, ['algorithms: got an empty list']],
    ['none', { uri, algorithms: ['none'] }, ['algorithms[0]: got "none"']],
    [
      'zeros',
      { uri, maxKeys: 0, refreshMs: 0, cooldownMs: 0, staleMs: 0 },
      ['maxKeys: got 0', 'refreshMs: got 0', 'cooldownMs: got 0', 'staleMs: got 0'],
    ],
    ['a short refresh', { uri, refreshMs: 29_999 }, ['refreshMs: is 29999, below cooldownMs, 30000']],
    ['keys stale before they are due', { uri, staleMs: 599_999 }, ['staleMs: is 599999, below refreshMs, 600000']],
    ['numbers as texts', { uri, timeoutMs: '5' }, ['timeoutMs: got "5"']],
    ['a slip', { uri, cooldown: 5 }, ['cooldown: unknown option; did you mean cooldownMs?']],
    ['two mistakes', { maxKeys: 0.5 }, ['maxKeys: got 0.5', 'uri: missing']],
  ])('must not be %s', (_case, options, faults) => {
    expect(faultsOf(options)).toEqual(faults.map((fault) => expect.stringMatching(literally(fault)) as string));
  });

  it('show no password of a URL', () => {
    expect(faultsOf({ uri: 'https://ada:s3cret@login.test' }).join()).not.toContain('s3cret');
  });

  it('can be inspected as a part of others', () => {
    const faults: Fault[] = [];
    inspectJwksOptions({ uri: 'http://login.test', refreshMs: 5 }, 'routes[2].auth.jwks', faults);
    expect(faults.map(({ path }) => path)).toEqual(['routes[2].auth.jwks.uri', 'routes[2].auth.jwks.refreshMs']);
  });
});

function literally(start: string): RegExp {
  return new RegExp(`^${start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
}
