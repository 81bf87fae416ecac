import { describe, expect, it } from 'vitest';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { forge, identityOf, NOW, SECRET, tokenOf } from './support.js';

function askWith(token: string, options: JwtOptions = {}, aheadMs = 0) {
  const clock = new FakeClock();
  clock.advance(aheadMs);
  return jwt({ secret: SECRET, clock, ...options }).authenticate(
    fakeContext({ headers: { authorization: `Bearer ${token}` } }),
  );
}

function ask(claims: Readonly<Record<string, unknown>>, options?: JwtOptions, aheadMs?: number) {
  return askWith(tokenOf(claims), options, aheadMs);
}

function invalid(reason: string) {
  return { failure: 'invalid', reason: expect.stringContaining(reason) as unknown };
}

const passes = { id: 'u1' };

describe('exp', () => {
  it.each([
    ['a second ago', NOW - 1],
    ['now', NOW],
    ['in 1970', 0],
  ])('is over when it is %s', (_, exp) => {
    expect(ask({ exp })).toEqual(invalid('expired'));
  });

  it.each([
    ['a text', String(NOW + 60)],
    ['negative', -1],
    ['null', null],
    ['a list', [NOW + 60]],
    ['an object', {}],
    ['a boolean', true],
  ])('is no date when it is %s', (_, exp) => {
    expect(ask({ exp })).toEqual(invalid('no date'));
  });

  it('is no date when it is more than a number can hold', () => {
    expect(askWith(forge({ alg: 'HS256' }, '{"sub":"u1","exp":1e400}'))).toEqual(invalid('no date'));
  });

  it('counts to the millisecond, and with its fraction', () => {
    expect(ask({ exp: NOW + 1 }, {}, 999)).toMatchObject(passes);
    expect(ask({ exp: NOW + 1 }, {}, 1_000)).toEqual(invalid('expired'));
    expect(ask({ exp: NOW + 1.5 }, {}, 1_499)).toMatchObject(passes);
    expect(ask({ exp: NOW + 1.5 }, {}, 1_500)).toEqual(invalid('expired'));
  });

  it('may be over by less than the tolerance', () => {
    expect(ask({ exp: NOW }, { clockToleranceMs: 5_000 }, 4_999)).toMatchObject(passes);
    expect(ask({ exp: NOW }, { clockToleranceMs: 5_000 }, 5_000)).toEqual(invalid('expired'));
  });

  it('must be there, unless tokens need not expire; one that is there counts all the same', () => {
    expect(ask({ exp: undefined })).toEqual(invalid('no exp'));
    expect(ask({ exp: undefined }, { expiring: false })).toMatchObject(passes);
    expect(ask({ exp: NOW }, { expiring: false })).toEqual(invalid('expired'));
    expect(ask({ exp: 'never' }, { expiring: false })).toEqual(invalid('no date'));
  });
});

describe('nbf', () => {
  it('must have come, give or take the tolerance', () => {
    expect(ask({ nbf: NOW })).toMatchObject(passes);
    expect(ask({ nbf: NOW + 1 })).toEqual(invalid('not good yet'));
    expect(ask({ nbf: NOW + 1 }, { clockToleranceMs: 1_000 })).toMatchObject(passes);
    expect(ask({ nbf: NOW + 1 }, { clockToleranceMs: 999 })).toEqual(invalid('not good yet'));
    expect(ask({ nbf: 'now' })).toEqual(invalid('no date'));
  });
});

describe('maxTokenAgeMs', () => {
  const options = { maxTokenAgeMs: 10_000 };

  it('ends a token before its exp', () => {
    expect(ask({ iat: NOW }, options, 9_999)).toMatchObject(passes);
    expect(ask({ iat: NOW }, options, 10_000)).toEqual(invalid('too old'));
    expect(ask({ iat: NOW, exp: NOW + 5 }, options, 5_000)).toEqual(invalid('expired'));
  });

  it('needs an iat that is a date, and not ahead', () => {
    expect(ask({}, options)).toEqual(invalid('no iat'));
    expect(ask({ iat: String(NOW) }, options)).toEqual(invalid('no date'));
    expect(ask({ iat: NOW + 1 }, options)).toEqual(invalid('not good yet'));
    expect(ask({ iat: NOW + 1 }, { ...options, clockToleranceMs: 1_000 })).toMatchObject(passes);
  });

  it('leaves iat alone where it is not set, but for one that is no date', () => {
    expect(ask({ iat: NOW + 100 })).toMatchObject(passes);
    expect(ask({ iat: {} })).toEqual(invalid('no date'));
  });
});

