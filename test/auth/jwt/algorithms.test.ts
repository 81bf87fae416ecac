import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, jwtVerify, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { algorithmsOf, JWT_ALGORITHMS, type JwtAlgorithm } from '../../../src/auth/jwt/algorithms.js';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { TokenSigner } from '../../../src/auth/jwt/token-signer.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { identityOf, KEYS, NOW, OTHER_RSA, part, SECRET, signRs256, tokenOf } from './support.js';

/** The options for a key of this algorithm. */
function verifying(algorithm: JwtAlgorithm, key: KeyObject | string = KEYS[algorithm].verifying): JwtOptions {
  const clock = new FakeClock();
  return typeof key === 'string' ? { secret: key, clock } : { publicKey: key, audience: false, clock };
}

function ask(options: JwtOptions, token: string) {
  return jwt(options).authenticate(fakeContext({ headers: { authorization: `Bearer ${token}` } }));
}

function joseToken(algorithm: JwtAlgorithm): Promise<string> {
  const { signing } = KEYS[algorithm];
  return new SignJWT({ sub: 'u1', name: 'Zoë', exp: NOW + 60 })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .sign(typeof signing === 'string' ? createSecretKey(Buffer.from(signing)) : signing);
}

/** A token in which this algorithm was written over that of the signature. */
function relabelled(token: string, algorithm: string): string {
  const [, payload = '', signature = ''] = token.split('.');
  return `${part({ alg: algorithm, typ: 'JWT' })}.${payload}.${signature}`;
}

const INVALID = { failure: 'invalid' };

describe.each(JWT_ALGORITHMS)('%s', (algorithm) => {
  it('verifies a token that jose has signed', async () => {
    const identity = identityOf(await ask(verifying(algorithm), await joseToken(algorithm)));
    expect(identity).toMatchObject({ id: 'u1', scheme: 'jwt', claims: { name: 'Zoë' } });
  });

  it('signs a token that jose verifies', async () => {
    const { signing, verifying: key } = KEYS[algorithm];
    const given = typeof signing === 'string' ? { secret: signing } : { privateKey: signing };
    const signer = new TokenSigner({
      ...given,
      algorithm,
      issuer: 'shop',
      expiresInMs: 60_000,
      clock: new FakeClock(),
    });
    const { payload, protectedHeader } = await jwtVerify(
      signer.sign({ sub: 'u1', name: 'Zoë' }),
      typeof key === 'string' ? createSecretKey(Buffer.from(key)) : key,
      { algorithms: [algorithm], issuer: 'shop', currentDate: new Date(NOW * 1_000) },
    );
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'JWT' });
    expect(payload).toMatchObject({ sub: 'u1', name: 'Zoë', iss: 'shop', iat: NOW, exp: NOW + 60 });
  });

  it('refuses one whose payload was changed', async () => {
    const [header = '', , signature = ''] = (await joseToken(algorithm)).split('.');
    const forged = `${header}.${part({ sub: 'admin', exp: NOW + 60 })}.${signature}`;
    expect(ask(verifying(algorithm), forged)).toMatchObject(INVALID);
  });

  it('refuses a signature that was changed anywhere, cut or made longer', async () => {
    const [header = '', payload = '', text = ''] = (await joseToken(algorithm)).split('.');
    const signature = Buffer.from(text, 'base64url');
    const flipped = [0, signature.length >> 1, signature.length - 1].map((index) => {
      const copy = Buffer.from(signature);
      copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
      return copy;
    });
    const cut = [1, 8, signature.length >> 1, signature.length - 1].map((length) => signature.subarray(0, length));
    const longer = [Buffer.concat([signature, Buffer.alloc(1)]), Buffer.concat([signature, signature])];
    for (const forged of [...flipped, ...cut, ...longer])
      expect(ask(verifying(algorithm), `${header}.${payload}.${forged.toString('base64url')}`)).toMatchObject(INVALID);
  });

  it('refuses its signature under the name of any other algorithm', async () => {
    const token = await joseToken(algorithm);
    const others = JWT_ALGORITHMS.filter((other) => other !== algorithm);
    for (const other of others)
      expect(ask(verifying(algorithm), relabelled(token, other)), other).toMatchObject(INVALID);
  });

  it('is not there where algorithms name another that the key could do', async () => {
    const rest = JWT_ALGORITHMS.filter((other) => other !== algorithm && KEYS[other] === KEYS[algorithm]);
    if (rest.length === 0) return;
    const options = { ...verifying(algorithm), algorithms: rest };
    expect(ask(options, await joseToken(algorithm))).toMatchObject(INVALID);
  });
});

// It has no EdDSA.
const OF_JSONWEBTOKEN = JWT_ALGORITHMS.filter((name) => name !== 'EdDSA');

it.each(OF_JSONWEBTOKEN)('%s verifies what jsonwebtoken signs, and signs what it verifies', async (algorithm) => {
  const { signing, verifying: key } = KEYS[algorithm];
  const theirs = jsonwebtoken.sign({ sub: 'u1', exp: NOW + 60 }, signing, { algorithm: algorithm });
  expect(await ask(verifying(algorithm), theirs)).toMatchObject({ id: 'u1' });
  const given = typeof signing === 'string' ? { secret: signing } : { privateKey: signing };
  const ours = new TokenSigner({ ...given, algorithm, expiresInMs: 60_000, clock: new FakeClock() });
  const options = { algorithms: [algorithm], clockTimestamp: NOW };
  expect(jsonwebtoken.verify(ours.sign({ sub: 'u1' }), key, options)).toMatchObject({ sub: 'u1' });
});

