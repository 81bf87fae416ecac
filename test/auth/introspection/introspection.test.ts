import { describe, expect, it } from 'vitest';
import { introspection } from '../../../src/auth/introspection/introspection.js';
import type { IntrospectionOptions } from '../../../src/auth/introspection/options.js';
import { isAuthFailure, type AuthResult, type AuthStrategy } from '../../../src/auth/strategy.js';
import type { Context } from '../../../src/core/context.js';
import type { HeaderMap } from '../../../src/core/types.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { fakeEndpoint, type Ending, type FakeEndpoint } from './fake-endpoint.js';

const ACTIVE = { active: true, sub: 'u-1', scope: 'read write', client_id: 'shop' };
const NOW = Date.UTC(2026, 0, 1) / 1000;
const INACTIVE = { failure: 'invalid', reason: 'the token is not active' };

interface Setup {
  readonly strategy: AuthStrategy;
  readonly endpoint: FakeEndpoint;
  readonly clock: FakeClock;
}

function setUp(ending: Ending, options: Partial<IntrospectionOptions> = {}): Setup {
  const endpoint = fakeEndpoint(ending);
  const clock = new FakeClock();
  const url = 'https://id.test/oauth2/introspect';
  const client = options.headers === undefined ? { clientId: 'gateway', clientSecret: 'planted-secret' } : {};
  return { strategy: introspection({ url, ...client, fetch: endpoint.fetch, clock, ...options }), endpoint, clock };
}

function withToken(token: string, headers: HeaderMap = {}): Context {
  return fakeContext({ headers: { authorization: `Bearer ${token}`, ...headers } });
}

async function ask({ strategy }: Setup, token = 'token-1'): Promise<AuthResult> {
  return strategy.authenticate(withToken(token));
}

/** What is said of a token, in one word. */
async function verdict(setup: Setup, token?: string): Promise<string> {
  const result = await ask(setup, token);
  if (result === null) return 'none';
  return isAuthFailure(result) ? result.failure : result.id;
}

async function reasonOf(setup: Setup, token?: string): Promise<string> {
  const result = await ask(setup, token);
  return isAuthFailure(result) ? result.reason : 'passed';
}

