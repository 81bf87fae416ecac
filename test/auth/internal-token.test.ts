import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import {
  compileInternalToken,
  inspectInternalToken,
  internalTokenHeader,
  type InternalTokenOptions,
} from '../../src/auth/internal-token.js';
import type { Fault } from '../../src/core/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeIdentity } from './fake-strategy.js';

const secret = 'a secret of more than 32 characters';

function verified(token: string, clock: FakeClock): jsonwebtoken.JwtPayload {
  const clockTimestamp = Math.floor(clock.wall() / 1_000);
  return jsonwebtoken.verify(token, secret, { algorithms: ['HS256'], clockTimestamp }) as jsonwebtoken.JwtPayload;
}

function setup(options: InternalTokenOptions = {}) {
  const clock = new FakeClock();
  return { clock, tokenFor: compileInternalToken({ secret, clock, ...options }) };
}

describe('compileInternalToken', () => {
  it('tells the upstream who is calling, in a token that it can check', () => {
    const { clock, tokenFor } = setup({ issuer: 'gateway', audience: 'orders' });
    const identity = fakeIdentity({ scopes: ['a', 'b'], roles: ['r'], tenant: 't', consumer: 'c' });
    expect(verified(tokenFor(identity), clock)).toEqual({
      ...{ sub: 'ada', scope: 'a b', roles: ['r'], tenant: 't', azp: 'c', iss: 'gateway', aud: 'orders' },
      ...{ iat: clock.wall() / 1_000, exp: clock.wall() / 1_000 + 60, jti: expect.any(String) as unknown },
    });
  });

  it('says neither tenant nor azp where they are not known', () => {
    const { clock, tokenFor } = setup();
    const claims = verified(tokenFor(fakeIdentity()), clock);
    expect(Object.keys(claims).sort()).toEqual(['exp', 'iat', 'jti', 'roles', 'scope', 'sub']);
  });

  it('says what claimsOf says', () => {
    const { clock, tokenFor } = setup({ claimsOf: ({ id }) => ({ who: id }) });
    expect(verified(tokenFor(fakeIdentity()), clock)).toMatchObject({ who: 'ada' });
  });

  it('is the same for half of its time, and another after that', () => {
    const { clock, tokenFor } = setup({ expiresInMs: 10_000 });
    const identity = fakeIdentity();
    const first = tokenFor(identity);
    clock.advance(4_999);
    expect(tokenFor(identity)).toBe(first);
    clock.advance(1);
    expect(tokenFor(identity)).not.toBe(first);
  });

  it.each([0, 1, 500, 999])('is never sent when it is about to expire, made %d ms after a full second', (ms) => {
    const { clock, tokenFor } = setup({ expiresInMs: 5_000 });
    clock.advance(ms);
    const identity = fakeIdentity();
    tokenFor(identity);
    for (let step = 0; step < 100; step++) {
      clock.advance(101);
      const { exp } = jsonwebtoken.decode(tokenFor(identity)) as { exp: number };
      expect(exp * 1_000 - clock.wall()).toBeGreaterThan(1_000);
    }
  });

  it('is made anew when the wall clock was set, forward or back', () => {
    const { clock, tokenFor } = setup();
    const identity = fakeIdentity();
    for (const ms of [3_600_000, -7_200_000]) {
      tokenFor(identity);
      clock.advanceWall(ms);
      expect(verified(tokenFor(identity), clock).iat).toBe(clock.wall() / 1_000);
    }
  });

  it('is not the token of another identity, be it of the same id', () => {
    const { clock, tokenFor } = setup();
    const [admin, guest] = [fakeIdentity({ roles: ['admin'] }), fakeIdentity()];
    expect(verified(tokenFor(admin), clock).roles).toEqual(['admin']);
    expect(verified(tokenFor(guest), clock).roles).toEqual([]);
  });

  it('is a bearer token in Authorization, and bare elsewhere', () => {
    expect(setup({ header: 'authorization' }).tokenFor(fakeIdentity())).toMatch(/^Bearer ey/);
    expect(setup({ header: 'x-gateway-token' }).tokenFor(fakeIdentity())).toMatch(/^ey/);
  });

  it('is there at once when the library has been loaded', () => {
    setup().tokenFor(fakeIdentity());
    expect(typeof setup().tokenFor(fakeIdentity())).toBe('string');
  });

  it('may be signed with a private key', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const tokenFor = compileInternalToken({ privateKey, clock: new FakeClock() });
    const [header = ''] = tokenFor(fakeIdentity()).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'EdDSA' });
    expect(createPublicKey(privateKey).asymmetricKeyType).toBe('ed25519');
  });
});

describe('internalTokenHeader', () => {
  it('is x-internal-token unless the options say otherwise', () => {
    expect(internalTokenHeader({ secret })).toBe('x-internal-token');
    expect(internalTokenHeader({ secret, header: 'authorization' })).toBe('authorization');
  });
});

describe('inspectInternalToken', () => {
  function pathsOf(options: unknown): string[] {
    const faults: Fault[] = [];
    inspectInternalToken(options as InternalTokenOptions, 'token', faults);
    expect(JSON.stringify(faults)).not.toContain('planted');
    return faults.map(({ path }) => path);
  }

  it('takes what it knows', () => {
    const claimsOf = () => ({});
    const more = { header: 'x-token', expiresInMs: 5_000, claimsOf, issuer: 'a', audience: 'b', kid: 'k' };
    expect(pathsOf({ secret, ...more })).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ['no key', {}, ['token']],
    ['a weak secret', { secret: 'planted' }, ['token.secret']],
    ['a header that others write', { secret, header: 'x-user-id' }, ['token.header']],
    ['claims that are no function', { secret, claimsOf: {} }, ['token.claimsOf']],
    ['a token that is over at once', { secret, expiresInMs: 4_999 }, ['token.expiresInMs']],
    ['a token without an end', { secret, expiresInMs: Infinity }, ['token.expiresInMs']],
    ['an unknown option', { secret, heade: 'x' }, ['token.heade']],
  ])('finds %s', (_case, options, paths) => {
    expect(pathsOf(options)).toEqual(paths);
  });
});
