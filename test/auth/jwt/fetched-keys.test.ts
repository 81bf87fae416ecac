import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { ConfigError } from '../../../src/core/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { FakeIssuer, jsonAnswer } from '../jwks/fake-issuer.js';
import { KEYS, NOW } from './support.js';

const ISSUER = 'https://id.example.com/tenant';
const KEYS_URL = 'https://keys.example.com/set';
const { signing, verifying } = KEYS.ES256;
const jwk = { ...(verifying as Exclude<typeof verifying, string>).export({ format: 'jwk' }), kid: 'k1' };

function issuer(): FakeIssuer {
  const fake = new FakeIssuer(jwk);
  fake.answer = (url) =>
    url.endsWith('/.well-known/openid-configuration')
      ? jsonAnswer({ issuer: ISSUER, jwks_uri: KEYS_URL })
      : jsonAnswer({ keys: fake.keys });
  return fake;
}

function token(iss = ISSUER): Promise<string> {
  const claims = { sub: 'ada', iss, aud: 'shop', exp: NOW + 60 };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(signing as Exclude<typeof signing, string>);
}

async function ask(options: JwtOptions, text: string) {
  const strategy = jwt({ audience: 'shop', clock: new FakeClock(), ...options });
  const ctx = fakeContext({ headers: { authorization: `Bearer ${text}` } });
  const result = await strategy.authenticate(ctx);
  strategy.close?.();
  return result;
}

describe('jwt with keys that are fetched', () => {
  it('takes the options of a key set', async () => {
    const { fetch, asked } = issuer();
    expect(await ask({ jwks: { uri: KEYS_URL, fetch } }, await token())).toMatchObject({ id: 'ada' });
    expect(asked).toEqual([KEYS_URL]);
  });

  it('finds the keys of an issuer, whose name tokens must have', async () => {
    const { fetch, asked } = issuer();
    const fetched = { jwks: { discoverFrom: ISSUER, fetch } };
    expect(await ask(fetched, await token())).toMatchObject({ id: 'ada' });
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, KEYS_URL]);
    expect(await ask({ ...fetched, issuer: ISSUER }, await token('https://else.example.com'))).toMatchObject({
      failure: 'invalid',
    });
  });

  it.each<[string, JwtOptions, string]>([
    ['jwks, a URL that is not secure', { jwks: 'http://id.example.com/keys' }, 'jwks: is http beyond loopback'],
    ['jwks, no URL', { jwks: 'keys' }, 'jwks: expected an https URL'],
    ['oidc, a URL that is not secure', { oidc: 'http://id.example.com' }, 'oidc: is http beyond loopback'],
    ['oidc, a URL with a query', { oidc: 'https://id.example.com?a=b' }, 'oidc: expected an https URL'],
    ['jwks, its options', { jwks: { uri: KEYS_URL, cooldownMs: 0 } }, 'jwks.cooldownMs: got 0'],
    ['jwks, a misspelt option', { jwks: { url: KEYS_URL } as never }, 'jwks.url: unknown option; did you mean uri?'],
    ['two of them', { jwks: KEYS_URL, oidc: ISSUER }, 'got jwks, oidc'],
  ])('refuses %s', (_name, options, message) => {
    const build = () => jwt({ audience: 'shop', ...options });
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });
});

describe('the short forms', () => {
  const real = globalThis.fetch;

  it.each<[string, JwtOptions, string[]]>([
    ['jwks, a text', { jwks: KEYS_URL }, [KEYS_URL]],
    ['oidc', { oidc: ISSUER }, [`${ISSUER}/.well-known/openid-configuration`, KEYS_URL]],
  ])('%s is where keys are fetched from', async (_name, options, urls) => {
    const { fetch, asked } = issuer();
    globalThis.fetch = fetch;
    try {
      expect(await ask(options, await token())).toMatchObject({ id: 'ada' });
      expect(asked).toEqual(urls);
    } finally {
      globalThis.fetch = real;
    }
  });

  it('oidc is the issuer, too, unless issuer says otherwise', async () => {
    const { fetch } = issuer();
    globalThis.fetch = fetch;
    try {
      const other = await token('https://else.example.com');
      expect(await ask({ oidc: ISSUER }, other)).toMatchObject({
        failure: 'invalid',
        reason: expect.stringContaining('issuer') as string,
      });
      expect(await ask({ oidc: ISSUER, issuer: 'https://else.example.com' }, other)).toMatchObject({ id: 'ada' });
    } finally {
      globalThis.fetch = real;
    }
  });
});
