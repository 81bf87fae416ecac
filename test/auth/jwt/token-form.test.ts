import { describe, expect, it } from 'vitest';
import { MAX_CREDENTIAL_BYTES } from '../../../src/auth/credentials.js';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { KeySource, VerificationKey } from '../../../src/auth/jwt/key-source.js';
import { TokenHeaders } from '../../../src/auth/jwt/token-header.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { forge, NOW, part, SECRET, tokenOf } from './support.js';

/** Keys that count how often they were asked for: nothing is computed before. */
class CountingKeys implements KeySource {
  readonly version = 0;
  asked = 0;

  find(): readonly VerificationKey[] {
    this.asked++;
    return [];
  }

  close(): void {
    // It holds nothing.
  }
}

function ask(token: string) {
  return jwt({ secret: SECRET, clock: new FakeClock() }).authenticate(
    fakeContext({ headers: { authorization: `Bearer ${token}` } }),
  );
}

/** What is said of a token of this form, where no key was asked for. */
function faultOf(token: string) {
  const keySource = new CountingKeys();
  const result = jwt({ keySource, audience: false, clock: new FakeClock() }).authenticate(
    fakeContext({ headers: { authorization: `Bearer ${token}` } }),
  );
  expect(keySource.asked).toBe(0);
  return result;
}

const good = tokenOf();
const [header = '', payload = '', signature = ''] = good.split('.');

