import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import { TokenSigner, type TokenSignerOptions } from '../../../src/auth/jwt/token-signer.js';
import { ConfigError } from '../../../src/core/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { KEYS, NOW, SECRET } from './support.js';

const options: TokenSignerOptions = { secret: SECRET, expiresInMs: 60_000 };

function claimsOf(given: Partial<TokenSignerOptions>, claims: object = { sub: 'u1' }, perToken = {}) {
  const signer = new TokenSigner({ ...options, clock: new FakeClock(), ...given });
  return decodeJwt(signer.sign(claims as Record<string, unknown>, perToken));
}

describe('TokenSigner', () => {
  it('writes iss, aud, iat, exp and a jti', () => {
    const claims = claimsOf({ issuer: 'shop', audience: ['a', 'b'], tokenId: () => 'id-1' });
    expect(claims).toEqual({ sub: 'u1', iss: 'shop', aud: ['a', 'b'], iat: NOW, exp: NOW + 60, jti: 'id-1' });
  });

  it('leaves out what it is not given, and gives every token a jti of its own', () => {
    const [first, second] = [claimsOf({}), claimsOf({})];
    expect(Object.keys(first).sort()).toEqual(['exp', 'iat', 'jti', 'sub']);
    expect(first.jti).toMatch(/^[\da-f]{8}-[\da-f]{4}-4/);
    expect(first.jti).not.toBe(second.jti);
  });

  it('keeps a jti of the claims', () => {
    expect(claimsOf({}, { jti: 'mine' }).jti).toBe('mine');
  });

  it('has times of whole seconds, never later than it promises', () => {
    const clock = new FakeClock();
    clock.advance(900);
    expect(claimsOf({ clock, expiresInMs: 1_050 })).toMatchObject({ iat: NOW, exp: NOW + 1 });
    expect(claimsOf({ clock, expiresInMs: 1_100 })).toMatchObject({ iat: NOW, exp: NOW + 2 });
  });

  it('takes another time for one token', () => {
    expect(claimsOf({}, {}, { expiresInMs: 5_000 })).toMatchObject({ exp: NOW + 5 });
    for (const expiresInMs of [0, 999, Number.NaN, Infinity, '5000'])
      expect(() => claimsOf({}, {}, { expiresInMs })).toThrow(ConfigError);
  });

  it.each(['iss', 'aud', 'iat', 'nbf', 'exp'])('refuses claims that have %s: it may come from outside', (name) => {
    expect(() => claimsOf({}, { [name]: 'x' })).toThrow(`the claim ${name} is the signer's to write`);
  });

  it('signs __proto__ as a claim like any other', () => {
    const claims = JSON.parse('{"sub":"u1","__proto__":{"exp":1},"constructor":"c"}') as Record<string, unknown>;
    const token = new TokenSigner({ ...options, clock: new FakeClock() }).sign(claims);
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    expect(payload).toContain('"__proto__":{"exp":1},"constructor":"c"');
    expect(payload).toContain(`"exp":${NOW + 60}`);
  });

  it.each([
    ['HS256', { secret: SECRET }],
    ['HS256', { secret: Buffer.from(SECRET).toString('base64'), secretIsBase64: true }],
    ['HS256', { secret: createSecretKey(Buffer.from(SECRET)) }],
    ['RS256', { privateKey: KEYS.RS256.signing }],
    ['ES384', { privateKey: KEYS.ES384.signing }],
    ['EdDSA', { privateKey: KEYS.EdDSA.signing }],
    ['RS256', { privateKey: (KEYS.RS256.signing as KeyObject).export({ type: 'pkcs8', format: 'pem' }) as string }],
    ['ES256', { privateKey: (KEYS.ES256.signing as KeyObject).export({ format: 'jwk' }) }],
  ] as const)('signs with %s where no other algorithm is named', (alg, key) => {
    const signer = new TokenSigner({ ...(key as object), expiresInMs: 1_000 });
    expect(decodeProtectedHeader(signer.sign({ sub: 'u1' }))).toEqual({ alg, typ: 'JWT' });
  });

  it('names its key: by option, or as the JWK does', () => {
    const jwk = { ...(KEYS.RS256.signing as KeyObject).export({ format: 'jwk' }), kid: 'jwk-1', alg: 'PS384' };
    const signed = (given: object) => decodeProtectedHeader(new TokenSigner({ expiresInMs: 1_000, ...given }).sign({}));
    expect(signed({ privateKey: jwk })).toEqual({ alg: 'PS384', typ: 'JWT', kid: 'jwk-1' });
    expect(signed({ privateKey: jwk, kid: 'mine' })).toMatchObject({ kid: 'mine' });
    expect(signed({ secret: SECRET, kid: 'k1' })).toMatchObject({ kid: 'k1' });
  });

  it('makes tokens that jwt accepts, for as long as they are good', async () => {
    const clock = new FakeClock();
    const signer = new TokenSigner({ ...options, issuer: 'shop', audience: 'orders', kid: 'k1', clock });
    const strategy = jwt({ keys: [{ kid: 'k1', secret: SECRET }], issuer: 'shop', audience: 'orders', clock });
    const ctx = fakeContext({ headers: { authorization: `Bearer ${signer.sign({ sub: 'u1' })}` } });
    expect(await strategy.authenticate(ctx)).toMatchObject({ id: 'u1' });
    clock.advance(60_000);
    expect(await strategy.authenticate(ctx)).toMatchObject({ failure: 'invalid' });
  });

  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;

  it.each([
    ['no key', { secret: undefined }, 'needs secret or privateKey, and only one of them'],
    ['two keys', { privateKey: KEYS.RS256.signing }, 'needs secret or privateKey, and only one of them'],
    [
      'a weak secret',
      { secret: 'hunter2' },
      'secret: has 56 bits and needs 256; make one with: openssl rand -base64 32',
    ],
    [
      'an algorithm that needs more',
      { secret: 'x'.repeat(32), algorithm: 'HS512' },
      'algorithm: HS512 does not fit the key',
    ],
    ['none', { algorithm: 'none' }, 'algorithm: got "none"'],
    ['a weak RSA key', { secret: undefined, privateKey: rsa1024 }, 'privateKey: is an RSA key that is too weak'],
    [
      'a public key',
      { secret: undefined, privateKey: KEYS.RS256.verifying },
      'privateKey: is a public key, expected a private one',
    ],
    [
      'a public JWK',
      { secret: undefined, privateKey: (KEYS.RS256.verifying as KeyObject).export({ format: 'jwk' }) },
      'privateKey: is no JWK of a private key',
    ],
    [
      'a JWK whose alg it cannot do',
      {
        secret: undefined,
        privateKey: { ...(KEYS.RS256.signing as KeyObject).export({ format: 'jwk' }), alg: 'ES256' },
      },
      'privateKey: has an alg that it cannot sign with',
    ],
    [
      'a private PEM as secret',
      { secret: (KEYS.RS256.signing as KeyObject).export({ type: 'pkcs8', format: 'pem' }) },
      'secret: is a PEM',
    ],
    ['text as private key', { secret: undefined, privateKey: 'hunter2' }, 'privateKey: is no PEM of a private key'],
    [
      'secretIsBase64 beside a private key',
      { secret: undefined, privateKey: KEYS.RS256.signing, secretIsBase64: false },
      'secretIsBase64: has no effect without secret',
    ],
    ['no expiresInMs', { expiresInMs: undefined }, 'expiresInMs: missing'],
    ['less than a second', { expiresInMs: 999 }, 'expiresInMs: got 999'],
  ])('refuses %s, and shows none of it', (_, given, message) => {
    const make = () => new TokenSigner({ ...options, ...given } as TokenSignerOptions);
    expect(make).toThrow(message);
    expect(make).not.toThrow('hunter2');
  });

  it('takes an encrypted key as a KeyObject alone', () => {
    const pem = (KEYS.ES256.signing as KeyObject).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    }) as string;
    expect(() => new TokenSigner({ privateKey: pem, expiresInMs: 1_000 })).toThrow(
      'give an encrypted one as a KeyObject',
    );
    expect(
      () => new TokenSigner({ privateKey: createPrivateKey({ key: pem, passphrase: 'open' }), expiresInMs: 1_000 }),
    ).not.toThrow();
  });
});
