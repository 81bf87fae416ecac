import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../../../src/auth/jwt/algorithms.js';
import { parseJwkSet, type JwkSet } from '../../../src/auth/jwt/jwk-set.js';
import { ecJwk } from './fake-issuer.js';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa = rsa2048.publicKey.export({ format: 'jwk' });

function okp(type: 'ed25519' | 'ed448' | 'x25519'): JsonWebKey {
  // One overload for each type.
  const { publicKey } = generateKeyPairSync(type as 'ed25519');
  return publicKey.export({ format: 'jwk' });
}

function ec(namedCurve: string): JsonWebKey {
  return generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });
}

function setOf(keys: readonly unknown[], maxKeys = 100, allowed: readonly JwtAlgorithm[] = JWT_ALGORITHMS): JwkSet {
  return parseJwkSet({ keys }, maxKeys, new Set(allowed));
}

/** What a key can be used with; an empty list where it is left out of the set. */
function algorithmsOf(jwk: unknown): string[] {
  const other = ec('P-521');
  const { x } = Object(jwk) as JsonWebKey;
  const set = setOf([jwk, other]);
  return JWT_ALGORITHMS.filter((algorithm) =>
    set.keys.find(null, algorithm).some(({ key }) => {
      const found = key.export({ format: 'jwk' });
      return found.n === rsa.n || (found.x !== undefined && found.x === x);
    }),
  );
}

describe('a key of a set', () => {
  it.each<[string, unknown, string[]]>([
    ['RSA', rsa, RSA],
    ['EC on P-256', ec('P-256'), ['ES256']],
    ['EC on P-384', ec('P-384'), ['ES384']],
    ['EC on P-521', ec('P-521'), ['ES512']],
    ['OKP on Ed25519', okp('ed25519'), ['EdDSA']],
    ['OKP on Ed448', okp('ed448'), ['EdDSA']],
    ['RSA with an alg', { ...rsa, alg: 'PS384' }, ['PS384']],
    ['RSA for signatures', { ...rsa, use: 'sig' }, RSA],
    ['RSA to verify', { ...rsa, key_ops: ['verify'] }, RSA],
    ['EC with members that nobody knows', ecJwk('a', { x5t: 'AAAA', constructor: 1 }), ['ES256']],
    [
      'EC with a __proto__',
      JSON.parse(JSON.stringify(ecJwk('a')).replace('{', '{"__proto__":{"use":"enc"},')),
      ['ES256'],
    ],
  ])('may be %s', (_case, jwk, algorithms) => {
    expect(algorithmsOf(jwk)).toEqual(algorithms);
  });

  it.each<[string, unknown]>([
    ['no object', 'key'],
    ['null', null],
    ['a list', [rsa]],
    ['empty', {}],
    ['of an unknown type', { ...rsa, kty: 'AKP' }],
    ['without a type', { n: rsa.n, e: rsa.e }],
    ['of a broken type', { ...rsa, kty: { toString: 'RSA' } }],
    ['a secret', { kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U' }],
    ['a public key that shows a secret beside', { ...rsa, k: 'AAAA' }],
    ['a private key', rsa2048.privateKey.export({ format: 'jwk' })],
    ['a key with a factor of its own', { ...rsa, p: 'AAAA' }],
    ['for encryption', { ...rsa, use: 'enc' }],
    ['for nothing', { ...rsa, use: null }],
    ['to sign', { ...rsa, key_ops: ['sign'] }],
    ['for an operation that is no list', { ...rsa, key_ops: 'verify' }],
    ['for an algorithm of another kind', { ...rsa, alg: 'ES256' }],
    ['for a secret-key algorithm', { ...rsa, alg: 'HS256' }],
    ['for none', { ...rsa, alg: 'none' }],
    ['for an alg that is no text', { ...rsa, alg: ['RS256'] }],
    ['for encryption by its alg', { ...rsa, alg: 'RSA-OAEP-256' }],
    ['for key agreement', okp('x25519')],
    ['on a curve of no algorithm', ec('secp256k1')],
    ['on an unknown curve', { ...ec('P-256'), crv: 'P-512' }],
    ['off its curve', { ...ec('P-256'), x: ec('P-256').x }],
    ['of broken numbers', { ...rsa, n: 5 }],
    ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })],
    ['with a name that is no text', { ...rsa, kid: 5 }],
    ['with a name of 257 characters', { ...rsa, kid: 'x'.repeat(257) }],
  ])('is left out where it is %s', (_case, jwk) => {
    expect(() => setOf([jwk])).toThrow('a set of 1 keys, none of which can be used');
    expect(algorithmsOf(jwk)).toEqual([]);
  });

  it('may have a name of 256 characters', () => {
    const kid = 'x'.repeat(256);
    expect(setOf([ecJwk(kid)]).keys.find(kid, 'ES256')).toHaveLength(1);
  });

  it('is left out where its algorithms are not allowed, and keeps those that are', () => {
    expect(() => setOf([rsa], 100, ['ES256'])).toThrow('none of which');
    const [key] = setOf([rsa], 100, ['RS256', 'PS256']).keys.find(null, 'PS256');
    expect(key?.algorithms).toEqual(['RS256', 'PS256']);
    expect(setOf([rsa], 100, ['RS256', 'PS256']).keys.find(null, 'RS512')).toEqual([]);
  });
});