describe('kinds of keys', () => {
  it.each([
    ['sha512', ['PS512']],
    ['sha384', ['PS384']],
    ['sha256', ['PS256']],
    ['sha1', []],
  ])('uses an RSA-PSS key that is for %s with %j alone', (hash, names) => {
    const { publicKey } = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm: hash,
      mgf1HashAlgorithm: hash,
    });
    expect(algorithmsOf(publicKey)).toEqual(names);
  });

  it('signs with an RSA-PSS key in the one way that the key allows', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm: 'sha512',
      mgf1HashAlgorithm: 'sha512',
    });
    const signer = new TokenSigner({ privateKey, expiresInMs: 60_000, clock: new FakeClock() });
    expect(ask(verifying('PS512', publicKey), signer.sign({ sub: 'u1' }))).toMatchObject({ id: 'u1' });
  });

  it('verifies EdDSA with Ed448 too', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed448');
    const signer = new TokenSigner({ privateKey, expiresInMs: 60_000, clock: new FakeClock() });
    expect(ask(verifying('EdDSA', publicKey), signer.sign({ sub: 'u1' }))).toMatchObject({ id: 'u1' });
  });

  it.each(['RS256', 'ES256', 'EdDSA'] as const)('takes a key for %s as PEM and as JWK', async (algorithm) => {
    const key = KEYS[algorithm].verifying as KeyObject;
    const token = await joseToken(algorithm);
    const pem = key.export({ type: 'spki', format: 'pem' }) as string;
    const jwk = await exportJWK(key);
    for (const publicKey of [pem, jwk as JsonWebKeyOf])
      expect(ask({ ...verifying(algorithm), publicKey }, token)).toMatchObject({ id: 'u1' });
  });

  it('takes a secret as text, as bytes, as base64 and as a KeyObject', () => {
    const bytes = Buffer.from(SECRET);
    const forms: JwtOptions[] = [
      { secret: SECRET },
      { secret: new Uint8Array(bytes) },
      { secret: createSecretKey(bytes) },
      ...[bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')].map(
        (secret) => ({ secret, secretIsBase64: true }),
      ),
    ];
    for (const form of forms) expect(ask({ ...form, clock: new FakeClock() }, tokenOf())).toMatchObject({ id: 'u1' });
  });
});

type JsonWebKeyOf = NonNullable<JwtOptions['publicKey']> & object;

describe('attacks on the algorithm', () => {
  const rs256 = verifying('RS256');
  const payload = { sub: 'admin', exp: NOW + 60 };

  it.each(['none', 'None', 'nOnE', 'NONE', ''])('refuses alg %j, with a signature and without', (alg) => {
    const unsigned = `${part({ alg, typ: 'JWT' })}.${part(payload)}`;
    const [, , signature = ''] = tokenOf().split('.');
    for (const options of [rs256, verifying('HS256')]) {
      for (const token of [`${unsigned}.`, unsigned, `${unsigned}.${signature}`])
        expect(ask(options, token)).toMatchObject(INVALID);
    }
  });

  it('refuses an empty signature', () => {
    const [header = '', body = ''] = tokenOf().split('.');
    expect(ask(verifying('HS256'), `${header}.${body}.`)).toMatchObject(INVALID);
  });

  it('refuses HS256 with the public key as the secret, in any form', () => {
    const key = KEYS.RS256.verifying as KeyObject;
    const pem = key.export({ type: 'spki', format: 'pem' }) as string;
    const forms = [
      pem,
      pem.trim(),
      key.export({ type: 'pkcs1', format: 'pem' }) as string,
      key.export({ type: 'spki', format: 'der' }),
      key.export({ type: 'pkcs1', format: 'der' }),
      JSON.stringify(key.export({ format: 'jwk' })),
    ];
    for (const form of forms) expect(ask(rs256, tokenOf({ sub: 'admin' }, form))).toMatchObject(INVALID);
    expect(ask({ ...rs256, publicKey: pem }, tokenOf({ sub: 'admin' }, pem))).toMatchObject(INVALID);
  });

  it('never looks at a key that the token brings along', async () => {
    const { signing, verifying: key } = OTHER_RSA;
    const jwk = await exportJWK(key as KeyObject);
    const header = {
      alg: 'RS256',
      typ: 'JWT',
      jwk,
      jku: 'https://evil.test/jwks',
      x5u: 'https://evil.test/x5u',
      x5c: ['AA'],
    };
    const input = `${part(header)}.${part(payload)}`;
    expect(ask(rs256, `${input}.${signRs256(input, signing as KeyObject)}`)).toMatchObject(INVALID);
    // The same header over the right signature passes: what it brings is not looked at, for good or ill.
    expect(ask(rs256, `${input}.${signRs256(input, KEYS.RS256.signing as KeyObject)}`)).toMatchObject({ id: 'admin' });
  });

  it('refuses RS256 by another key of the same kind', () => {
    const input = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}`;
    expect(ask(rs256, `${input}.${signRs256(input, OTHER_RSA.signing as KeyObject)}`)).toMatchObject(INVALID);
  });
});