describe('introspection', () => {
  it('asks the endpoint with the token in the body and its own credentials, form-encoded, as Basic', async () => {
    const setup = setUp(ACTIVE, { clientId: 'gate way:1', clientSecret: 'p+ä%' });
    await ask(setup, 'a+b/c=');
    const [request] = setup.endpoint.requests;
    expect(request?.url).toBe('https://id.test/oauth2/introspect');
    expect(Object.fromEntries(request?.body ?? [])).toEqual({ token: 'a+b/c=', token_type_hint: 'access_token' });
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      accept: 'application/json',
      authorization: `Basic ${Buffer.from('gate+way%3A1:p%2B%C3%A4%25').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    });
  });

  it('asks with header fields in the place of Basic', async () => {
    const setup = setUp(ACTIVE, { headers: { authorization: 'Bearer of-the-gateway' } });
    await ask(setup);
    expect(setup.endpoint.requests[0]?.headers.get('authorization')).toBe('Bearer of-the-gateway');
  });

  it('makes an identity of an active token', async () => {
    const result = await ask(setUp({ ...ACTIVE, roles: ['admin'], tenant: 'acme' }));
    expect(result).toEqual({
      id: 'u-1',
      scheme: 'introspection',
      claims: { ...ACTIVE, roles: ['admin'], tenant: 'acme' },
      scopes: ['read', 'write'],
      roles: ['admin'],
      tenant: 'acme',
      consumer: 'shop',
    });
  });

  it('takes the id from the claim that is named', async () => {
    expect(await verdict(setUp({ active: true, user: { id: 7 } }, { idClaim: 'user.id' }))).toBe('7');
  });

  it('knows nothing of a request without a token, and asks nobody', () => {
    const { strategy, endpoint } = setUp(ACTIVE);
    expect(strategy.authenticate(fakeContext())).toBe(null);
    expect(strategy.authenticate(fakeContext({ headers: { authorization: 'Basic dTpw' } }))).toBe(null);
    expect(endpoint.requests).toEqual([]);
  });

  it('asks nobody about what can be no token', () => {
    const { strategy, endpoint } = setUp(ACTIVE);
    for (const token of ['', 'a b', 'a,b', 'a\0b', 'é', 'x'.repeat(1_000_000)])
      expect(strategy.authenticate(withToken(token)), token.slice(0, 9)).toMatchObject({ failure: 'invalid' });
    expect(endpoint.requests).toEqual([]);
  });

  it('takes the token from where it is told to', async () => {
    const { strategy } = setUp(ACTIVE, { tokenFrom: [{ header: 'x-token' }, { cookie: 'token' }] });
    expect(strategy.sources).toEqual([{ header: 'x-token' }, { cookie: 'token' }]);
    expect(await strategy.authenticate(fakeContext({ headers: { cookie: 'token=abc' } }))).toMatchObject({ id: 'u-1' });
    expect(strategy.authenticate(withToken('abc'))).toBe(null);
  });

  it('a member called failure makes no failure of an answer', async () => {
    expect(await verdict(setUp({ ...ACTIVE, failure: 'unavailable', reason: 'x' }))).toBe('u-1');
  });
});

describe('introspection refuses a token', () => {
  it.each<[string, Record<string, unknown>, Partial<IntrospectionOptions>?]>([
    ['that is not active', { ...ACTIVE, active: false }],
    ['that expires now', { ...ACTIVE, exp: NOW }],
    ['that is not valid yet', { ...ACTIVE, nbf: NOW + 1 }],
    ['whose exp is a text', { ...ACTIVE, exp: '9999999999' }],
    ['whose exp is null', { ...ACTIVE, exp: null }],
    ['whose nbf is a list', { ...ACTIVE, nbf: [0] }],
    ['without an id', { active: true, scope: 'read' }],
    ['whose id is empty', { active: true, sub: '' }],
    ['whose id comes from a prototype', { active: true, sub: {} }, { idClaim: ['sub.constructor.name', '__proto__'] }],
    ['of another issuer', { ...ACTIVE, iss: 'https://evil.test' }, { issuer: 'https://id.test' }],
    ['of no issuer', ACTIVE, { issuer: 'https://id.test' }],
    ['of a list of issuers', { ...ACTIVE, iss: ['https://id.test'] }, { issuer: ['https://id.test'] }],
    ['for another audience', { ...ACTIVE, aud: 'billing' }, { audience: ['shop', 'search'] }],
    ['for other audiences', { ...ACTIVE, aud: ['billing', 'shop2', null] }, { audience: 'shop' }],
    ['for no audience', ACTIVE, { audience: 'shop' }],
    ['of another type', { ...ACTIVE, token_type: 'DPoP' }],
    ['of a type that is no text', { ...ACTIVE, token_type: null }],
    ['for refreshing', { ...ACTIVE, token_type: 'refresh_token' }],
    ['for refreshing, as Hydra says it', { ...ACTIVE, token_type: 'Bearer', token_use: 'refresh_token' }],
    ['for refreshing, as Keycloak says it', { ...ACTIVE, typ: 'Refresh' }],
    ['for refreshing offline', { ...ACTIVE, typ: 'Offline' }],
    ['that only says who somebody is', { ...ACTIVE, token_type: 'Bearer', typ: 'ID' }],
    ['of no type where one is wanted', ACTIVE, { tokenTypes: ['Bearer'] }],
    ['without a claim that it must have', { ...ACTIVE, tenant: null }, { requiredClaims: ['sub', 'tenant'] }],
    ['whose claim is only inherited', ACTIVE, { requiredClaims: ['constructor'] }],
  ])('%s', async (_case, answer, options) => {
    expect(await verdict(setUp(answer, options))).toBe('invalid');
  });

  it.each<[string, Record<string, unknown>, Partial<IntrospectionOptions>?]>([
    ['that expires in a second', { ...ACTIVE, exp: NOW + 1 }],
    ['that expired within the tolerance', { ...ACTIVE, exp: NOW - 1 }, { clockToleranceMs: 1_001 }],
    ['that is valid within the tolerance', { ...ACTIVE, nbf: NOW + 1 }, { clockToleranceMs: 1_000 }],
    ['that is valid from now on', { ...ACTIVE, nbf: NOW }],
    ['of one of the issuers', { ...ACTIVE, iss: 'b' }, { issuer: ['a', 'b'] }],
    ['for one of the audiences', { ...ACTIVE, aud: ['x', 'shop'] }, { audience: ['shop'] }],
    ['for the audience', { ...ACTIVE, aud: 'shop' }, { audience: 'shop' }],
    ['of the type bearer', { ...ACTIVE, token_type: 'bearer', token_use: 'access_token', typ: 'Bearer' }],
    ['of the type access_token', { ...ACTIVE, token_type: 'ACCESS_TOKEN' }],
    ['of a type that is wanted', { ...ACTIVE, token_type: 'jwt' }, { tokenTypes: ['JWT'] }],
    [
      'with a __proto__ among the claims',
      JSON.parse('{"active":true,"sub":"u-1","__proto__":{"x":1}}') as typeof ACTIVE,
    ],
    ['with the claims that it must have', { ...ACTIVE, act: { sub: 'a' } }, { requiredClaims: ['act.sub'] }],
  ])('but not one %s', async (_case, answer, options) => {
    expect(await verdict(setUp(answer, options))).toBe('u-1');
  });
});

it.each(['invalid_request', 'unsupported_token_type'])(
  'a token for which the endpoint answers %s is invalid',
  async (error) => {
    const { strategy } = setUp(Response.json({ error }, { status: 400 }));
    const result = await strategy.authenticate(fakeContext({ headers: { authorization: 'Bearer t-1' } }));
    expect(result).toEqual({ failure: 'invalid', reason: 'the token is none that the endpoint can judge' });
  },
);

describe('introspection fails closed', () => {
  const FAULTS: [string, Ending, string][] = [
    ['a status 500', new Response('{"active":true,"sub":"u-1"}', { status: 500 }), 'an answer with status 500'],
    ['a status 201', Response.json(ACTIVE, { status: 201 }), 'an answer with status 201'],
    ['a status 400', Response.json({ error: 'invalid_client' }, { status: 400 }), 'an answer with status 400'],
    ['a redirect', new Response(null, { status: 302, headers: { location: 'https://evil.test' } }), 'a redirect (302)'],
    ['HTML', new Response('<html>'), 'no JSON object with a boolean active'],
    ['nothing', new Response(null), 'no JSON object with a boolean active'],
    ['a list', Response.json([{ active: true, sub: 'u-1' }]), 'no JSON object with a boolean active'],
    ['null', Response.json(null), 'no JSON object with a boolean active'],
    ['true', Response.json(true), 'no JSON object with a boolean active'],
    ['no active', { sub: 'u-1' }, 'no JSON object with a boolean active'],
    ['an active that is a text', { ...ACTIVE, active: 'true' }, 'no JSON object with a boolean active'],
    ['an active that is 1', { ...ACTIVE, active: 1 }, 'no JSON object with a boolean active'],
    ['an active in __proto__', new Response('{"__proto__":{"active":true,"sub":"u-1"}}'), 'with a boolean active'],
    ['a refused connection', new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }), 'ECONNREFUSED'],
    ['too much', { ...ACTIVE, more: 'x'.repeat(2_000) }, 'an answer of more than 1000 bytes'],
  ];
  it.each(FAULTS)('on %s', async (_case, ending, words) => {
    const setup = setUp(ending, { maxResponseBytes: 1_000 });
    const result = await ask(setup);
    expect(result).toMatchObject({ failure: 'unavailable', reason: expect.stringContaining(words) as string });
    expect(result).toMatchObject({ reason: expect.stringMatching(/^https:\/\/id\.test: /) as string });
  });

  it.each([401, 403])('on a status %i, and says whose credentials are wrong', async (status) => {
    const reason = await reasonOf(setUp(new Response(null, { status })));
    expect(reason).toBe(
      `https://id.test: an answer with status ${status}: it does not take the gateway's own credentials`,
    );
  });

  it('when the answer takes too long, and leaves no timer behind', async () => {
    const setup = setUp(ACTIVE, { timeoutMs: 300 });
    setup.endpoint.holds = true;
    const result = ask(setup);
    await setup.clock.advanceAsync(299);
    expect(setup.clock.pending).toBe(1);
    await setup.clock.advanceAsync(1);
    expect(await result).toEqual({ failure: 'unavailable', reason: 'https://id.test: no answer within 300 ms' });
    expect(setup.clock.pending).toBe(0);
  });

  it('names neither token nor secret', async () => {
    for (const [, ending] of FAULTS) {
      const reason = await reasonOf(setUp(ending, { maxResponseBytes: 1_000 }), 'planted-token');
      expect(reason).not.toMatch(/planted|passed/);
    }
  });
});

