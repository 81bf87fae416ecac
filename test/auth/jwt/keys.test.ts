import { createSecretKey, generateKeyPairSync, KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { TokenSigner } from '../../../src/auth/jwt/token-signer.js';
import { ConfigError } from '../../../src/core/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { KEYS, randomSecret, SECRET, tokenOf } from './support.js';

function ask(options: JwtOptions, token: string) {
  return jwt({ clock: new FakeClock(), ...options }).authenticate(
    fakeContext({ headers: { authorization: `Bearer ${token}` } }),
  );
}

const INVALID = { failure: 'invalid' };

describe('several keys', () => {
  const [oldSecret, newSecret] = [randomSecret(), randomSecret()];
  const [oldKey, newKey] = [
    { kid: 'old', secret: oldSecret },
    { kid: 'new', secret: newSecret },
  ];
  const oldToken = tokenOf({}, oldSecret, { kid: 'old' });
  const newToken = tokenOf({}, newSecret, { kid: 'new' });

  it('verify old and new tokens while they rotate, and the old no more once their key is gone', () => {
    for (const token of [oldToken, newToken])
      expect(ask({ keys: [oldKey, newKey] }, token)).toMatchObject({ id: 'u1' });
    expect(ask({ keys: [newKey] }, oldToken)).toMatchObject(INVALID);
    expect(ask({ keys: [newKey] }, newToken)).toMatchObject({ id: 'u1' });
  });

  it('are used by their name and by no other', () => {
    const misnamed = tokenOf({}, oldSecret, { kid: 'new' });
    expect(ask({ keys: [oldKey, newKey] }, misnamed)).toMatchObject(INVALID);
  });

  it('are tried in turn for a token that names none', () => {
    for (const secret of [oldSecret, newSecret])
      expect(ask({ keys: [oldKey, newKey] }, tokenOf({}, secret))).toMatchObject({ id: 'u1' });
    expect(ask({ keys: [oldKey, newKey] }, tokenOf({}, randomSecret()))).toMatchObject(INVALID);
    expect(ask({ secret: oldSecret }, tokenOf({}, oldSecret))).toMatchObject({ id: 'u1' });
  });

  it('fit every name where they have none', () => {
    const keys = [newKey, { secret: oldSecret }];
    for (const kid of ['old', 'new', 'other'])
      expect(ask({ keys }, tokenOf({}, oldSecret, { kid })), kid).toMatchObject({ id: 'u1' });
    expect(ask({ keys: [{ secret: oldSecret }, newKey] }, oldToken)).toMatchObject({ id: 'u1' });
    expect(ask({ keys }, tokenOf({}, newSecret, { kid: 'old' }))).toMatchObject(INVALID);
  });

  it('may share a name', () => {
    const keys = [oldKey, { kid: 'old', secret: newSecret }];
    for (const secret of [oldSecret, newSecret])
      expect(ask({ keys }, tokenOf({}, secret, { kid: 'old' }))).toMatchObject({ id: 'u1' });
  });

  it('are named by their JWK where the options do not', () => {
    const jwk = { ...(KEYS.RS256.verifying as KeyObject).export({ format: 'jwk' }), kid: 'from-jwk', alg: 'RS256' };
    const faultless: JwtOptions = { keys: [{ publicKey: jwk, algorithms: ['RS256'] }], audience: false };
    expect(() => jwt(faultless)).not.toThrow();
    expect(() => jwt({ ...faultless, keys: [{ publicKey: jwk, algorithms: ['RS512'] }] })).toThrow('does not fit');
    expect(() => jwt({ ...faultless, keys: [{ publicKey: { ...jwk, kid: 'k'.repeat(257) } }] })).toThrow(ConfigError);
  });

  it('have the name of their JWK, and no other fits them', async () => {
    const { signing, verifying } = KEYS.RS256 as { signing: KeyObject; verifying: KeyObject };
    const signer = (kid: string) =>
      new TokenSigner({ privateKey: signing, kid, expiresInMs: 60_000, clock: new FakeClock() });
    const options: JwtOptions = {
      keys: [{ publicKey: { ...verifying.export({ format: 'jwk' }), kid: 'from-jwk' } }],
      audience: false,
    };
    expect(await ask(options, signer('from-jwk').sign({ sub: 'u1' }))).toMatchObject({ id: 'u1' });
    expect(await ask(options, signer('other').sign({ sub: 'u1' }))).toMatchObject(INVALID);
  });

  it('do only what their own algorithms say', () => {
    const token = tokenOf({}, SECRET, { kid: 'a' });
    expect(ask({ keys: [{ kid: 'a', secret: SECRET, algorithms: ['HS256'] }] }, token)).toMatchObject({ id: 'u1' });
    expect(ask({ keys: [{ kid: 'a', secret: SECRET, algorithms: ['HS512'] }] }, token)).toMatchObject(INVALID);
    // Another key that could is none of this token's.
    const keys: JwtOptions['keys'] = [
      { kid: 'a', secret: SECRET, algorithms: ['HS512'] },
      { kid: 'b', secret: SECRET },
    ];
    expect(ask({ keys }, token)).toMatchObject(INVALID);
  });

  it('are never more than 16 that could have signed a token without a name', () => {
    const keys = Array.from({ length: 17 }, (_, index) => ({ kid: `k${index}`, secret: randomSecret() }));
    const [first = { kid: '', secret: '' }] = keys;
    expect(ask({ keys }, tokenOf({}, first.secret))).toMatchObject(INVALID);
    expect(ask({ keys }, tokenOf({}, first.secret, { kid: first.kid }))).toMatchObject({ id: 'u1' });
    expect(ask({ keys: keys.slice(0, 16) }, tokenOf({}, first.secret))).toMatchObject({ id: 'u1' });
  });

  it('give their consumer to the identity, whatever the claims say', () => {
    const keys = [{ ...oldKey, consumer: 'acme' }, newKey];
    const claims = { azp: 'somebody else' };
    expect(ask({ keys }, tokenOf(claims, oldSecret, { kid: 'old' }))).toMatchObject({ consumer: 'acme' });
    expect(ask({ keys }, tokenOf(claims, newSecret, { kid: 'new' }))).toMatchObject({ consumer: 'somebody else' });
  });
});

describe('keyClaim', () => {
  const [acme, globex] = [randomSecret(), randomSecret()];
  const options: JwtOptions = {
    keyClaim: 'iss',
    keys: [
      { kid: 'acme-key', secret: acme, consumer: 'acme' },
      { kid: 'globex-key', secret: globex, consumer: 'globex' },
    ],
  };

  it('names the key, in the place of the kid', () => {
    expect(ask(options, tokenOf({ iss: 'acme-key' }, acme))).toMatchObject({ id: 'u1', consumer: 'acme' });
    expect(ask(options, tokenOf({ iss: 'acme-key' }, acme, { kid: 'globex-key' }))).toMatchObject({ consumer: 'acme' });
    expect(ask(options, tokenOf({ iss: 'globex-key' }, acme))).toMatchObject(INVALID);
  });

  it.each([undefined, null, 7, ['acme-key'], '', '__proto__', 'constructor', '../acme-key', "' OR 1=1"])(
    'names none where it is %j',
    (iss) => {
      expect(ask(options, tokenOf({ iss }, acme, { kid: 'acme-key' }))).toMatchObject(INVALID);
    },
  );

  it('is the claim kid, or else that of the header, where it is kid', () => {
    const byKid = { ...options, keyClaim: 'kid' };
    expect(ask(byKid, tokenOf({ kid: 'acme-key' }, acme))).toMatchObject({ consumer: 'acme' });
    expect(ask(byKid, tokenOf({}, acme, { kid: 'acme-key' }))).toMatchObject({ consumer: 'acme' });
    expect(ask(byKid, tokenOf({}, acme))).toMatchObject(INVALID);
  });

  it('is read from whatever a token says, and nothing of that is believed', () => {
    const [header = '', , signature = ''] = tokenOf({ iss: 'acme-key' }, acme).split('.');
    for (const payload of ['garbage', '[]', 'null', '"acme-key"'])
      expect(ask(options, `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`)).toMatchObject(
        INVALID,
      );
  });
});

describe('keys that are refused at start', () => {
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const { verifying, signing } = KEYS.RS256 as { verifying: KeyObject; signing: KeyObject };
  const pem = (key: KeyObject) =>
    key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }) as string;

  it.each([
    [
      'a secret of 31 bytes',
      { secret: 'x'.repeat(31) },
      'secret: has 248 bits and needs 256; make one with: openssl rand -base64 32',
    ],
    ['an empty secret', { secret: '' }, 'openssl rand -base64 32'],
    ['a short secret as bytes', { secret: Buffer.alloc(16, 1) }, 'has 128 bits'],
    ['a short secret as KeyObject', { secret: createSecretKey(Buffer.alloc(16, 1)) }, 'has 128 bits'],
    [
      '32 characters of base64 that stand for 24 bytes',
      { secret: 'A'.repeat(32), secretIsBase64: true },
      'has 192 bits',
    ],
    ['a number as secret', { secret: 12345678 }, 'secret: expected a text, bytes or a KeyObject'],
    ['a PEM as secret', { secret: pem(verifying) }, 'secret: is a PEM'],
    ['a PEM in bytes as secret', { secret: Buffer.from(pem(verifying)) }, 'secret: is a PEM'],
    ['a public KeyObject as secret', { secret: verifying }, 'secret: is a public key'],
    ['a private PEM as public key', { publicKey: pem(signing) }, 'publicKey: is a private key, expected a public one'],
    ['a private KeyObject as public key', { publicKey: signing }, 'publicKey: is a private key'],
    ['a private JWK as public key', { publicKey: signing.export({ format: 'jwk' }) }, 'publicKey: is no public JWK'],
    ['a secret as public key', { publicKey: SECRET }, 'publicKey: is no PEM of a public key'],
    [
      'a secret KeyObject as public key',
      { publicKey: createSecretKey(Buffer.from(SECRET)) },
      'publicKey: is a secret key',
    ],
    ['a symmetric JWK', { publicKey: { kty: 'oct', k: 'A'.repeat(43) } }, 'publicKey: is no public JWK'],
    [
      'a JWK for encryption',
      { publicKey: { ...verifying.export({ format: 'jwk' }), use: 'enc' } },
      'publicKey: is no public JWK',
    ],
    [
      'RSA with 1024 bits',
      { publicKey: rsa1024.publicKey },
      'publicKey: is an RSA key that is too weak; it needs 2048 bits',
    ],
    ['a curve for other ends', { publicKey: generateKeyPairSync('x25519').publicKey }, 'signs no tokens'],
    [
      'a curve of a chain',
      { publicKey: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey },
      'signs no tokens',
    ],
    [
      'an algorithm that needs a longer secret',
      { secret: 'x'.repeat(32), algorithms: ['HS256', 'HS512'] },
      'algorithms[1]: HS512 does not fit the key, which can do HS256',
    ],
    [
      'an algorithm of another kind of key',
      { publicKey: verifying, algorithms: ['HS256'] },
      'algorithms[0]: HS256 does not fit',
    ],
    ['none', { secret: SECRET, algorithms: ['none'] }, 'algorithms[0]: got "none", expected one of HS256'],
    ['an unknown algorithm', { secret: SECRET, algorithms: ['HS1'] }, 'algorithms[0]'],
    ['no algorithm at all', { secret: SECRET, algorithms: [] }, 'algorithms: got an empty list'],
    ['nothing', {}, 'needs one of secret, publicKey, keys, jwks, oidc, keySource; got none'],
    [
      'two kinds of keys',
      { secret: SECRET, publicKey: verifying },
      'needs one of secret, publicKey, keys, jwks, oidc, keySource; got secret, publicKey',
    ],
    ['no keys', { keys: [] }, 'keys: expected a list of at least 1'],
    ['a key of nothing', { keys: [{ kid: 'a' }] }, 'keys[0]: needs secret or publicKey, and only one of them'],
    ['an empty kid', { keys: [{ kid: '', secret: SECRET }] }, 'keys[0].kid: got ""'],
    ['a weak key among others', { keys: [{ secret: SECRET }, { secret: 'weak' }] }, 'keys[1].secret: has 32 bits'],
    [
      'an algorithm that its key cannot do',
      { keys: [{ secret: SECRET, algorithms: ['RS256'] }] },
      'keys[0].algorithms[0]: RS256 does not fit',
    ],
    [
      'algorithms that leave a key nothing to do',
      { keys: [{ secret: SECRET }, { publicKey: verifying }], algorithms: ['HS256'] },
      'keys[1]: can do none of algorithms, HS256',
    ],
    ['keyClaim without keys', { secret: SECRET, keyClaim: 'iss' }, 'keyClaim: has no effect without keys'],
    ['keyClaim and a key that has no name', { keys: [{ secret: SECRET }], keyClaim: 'iss' }, 'keys[0].kid: missing'],
    [
      'secretIsBase64 beside a public key',
      { publicKey: verifying, secretIsBase64: true },
      'secretIsBase64: has no effect without secret',
    ],
    [
      'secretIsBase64 beside keys',
      { keys: [{ secret: SECRET }], secretIsBase64: true },
      'secretIsBase64: has no effect without secret',
    ],
    [
      'secretIsBase64 beside bytes',
      { secret: Buffer.from(SECRET), secretIsBase64: true },
      'secretIsBase64 is for a text',
    ],
    [
      'secretIsBase64 beside a KeyObject',
      { secret: createSecretKey(Buffer.from(SECRET)), secretIsBase64: true },
      'secretIsBase64 is for a text',
    ],
    ['a key source that is none', { keySource: {} }, 'keySource: got an object'],
  ])('%s', (_, options, message) => {
    expect(() => jwt({ audience: false, ...(options as JwtOptions) })).toThrow(message);
  });

  it.each([
    ['spaces', `${'A'.repeat(42)} A`],
    ['mixed alphabets', `+-${'A'.repeat(42)}`],
    ['too much padding', `${'A'.repeat(43)}==`],
    ['padding that is too short', `${'A'.repeat(42)}=`],
    ['bits of its own in the last character', `${'A'.repeat(42)}B`],
    ['other characters', `${'A'.repeat(43)}!`],
  ])('base64 with %s', (_, secret) => {
    expect(() => jwt({ secret, secretIsBase64: true })).toThrow('secret: is not base64, as secretIsBase64 says');
  });

  it('are told all at once, and none is shown', () => {
    const planted = 'hunter2-hunter2';
    const options = {
      keys: [
        { secret: planted },
        { secret: planted, secretIsBase64: true },
        { publicKey: planted },
        { publicKey: { kty: 'RSA', n: planted, d: planted } },
        { publicKey: [planted] },
        { secret: [planted], publicKey: planted },
        { secret: { planted } },
        { secret: `-----BEGIN PRIVATE KEY-----\n${planted}` },
      ],
    } as unknown as JwtOptions;
    let error: unknown;
    try {
      jwt(options);
    } catch (thrown) {
      error = thrown;
    }
    const { faults, message } = error as ConfigError;
    expect(faults.map(({ path }) => path.slice(0, 7))).toEqual(options.keys?.map((_, index) => `keys[${index}]`));
    expect(message).not.toContain(planted);
    expect(() => jwt({ secret: planted })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(planted) as unknown }),
    );
  });
});
