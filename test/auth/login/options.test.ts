import { describe, expect, it } from 'vitest';
import { login } from '../../../src/auth/login/login.js';
import type { LoginOptions } from '../../../src/auth/login/options.js';
import { ConfigError } from '../../../src/core/options.js';

const verify = () => null;
const sign = () => 'token';
const SECRET = 'planted, and long enough to sign with';

/** The faults of options, one line each. */
function faultsOf(options: unknown): string[] {
  try {
    login(options as LoginOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain('planted');
    return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('options of login', () => {
  it.each<[string, object]>([
    ['a function for each', { verify, sign }],
    ['a service and a secret', { upstream: 'http://users:3001/users/validate?x=1', sign: { secret: SECRET } }],
    ['a service and its limits', { upstream: 'https://users/', sign, timeoutMs: 5, maxResponseBytes: 5, fetch }],
    ['refresh tokens', { verify, sign, refresh: { expiresInMs: 1_000, maxLifetimeMs: 1_000, reload: verify } }],
    ['limits', { verify, sign, rateLimits: [{ limit: 5 }] }],
    ['what is undefined', { verify, sign, refresh: undefined, upstream: undefined }],
  ])('are right with %s', (_case, options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it('are told with every fault at once', () => {
    expect(faultsOf({ verfy: verify, maxBodyBytes: 0, refresh: { expireInMs: 5, store: {} }, realm: 'a"b' })).toEqual([
      expect.stringMatching(/^verfy: unknown option; did you mean verify\?/),
      expect.stringMatching(/^maxBodyBytes: got 0/),
      expect.stringMatching(/^refresh.expireInMs: unknown option; did you mean expiresInMs\?/),
      expect.stringMatching(/^refresh.store: got an object, expected a store/),
      expect.stringMatching(/^realm: got/),
      expect.stringMatching(/^sign: missing/),
      'options: needs verify or upstream, and only one of them',
    ]);
  });

  it.each<[string, object, string | RegExp]>([
    ['both ways to check', { verify, upstream: 'http://u/', sign }, /^options: needs verify or upstream/],
    ['a service without a URL', { upstream: 'users:3001', sign }, /^upstream: expected an http:\/\/ or/],
    ['a service of a file', { upstream: 'file:///etc/passwd', sign }, /^upstream: /],
    ['a URL with a password', { upstream: 'http://ada:planted@users/', sign }, /^upstream: /],
    ['limits of no service', { verify, sign, timeoutMs: 5 }, 'timeoutMs: has no effect without upstream'],
    ['one name for both', { verify, sign, fields: { user: 'password' } }, /^fields: user and password must have/],
    ['a name with a dot', { verify, sign, fields: { user: 'user.email' } }, /^fields.user: /],
    ['an empty name', { verify, sign, fields: { password: '' } }, /^fields.password: /],
    ['no key', { verify, sign: {} }, /^sign: needs secret or privateKey/],
    ['a weak secret', { verify, sign: { secret: 'planted' } }, /^sign.secret: /],
    ['an unknown option of the signer', { verify, sign: { secret: SECRET, isuer: 'x' } }, /^sign.isuer: unknown/],
    [
      'a time inside of sign',
      { verify, sign: { secret: SECRET, expiresInMs: 5_000 } },
      "sign.expiresInMs: belongs beside sign, as login's expiresInMs",
    ],
    ['a secret in the place of sign', { verify, sign: 5 }, /^sign: expected a function, or the options/],
    ['a time in seconds', { verify, sign, expiresInMs: 900 }, /^expiresInMs: got 900/],
    ['a time of 11 years', { verify, sign, refresh: { expiresInMs: 11 * 365 * 86_400_000 } }, /^refresh.expiresInMs/],
    [
      'a lifetime below that of one token',
      { verify, sign, refresh: { expiresInMs: 60_000, maxLifetimeMs: 50_000 } },
      'refresh.maxLifetimeMs: is 50000, below expiresInMs, 60000',
    ],
    ['a session that cannot be ended', { verify, sign, session: { create: sign } }, /^session: /],
    ['limits that are none', { verify, sign, rateLimits: true }, /^rateLimits: /],
    ['a clock of refresh of its own', { verify, sign, refresh: { clock: 5 } }, /^refresh.clock: unknown option/],
  ])('are refused: %s', (_case, options, fault) => {
    expect(faultsOf(options)).toEqual([typeof fault === 'string' ? fault : expect.stringMatching(fault)]);
  });

  it.each([undefined, null, 5, 'x', []])('are refused where they are %j', (options) => {
    expect(faultsOf(options)).toHaveLength(1);
  });
});