describe('an introspection endpoint that fails', () => {
  it('is left alone for cooldownMs, and asked again after it', async () => {
    const setup = setUp(new Error('down'), { cooldownMs: 500 });
    expect(await verdict(setup, 'a')).toBe('unavailable');
    setup.endpoint.ending = ACTIVE;
    setup.clock.advance(499);
    expect(await reasonOf(setup, 'b')).toBe('https://id.test: down');
    expect(setup.endpoint.requests).toHaveLength(1);
    setup.clock.advance(1);
    expect(await verdict(setup, 'b')).toBe('u-1');
    expect(await verdict(setup, 'a')).toBe('u-1');
    expect(setup.endpoint.requests).toHaveLength(3);
  });

  it('rests for as long after each failure', async () => {
    const setup = setUp(new Response(null, { status: 503 }));
    for (let failures = 1; failures <= 3; failures++) {
      expect(await verdict(setup)).toBe('unavailable');
      setup.clock.advance(999);
      expect(await verdict(setup)).toBe('unavailable');
      expect(setup.endpoint.requests).toHaveLength(failures);
      setup.clock.advance(1);
    }
  });

  it('is no matter to tokens in the cache', async () => {
    const setup = setUp(ACTIVE);
    await ask(setup, 'known');
    setup.endpoint.ending = new Error('down');
    expect(await verdict(setup, 'new')).toBe('unavailable');
    expect(await verdict(setup, 'known')).toBe('u-1');
  });

  it('is asked by every request where cooldownMs is 0', async () => {
    const setup = setUp(new Error('down'), { cooldownMs: 0 });
    await ask(setup);
    await ask(setup);
    expect(setup.endpoint.requests).toHaveLength(2);
  });

  it('is not left alone after a 400, which may be about one token', async () => {
    const setup = setUp(new Response(null, { status: 400 }));
    expect(await verdict(setup, 'odd')).toBe('unavailable');
    setup.endpoint.ending = ACTIVE;
    expect(await verdict(setup, 'good')).toBe('u-1');
  });
});