describe('iss', () => {
  it('is the one, or one of several', () => {
    expect(ask({ iss: 'a' }, { issuer: 'a' })).toMatchObject(passes);
    expect(ask({ iss: 'b' }, { issuer: ['a', 'b'] })).toMatchObject(passes);
  });

  it.each(['b', 'A', 'a/', '', null, undefined, 1, ['a'], { a: 1 }])('is not %j in the place of a', (iss) => {
    expect(ask({ iss }, { issuer: 'a' })).toEqual(invalid('another issuer'));
    expect(ask({ iss }, { issuer: ['a', 'c'] })).toEqual(invalid('another issuer'));
  });
});

describe('aud', () => {
  it.each([
    ['it is ours', 'shop'],
    ['ours is among others', ['billing', 'shop']],
  ])('passes where %s', (_, aud) => {
    expect(ask({ aud }, { audience: 'shop' })).toMatchObject(passes);
    expect(ask({ aud }, { audience: ['other', 'shop'] })).toMatchObject(passes);
  });

  it.each(['billing', 'shop2', ['billing'], [], '', null, undefined, [['shop']], { shop: true }])(
    'is not for us as %j',
    (aud) => {
      expect(ask({ aud }, { audience: 'shop' })).toEqual(invalid('another audience'));
    },
  );

  it('is anything where audience is false', () => {
    expect(ask({ aud: 'billing' }, { audience: false })).toMatchObject(passes);
  });
});

describe('other claims', () => {
  it('sub is the one that is asked for', () => {
    expect(ask({}, { subject: 'u1' })).toMatchObject(passes);
    expect(ask({ sub: 'u2' }, { subject: 'u1' })).toEqual(invalid('another subject'));
  });

  it('those that are required are there, and not null', () => {
    const options = { requiredClaims: ['email', 'realm.roles'] };
    expect(ask({ email: 'a@b.c', realm: { roles: [] } }, options)).toMatchObject(passes);
    expect(ask({ email: 'a@b.c' }, options)).toEqual(invalid('no claim realm.roles'));
    expect(ask({ email: null, realm: { roles: [] } }, options)).toEqual(invalid('no claim email'));
  });

  it('what every object inherits is no claim', () => {
    for (const name of ['constructor', 'toString', '__proto__'])
      expect(ask({}, { requiredClaims: [name] })).toEqual(invalid(`no claim ${name}`));
    expect(ask({ sub: undefined }, { idClaim: 'constructor' })).toEqual(invalid('who it is'));
  });

  it('__proto__ is a claim like any other, and changes nothing', () => {
    const token = forge(
      { alg: 'HS256' },
      `{"sub":"u1","exp":${NOW + 60},"__proto__":{"roles":["admin"],"admin":true}}`,
    );
    const { claims, roles } = identityOf(askWith(token) as never);
    expect(roles).toEqual([]);
    expect(claims.admin).toBeUndefined();
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
    const only = forge({ alg: 'HS256' }, `{"__proto__":{"sub":"u1","exp":${NOW + 60}}}`);
    expect(askWith(only)).toEqual(invalid('no exp'));
  });

  it('make the identity, which nobody can change', () => {
    const claims = { scope: 'a b', roles: ['admin'], tenant: 't1', azp: 'app', nested: { list: [{ deep: 1 }] } };
    const identity = identityOf(ask(claims) as never);
    expect(identity).toMatchObject({
      id: 'u1',
      scheme: 'jwt',
      scopes: ['a', 'b'],
      roles: ['admin'],
      tenant: 't1',
      consumer: 'app',
    });
    const { nested, roles } = identity.claims as unknown as typeof claims;
    expect([identity, identity.claims, nested, nested.list, nested.list[0], roles].every(Object.isFrozen)).toBe(true);
  });

  it('may lie as deep as a token can hold', () => {
    const token = forge(
      { alg: 'HS256' },
      `{"sub":"u1","exp":${NOW + 60},"d":${'['.repeat(2_900)}${']'.repeat(2_900)}}`,
    );
    expect(token.length).toBeGreaterThan(7_500);
    expect(askWith(token)).toMatchObject(passes);
  });

  it('prove nobody where none is an id', () => {
    for (const sub of ['', null, {}, [], 1.5, true]) expect(ask({ sub })).toEqual(invalid('who it is'));
    expect(ask({ sub: 7 })).toMatchObject({ id: '7' });
  });
});