describe('a set', () => {
  const [a, b, twin, unnamed] = [ecJwk('a'), ecJwk('b'), ecJwk('a'), ecJwk()];
  const set = setOf([unnamed, a, b, twin, { ...rsa, kid: 'a' }]);

  function found(kid: string | null, algorithm: JwtAlgorithm = 'ES256'): (string | undefined)[] {
    return set.keys.find(kid, algorithm).map(({ key }) => key.export({ format: 'jwk' }).x);
  }

  it('finds every key of a name, and after them those without one', () => {
    expect(found('a')).toEqual([a.x, twin.x, unnamed.x]);
    expect(found('b')).toEqual([b.x, unnamed.x]);
    expect(found('c')).toEqual([unnamed.x]);
    expect(set.keys.find('a', 'PS512')).toHaveLength(1);
    expect(set.keys.find('b', 'PS512')).toEqual([]);
  });

  it('finds all of an algorithm where no name is given', () => {
    expect(found(null)).toEqual([a.x, b.x, twin.x, unnamed.x]);
    expect(set.keys.find(null, 'RS256').map(({ kid }) => kid)).toEqual(['a']);
  });

  it('finds without making anything new', () => {
    expect(set.keys.find('a', 'ES256')).toBe(set.keys.find('a', 'ES256'));
    expect(set.keys.find(null, 'ES256')).toBe(set.keys.find(null, 'ES256'));
    expect(set.keys.find('c', 'EdDSA')).toBe(set.keys.find('d', 'EdDSA'));
  });

  it('may have as many keys as allowed and no more, be they of no use', () => {
    expect(setOf(Array(3).fill(a), 3).keys.find('a', 'ES256')).toHaveLength(3);
    expect(() => setOf([a, {}, {}, {}], 3)).toThrow('a set of 4 keys, more than 3');
  });

  it('has the fingerprint of its keys, names and algorithms, whatever their order', () => {
    const { fingerprint } = setOf([a, b]);
    expect(setOf([b, { ...a, x5t: 'AAAA' }]).fingerprint).toBe(fingerprint);
    for (const other of [[a], [a, b, unnamed], [a, { ...b, kid: 'c' }], [a, twin], [a, { ...b, kid: undefined }]])
      expect(setOf(other).fingerprint).not.toBe(fingerprint);
    expect(setOf([{ ...rsa, alg: 'RS256' }]).fingerprint).not.toBe(setOf([rsa]).fingerprint);
  });
});