describe('the cache of introspection', () => {
  it('answers at once, without a promise, until cacheTtlMs is over', async () => {
    const setup = setUp(ACTIVE, { cacheTtlMs: 10_000 });
    await ask(setup);
    setup.endpoint.ending = { active: false };
    setup.clock.advance(9_999);
    expect(setup.strategy.authenticate(withToken('token-1'))).toMatchObject({ id: 'u-1' });
    setup.clock.advance(2);
    expect(await ask(setup)).toEqual(INACTIVE);
  });

  it('keeps each token apart', async () => {
    const setup = setUp(ACTIVE);
    await ask(setup, 'one');
    setup.endpoint.ending = { ...ACTIVE, sub: 'u-2' };
    expect(await verdict(setup, 'two')).toBe('u-2');
    expect(await verdict(setup, 'one')).toBe('u-1');
  });

  it('keeps nothing past exp', async () => {
    const setup = setUp({ ...ACTIVE, exp: NOW + 5 }, { cacheTtlMs: 60_000, clockToleranceMs: 60_000 });
    await ask(setup);
    setup.clock.advance(5_001);
    setup.endpoint.ending = { active: false };
    expect(await ask(setup)).toEqual(INACTIVE);
  });

  it('checks exp again when the wall clock has been set forward', async () => {
    const setup = setUp({ ...ACTIVE, exp: NOW + 5 });
    await ask(setup);
    setup.clock.advanceWall(5_000);
    expect(setup.strategy.authenticate(withToken('token-1'))).toEqual({
      failure: 'invalid',
      reason: 'the token has expired',
    });
  });

  it('checks nbf again', async () => {
    const setup = setUp({ ...ACTIVE, nbf: NOW + 5 });
    expect(await verdict(setup)).toBe('invalid');
    setup.clock.advance(5_000);
    expect(setup.strategy.authenticate(withToken('token-1'))).toMatchObject({ id: 'u-1' });
    expect(setup.endpoint.requests).toHaveLength(1);
  });

  it.each([
    [60_000, 5_000],
    [2_000, 2_000],
  ])('with a cacheTtlMs of %i keeps a refusal for %i ms', async (cacheTtlMs, ttl) => {
    const setup = setUp({ active: false }, { cacheTtlMs });
    await ask(setup);
    setup.endpoint.ending = ACTIVE;
    setup.clock.advance(ttl - 1);
    expect(setup.strategy.authenticate(withToken('token-1'))).toEqual(INACTIVE);
    setup.clock.advance(2);
    expect(await verdict(setup)).toBe('u-1');
  });

  it('is off where cacheTtlMs is 0', async () => {
    const setup = setUp(ACTIVE, { cacheTtlMs: 0 });
    await ask(setup);
    setup.endpoint.ending = { active: false };
    expect(await ask(setup)).toEqual(INACTIVE);
  });

  it('keeps the latest cacheSize tokens', async () => {
    const setup = setUp(ACTIVE, { cacheSize: 2 });
    for (const token of ['a', 'b', 'c']) await ask(setup, token);
    await ask(setup, 'c');
    await ask(setup, 'b');
    expect(setup.endpoint.requests).toHaveLength(3);
    await ask(setup, 'a');
    expect(setup.endpoint.requests).toHaveLength(4);
  });
});

