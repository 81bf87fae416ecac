import { describe, expect, it } from 'vitest';
import { JwksKeys } from '../../../src/auth/jwt/jwks.js';
import type { JwksOptions } from '../../../src/auth/jwt/jwks-options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { ecJwk, FakeIssuer, jsonAnswer } from './fake-issuer.js';

const ISSUER = 'https://login.test/realms/shop';
const CONFIGURATION = `${ISSUER}/.well-known/openid-configuration`;
const KEYS = 'https://keys.test/shop.json';

function setUp(configuration: unknown, options: Partial<JwksOptions> = {}) {
  const clock = new FakeClock();
  const issuer = new FakeIssuer(ecJwk('a'));
  issuer.answer = (url) => jsonAnswer(url.includes('.well-known') ? configuration : { keys: issuer.keys });
  const onOutage = (): void => undefined;
  const keys = new JwksKeys({ discoverFrom: ISSUER, fetch: issuer.fetch, clock, onOutage, ...options });
  return { clock, issuer, keys };
}

describe('discovery', () => {
  it('finds the keys where the configuration of the issuer says', async () => {
    const { issuer, keys } = setUp({ issuer: ISSUER, jwks_uri: KEYS });
    expect(await keys.find('a', 'ES256')).toHaveLength(1);
    expect(issuer.asked).toEqual([CONFIGURATION, KEYS]);
  });

  it.each([
    ['https://login.test', 'https://login.test/.well-known/openid-configuration'],
    ['https://login.test/', 'https://login.test/.well-known/openid-configuration'],
    ['https://login.test/a/', 'https://login.test/a/.well-known/openid-configuration'],
  ])('asks for the configuration of %s without a doubled slash', async (discoverFrom, url) => {
    const { issuer, keys } = setUp({ issuer: discoverFrom, jwks_uri: KEYS }, { discoverFrom });
    expect(await keys.find('a', 'ES256')).toHaveLength(1);
    expect(issuer.asked[0]).toBe(url);
  });

  it('follows keys that have moved', async () => {
    const configuration = { issuer: ISSUER, jwks_uri: KEYS };
    const { clock, issuer, keys } = setUp(configuration);
    await keys.find('a', 'ES256');
    configuration.jwks_uri = 'https://keys.test/moved.json';
    clock.advance(600_000);
    expect(keys.version).toBe(1);
    await clock.advanceAsync(0);
    expect(issuer.asked.slice(2)).toEqual([CONFIGURATION, 'https://keys.test/moved.json']);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'another issuer',
      { issuer: 'https://evil.test', jwks_uri: KEYS },
      /issuer "https:\/\/evil.test", not of "https:\/\/login.test\/realms\/shop"$/,
    ],
    ['the same with a slash', { issuer: `${ISSUER}/`, jwks_uri: KEYS }, /of issuer /],
    ['no issuer', { jwks_uri: KEYS }, /issuer undefined/],
    ['an issuer that is no text', { issuer: [ISSUER], jwks_uri: KEYS }, /issuer a list/],
    ['an issuer that it inherits', { ['__proto__']: { issuer: ISSUER }, jwks_uri: KEYS }, /issuer undefined/],
    ['no jwks_uri', { issuer: ISSUER }, /jwks_uri is not secure: undefined$/],
    ['jwks_uri without TLS', { issuer: ISSUER, jwks_uri: 'http://keys.test/a' }, /not secure: "http:/],
    [
      'jwks_uri with a password',
      { issuer: ISSUER, jwks_uri: 'https://a:s3cret@keys.test' },
      /not secure: "https:\/\/\*\*\*@/,
    ],
    ['jwks_uri that is a file', { issuer: ISSUER, jwks_uri: 'file:///etc/keys' }, /not secure/],
    ['a relative jwks_uri', { issuer: ISSUER, jwks_uri: '/keys' }, /not secure/],
    ['a list', [], /issuer undefined/],
    ['a text', 'issuer', /no JSON object$/],
  ])('takes no configuration with %s, and asks for no keys', async (_case, configuration, reason) => {
    const { issuer, keys } = setUp(configuration);
    const found = await keys.find('a', 'ES256');
    expect(found).toMatchObject({ failure: 'unavailable', reason: expect.stringMatching(reason) as string });
    expect(found).not.toMatchObject({ reason: expect.stringContaining('s3cret') as string });
    expect(issuer.asked).toEqual([CONFIGURATION]);
  });

  it('takes http beyond loopback with allowHttp, and nothing worse', async () => {
    const discoverFrom = 'http://login.test';
    const inside = setUp({ issuer: discoverFrom, jwks_uri: 'http://keys.test/a' }, { discoverFrom, allowHttp: true });
    expect(await inside.keys.find('a', 'ES256')).toHaveLength(1);
    const other = setUp({ issuer: discoverFrom, jwks_uri: 'ftp://keys.test/a' }, { discoverFrom, allowHttp: true });
    expect(await other.keys.find('a', 'ES256')).toMatchObject({ failure: 'unavailable' });
  });

  it('fails as fetching keys does, within the same limits', async () => {
    const { clock, issuer, keys } = setUp({});
    issuer.hold();
    const waiting = keys.find('a', 'ES256');
    await clock.advanceAsync(5_000);
    expect(await waiting).toMatchObject({ reason: 'no keys from https://login.test: no answer within 5000 ms' });
    expect(clock.pending).toBe(0);
  });
});