describe('the form of a token', () => {
  it('passes as it is', () => {
    expect(ask(good)).toMatchObject({ id: 'u1' });
  });

  it.each([
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${good}.${signature}`],
    ['five parts', `${good}.${signature}.${signature}`],
    ['no header', `.${payload}.${signature}`],
    ['no payload', `${header}..${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['dots alone', '..'],
    ['padding', `${good}=`],
    ['padding of the header', `${header}=.${payload}.${signature}`],
    ['a plus', `${header}.${payload}.+${signature.slice(1)}`],
    ['a slash', `${header}.${payload}./${signature.slice(1)}`],
    ['a percent', `${header}.${payload}.%2B${signature.slice(3)}`],
    ['a part of a length that base64url never has', `${header}.${payload}.AAAAA`],
  ])('is refused with %s, before a key is asked for', (_, token) => {
    expect(faultOf(token)).toMatchObject({ failure: 'invalid' });
  });

  it('is refused where the last character has bits of its own', () => {
    // 32 bytes in 43 characters: two bits of the last one are nothing's.
    const last = signature.slice(-1);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = alphabet.charAt(alphabet.indexOf(last) + 1);
    expect(Buffer.from(signature, 'base64url')).toEqual(Buffer.from(signature.slice(0, -1) + twin, 'base64url'));
    expect(faultOf(good.slice(0, -1) + twin)).toMatchObject({
      failure: 'invalid',
      reason: expect.stringMatching('base64url') as unknown,
    });
    expect(faultOf(`${header}.AAB.${signature}`)).toMatchObject({ failure: 'invalid' });
    expect(faultOf(`${header}.AB.${signature}`)).toMatchObject({ failure: 'invalid' });
  });

  it.each([2, 3, 0])('keeps a length of 4n + %i where its last bits are 0', (rest) => {
    const claims = ['', 'a', 'ab', 'abc'].map((pad) => tokenOf({ pad }));
    const token = claims.find((one) => (one.split('.')[1] ?? '').length % 4 === rest) ?? '';
    expect(ask(token)).toMatchObject({ id: 'u1' });
  });

  it(`has ${MAX_CREDENTIAL_BYTES} bytes at most`, () => {
    const room = MAX_CREDENTIAL_BYTES - good.length;
    const long = tokenOf({ pad: 'x'.repeat(Math.floor(((room - 40) * 3) / 4)) });
    expect(long.length).toBeLessThanOrEqual(MAX_CREDENTIAL_BYTES);
    expect(ask(long)).toMatchObject({ id: 'u1' });
    const tooLong = long + 'A'.repeat(MAX_CREDENTIAL_BYTES + 1 - long.length);
    expect(faultOf(tooLong)).toEqual({ failure: 'invalid', reason: 'longer than 8192 bytes' });
  });

  it.each([
    ['no JSON', 'garbage'],
    ['JSON with a tail', '{"alg":"HS256"}}'],
    ['an array', '[{"alg":"HS256"}]'],
    ['a text', '"HS256"'],
    ['null', 'null'],
    ['a number', '1'],
    ['bytes that are no UTF-8 text', Buffer.from([0xff, 0xfe, 0xfd]).toString('latin1')],
  ])('is refused where the header is %s', (_, text) => {
    expect(faultOf(forge(text))).toMatchObject({
      failure: 'invalid',
      reason: expect.stringMatching('header') as unknown,
    });
  });

  it.each([
    ['no JSON', 'garbage'],
    ['an array', '[{"sub":"u1"}]'],
    ['a text', '"u1"'],
    ['null', 'null'],
    ['a number', '7'],
  ])('is refused where the payload is %s, well signed or not, with typ and without', (_, text) => {
    for (const typ of ['JWT', undefined]) {
      expect(ask(forge({ alg: 'HS256', typ }, text))).toMatchObject({ failure: 'invalid' });
      expect(ask(forge({ alg: 'HS256', typ }, text, 'another'))).toMatchObject({ failure: 'invalid' });
    }
  });
});

describe('the header of a token', () => {
  it.each([
    ['no alg', { alg: undefined }],
    ['an alg that is a list', { alg: ['HS256'] }],
    ['an alg in lower case', { alg: 'hs256' }],
    ['an alg of encryption', { alg: 'RSA-OAEP' }],
    ['an alg only in __proto__', JSON.parse('{"alg":"x","__proto__":{"alg":"HS256"}}') as object],
    ['a typ of something else', { typ: 'secevent+jwt' }],
    ['a typ that is no text', { typ: 1 }],
    ['a typ of null', { typ: null }],
    ['crit with an unknown extension', { crit: ['exp'], exp: 1 }],
    ['crit that names b64', { crit: ['b64'], b64: true }],
    ['an empty crit', { crit: [] }],
    ['a crit of null', { crit: null }],
    ['b64: false', { b64: false }],
    ['b64 that is no boolean', { b64: 'true' }],
    ['cty', { cty: 'JWT' }],
    ['zip', { zip: 'DEF' }],
    ['enc', { enc: 'A128GCM' }],
    ['a kid that is a number', { kid: 1 }],
    ['a kid that is a list', { kid: ['a'] }],
    ['an empty kid', { kid: '' }],
    ['a kid of null', { kid: null }],
    ['a kid of 257 characters', { kid: 'k'.repeat(257) }],
  ])('is refused with %s, before a key is asked for', (_, members) => {
    expect(faultOf(forge({ alg: 'HS256', typ: 'JWT', ...members }))).toMatchObject({ failure: 'invalid' });
  });

  it.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt', undefined])(
    'passes with typ %j',
    (typ) => {
      expect(ask(forge({ alg: 'HS256', typ }))).toMatchObject({ id: 'u1' });
    },
  );

  it('passes with b64: true and with members that mean nothing here', () => {
    expect(ask(tokenOf({}, SECRET, { b64: true, jku: 'https://evil.test', x5t: 'x' }))).toMatchObject({ id: 'u1' });
  });

  it.each(['../../dev/null', "' OR 1=1", '__proto__', 'constructor', 'hasOwnProperty', '\u0000', 'k'.repeat(256)])(
    'finds no named key for the kid %j',
    (kid) => {
      const strategy = jwt({ keys: [{ kid: 'k1', secret: SECRET }], clock: new FakeClock() });
      const token = tokenOf({}, SECRET, { kid });
      const ctx = fakeContext({ headers: { authorization: `Bearer ${token}` } });
      expect(strategy.authenticate(ctx)).toEqual({
        failure: 'invalid',
        reason: 'the token is of no known key and algorithm',
      });
    },
  );

  it('has no member that it only inherits', () => {
    const inherited = { alg: 'HS256', kid: 'k1' };
    const names = Object.keys(inherited) as (keyof typeof inherited)[];
    try {
      for (const name of names)
        Object.defineProperty(Object.prototype, name, { value: inherited[name], configurable: true });
      const header = new TokenHeaders().read(forge({ typ: 'JWT' }));
      expect(header).toMatchObject({ failure: 'invalid' });
    } finally {
      for (const name of names) Reflect.deleteProperty(Object.prototype, name);
    }
  });

  it('is refused where its last character has bits of its own', () => {
    const [unpadded] = ['', 'a', 'ab']
      .map((jku) => tokenOf({}, SECRET, { jku }))
      .filter((token) => token.indexOf('.') % 4 !== 0);
    const [text = '', ...rest] = (unpadded ?? '').split('.');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = text.slice(0, -1) + alphabet.charAt(alphabet.indexOf(text.slice(-1)) + 1);
    expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(text, 'base64url'));
    expect(faultOf([twin, ...rest].join('.'))).toMatchObject({ failure: 'invalid' });
  });

  it('is refused with 10 KB of kid', () => {
    expect(faultOf(tokenOf({}, SECRET, { kid: 'k'.repeat(10_240) }))).toMatchObject({ failure: 'invalid' });
  });

  it('is read once for all tokens that have the same, up to a number of them', () => {
    const headers = new TokenHeaders();
    const read = headers.read(good);
    expect(headers.read(tokenOf({ sub: 'u2' }))).toBe(read);
    for (let kid = 0; kid < 100; kid++) headers.read(tokenOf({}, SECRET, { kid: `k${kid}` }));
    expect(headers.read(good)).toEqual(read);
    expect(headers.read(good)).not.toBe(read);
  });

  it('tells nothing of the token in its reasons', () => {
    const planted = 'planted-by-the-client';
    const tokens = [
      forge({ alg: planted }),
      forge({ alg: 'HS256', typ: planted }),
      forge({ alg: 'HS256', kid: [planted] }),
      forge({ alg: 'HS256', kid: planted }, { sub: planted, exp: planted }),
      forge({ alg: 'HS256', crit: [planted] }),
      forge({ alg: 'HS256' }, { sub: planted, exp: NOW - 1, iss: planted, aud: planted }),
      `${part({ alg: 'HS256' })}.${part(planted)}.${part(planted)}`,
    ];
    for (const token of tokens) {
      const result = JSON.stringify(ask(token));
      expect(result).toMatch('"invalid"');
      expect(result).not.toContain(planted);
    }
  });
});