describe('requests with the same token at a time', () => {
  it('share one question', async () => {
    const setup = setUp(ACTIVE, { cacheTtlMs: 0 });
    setup.endpoint.holds = true;
    const results = Array.from({ length: 50 }, () => verdict(setup));
    setup.endpoint.release();
    expect(new Set(await Promise.all(results))).toEqual(new Set(['u-1']));
    expect(setup.endpoint.requests).toHaveLength(1);
  });

  it('share a failure, and none is kept', async () => {
    const setup = setUp(new Error('down'), { cooldownMs: 0 });
    setup.endpoint.holds = true;
    const results = [verdict(setup), verdict(setup)];
    setup.endpoint.release();
    expect(await Promise.all(results)).toEqual(['unavailable', 'unavailable']);
    Object.assign(setup.endpoint, { holds: false, ending: ACTIVE });
    expect(await verdict(setup)).toBe('u-1');
  });

  it('get the answer even when the one that asked has left', async () => {
    const setup = setUp(ACTIVE);
    setup.endpoint.holds = true;
    const first = withToken('token-1');
    const left = setup.strategy.authenticate(first);
    const second = verdict(setup);
    expect(first.signal.aborted).toBe(false);
    first.abort(new Error('the client closed the connection'));
    setup.endpoint.release();
    expect(await second).toBe('u-1');
    expect(await left).toMatchObject({ id: 'u-1' });
    expect(setup.endpoint.requests).toHaveLength(1);
  });
});
