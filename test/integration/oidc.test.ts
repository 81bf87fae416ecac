/** Tokens of a real OpenID provider. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { introspection } from '../../src/auth/introspection/introspection.js';
import type { IntrospectionOptions } from '../../src/auth/introspection/options.js';
import { JwksKeys } from '../../src/auth/jwt/jwks.js';
import { jwt } from '../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../src/auth/jwt/options.js';
import type { AuthResult, AuthStrategy } from '../../src/auth/strategy.js';
import type { Handler } from '../../src/core/types.js';
import { createGateway } from '../../src/gateway/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeContext, fakeRequest } from '../support/request.js';
import { startOidcProvider, type OidcProvider } from './oidc-provider.js';

const CONFIGURATION = '/.well-known/openid-configuration';
const COOLDOWN_MS = 30_000;

let provider: OidcProvider;
let clock: FakeClock;
let strategies: AuthStrategy[];

beforeEach(async () => {
  provider = await startOidcProvider();
  // The provider stamps its tokens with the real time, be it one that is a moment later than this.
  clock = new FakeClock({ wall: Date.now() + 1_000 });
  strategies = [];
});
afterEach(async () => {
  for (const strategy of strategies) strategy.close?.();
  await provider.close();
});

function jwtStrategy(options: Partial<JwtOptions> = {}, discoverFrom = provider.issuer): AuthStrategy {
  const keySource = new JwksKeys({ discoverFrom, clock, cooldownMs: COOLDOWN_MS, onOutage: () => undefined });
  const strategy = jwt({ keySource, issuer: provider.issuer, audience: 'orders', clock, ...options });
  strategies.push(strategy);
  return strategy;
}

function introspectionStrategy(options: Partial<IntrospectionOptions> = {}): AuthStrategy {
  const { introspectionUrl: url, clientId, clientSecret } = provider;
  const strategy = introspection({ url, clientId, clientSecret, audience: 'orders', clock, ...options });
  strategies.push(strategy);
  return strategy;
}

async function present(token: string, strategy: AuthStrategy): Promise<AuthResult> {
  return strategy.authenticate(fakeContext({ headers: { authorization: `Bearer ${token}` } }));
}

describe('a JWT of the provider', () => {
  it('is verified with the keys that its issuer publishes, fetched once', async () => {
    const strategy = jwtStrategy();
    const tokens = await Promise.all([
      provider.clientToken({ format: 'jwt' }),
      provider.clientToken({ format: 'jwt', scope: 'orders:read orders:write' }),
    ]);
    expect(await present(tokens[0], strategy)).toMatchObject({ id: 'gateway', scopes: ['orders:read'] });
    expect(await present(tokens[1], strategy)).toMatchObject({ scopes: ['orders:read', 'orders:write'] });
    expect(await present(tokens[0], strategy)).toMatchObject({ id: 'gateway' });
    const fetched = provider.asked.filter((path) => path !== '/token');
    expect(fetched).toEqual([CONFIGURATION, '/jwks']);
  });

  it('for another audience is invalid', async () => {
    const strategy = jwtStrategy();
    const token = await provider.clientToken({ format: 'jwt', audience: 'invoices' });
    expect(await present(token, strategy)).toMatchObject({ failure: 'invalid' });
    expect(await present(token, jwtStrategy({ audience: 'invoices' }))).toMatchObject({ id: 'gateway' });
  });

  it('signed with a new key passes at once after a rotation, one signed with the old key no more', async () => {
    const strategy = jwtStrategy();
    const old = await provider.clientToken({ format: 'jwt' });
    expect(await present(old, strategy)).toMatchObject({ id: 'gateway' });
    provider.rotate();
    clock.advance(COOLDOWN_MS);
    expect(await present(old, strategy)).toMatchObject({ id: 'gateway' });
    const recent = await provider.clientToken({ format: 'jwt' });
    expect(await present(recent, strategy)).toMatchObject({ id: 'gateway' });
    expect(await present(old, strategy)).toMatchObject({ failure: 'invalid' });
  });

  it('still passes while the provider is down; where its keys were never there, nobody can tell', async () => {
    const strategy = jwtStrategy();
    const known = await provider.clientToken({ format: 'jwt' });
    const other = await provider.clientToken({ format: 'jwt' });
    expect(await present(known, strategy)).toMatchObject({ id: 'gateway' });
    await provider.close();
    for (let minute = 0; minute < 30; minute++) {
      await clock.advanceAsync(60_000);
      expect(await present(known, strategy)).toMatchObject({ id: 'gateway' });
    }
    expect(await present(other, strategy)).toMatchObject({ id: 'gateway' });
    expect(await present(other, jwtStrategy())).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining(`no keys from ${provider.issuer}: `) as string,
    });
  });

  it('is not looked at where the provider is configured under a name that is not quite its own', async () => {
    const strategy = jwtStrategy({}, `${provider.issuer}/`);
    expect(await present(await provider.clientToken({ format: 'jwt' }), strategy)).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('the configuration of issuer') as string,
    });
  });
});

describe('an opaque token of the provider', () => {
  it('is active for its audience alone', async () => {
    const token = await provider.clientToken({ format: 'opaque' });
    expect(await present(token, introspectionStrategy())).toMatchObject({ id: 'gateway', scopes: ['orders:read'] });
    expect(await present(token, introspectionStrategy({ audience: 'invoices' }))).toMatchObject({ failure: 'invalid' });
    expect(await present(token, introspectionStrategy({ issuer: 'https://evil.test' }))).toMatchObject({
      failure: 'invalid',
    });
  });

  it('that is revoked passes until its answer is no longer kept, and then no more', async () => {
    const strategy = introspectionStrategy({ cacheTtlMs: 10_000 });
    const token = await provider.clientToken({ format: 'opaque' });
    expect(await present(token, strategy)).toMatchObject({ id: 'gateway' });
    await provider.revoke(token);
    clock.advance(9_999);
    expect(await present(token, strategy)).toMatchObject({ id: 'gateway' });
    clock.advance(1);
    expect(await present(token, strategy)).toMatchObject({ failure: 'invalid' });
  });

  it('that nobody has issued is invalid', async () => {
    expect(await present('made-up', introspectionStrategy())).toMatchObject({ failure: 'invalid' });
  });

  it('cannot be judged by a gateway that the provider does not know', async () => {
    const token = await provider.clientToken({ format: 'opaque' });
    const strategy = introspectionStrategy({ clientSecret: 'another' });
    expect(await present(token, strategy)).toMatchObject({ failure: 'unavailable' });
  });
});

describe('a gateway', () => {
  it('takes both kinds of tokens on one route, and nobody without one', async () => {
    const { issuer, introspectionUrl: url, clientId, clientSecret } = provider;
    const audience = 'orders';
    const auth = { jwt: { oidc: issuer, audience }, introspection: { url, clientId, clientSecret, audience } };
    const answer: Handler = ({ identity }) => ({ status: 200, headers: {}, body: identity?.scheme ?? null });
    const gateway = createGateway({ clock, accessLog: false, routes: [{ path: '/', respond: answer, auth }] });

    async function ask(token: string | null): Promise<string> {
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      const { status, body } = await gateway.handle(fakeRequest({ headers }));
      return status === 200 ? bodyText(body) : String(status);
    }

    const opaque = await provider.clientToken({ format: 'opaque' });
    expect(await ask(await provider.clientToken({ format: 'jwt' }))).toBe('jwt');
    expect(await ask(opaque)).toBe('introspection');
    expect(await ask(await provider.clientToken({ format: 'jwt', audience: 'invoices' }))).toBe('401');
    expect(await ask(null)).toBe('401');
    await provider.revoke(opaque);
    clock.advance(30_000);
    expect(await ask(opaque)).toBe('401');
    await gateway.close();
  });
});
