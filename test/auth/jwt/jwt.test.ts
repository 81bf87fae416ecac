import { afterEach, describe, expect, it, vi } from 'vitest';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { ConfigError } from '../../../src/core/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../../support/request.js';
import { KEYS, NOW, SECRET, tokenOf } from './support.js';

const TOKEN = tokenOf();

function ask(options: Partial<JwtOptions>, request: FakeRequestOptions = {}) {
  return jwt({ secret: SECRET, clock: new FakeClock(), ...options }).authenticate(fakeContext(request));
}

const bearer: FakeRequestOptions = { headers: { authorization: `Bearer ${TOKEN}` } };

describe('jwt', () => {
  it('says what it is', () => {
    expect(jwt({ secret: SECRET })).toMatchObject({
      name: 'jwt',
      scheme: 'Bearer',
      sources: [{ header: 'authorization' }],
    });
  });

  it('has nothing to say where no token is sent', () => {
    expect(ask({})).toBeNull();
    expect(ask({}, { headers: { authorization: 'Basic dTpw' } })).toBeNull();
  });

  it.each(['Bearer', 'bearer', 'BEARER'])('reads what follows %s', (scheme) => {
    expect(ask({}, { headers: { authorization: `${scheme} ${TOKEN}` } })).toMatchObject({ id: 'u1' });
  });

  it('refuses a token that is empty, or sent twice', () => {
    for (const authorization of ['Bearer', 'Bearer ', `Bearer ${TOKEN}, Bearer ${TOKEN}`, `Bearer ${TOKEN} ${TOKEN}`])
      expect(ask({}, { headers: { authorization } })).toMatchObject({ failure: 'invalid' });
  });

  it('looks for a token where it is told to, and nowhere else', () => {
    const tokenFrom = [{ header: 'x-token' }, { cookie: 'token' }, { query: 'token' }] as const;
    for (const request of [
      { headers: { 'x-token': TOKEN } },
      { headers: { cookie: `a=b; token=${TOKEN}` } },
      { url: `/?token=${TOKEN}` },
    ]) {
      expect(ask({ tokenFrom }, request)).toMatchObject({ id: 'u1' });
      expect(ask({}, request)).toBeNull();
    }
    expect(ask({ tokenFrom }, bearer)).toBeNull();
    expect(jwt({ secret: SECRET, tokenFrom }).sources).toEqual(tokenFrom);
  });

  it('tells all that is wrong with its options at once', () => {
    const options = {
      secert: SECRET,
      clockToleranceMs: -1,
      audience: true,
      expiring: 'yes',
      cacheSize: 1.5,
      requiredClaims: [],
    };
    let error: unknown;
    try {
      jwt(options as unknown as JwtOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    const { faults, message } = error as ConfigError;
    expect(faults.map(({ path }) => path).sort()).toEqual([...Object.keys(options), 'options'].sort());
    expect(message).toContain('did you mean secret?');
    expect(message).not.toContain(SECRET);
  });
});

describe('isRevoked', () => {
  it('is asked about every good token, a known one too, with its claims and the request', () => {
    const isRevoked = vi.fn<NonNullable<JwtOptions['isRevoked']>>(() => false);
    const strategy = jwt({ secret: SECRET, clock: new FakeClock(), isRevoked });
    const contexts = [fakeContext(bearer), fakeContext(bearer)];
    for (const ctx of contexts) expect(strategy.authenticate(ctx)).toMatchObject({ id: 'u1' });
    expect(isRevoked.mock.calls.map(([claims, ctx]) => [claims.sub, ctx])).toEqual(contexts.map((ctx) => ['u1', ctx]));
    isRevoked.mockReturnValue(true);
    expect(strategy.authenticate(fakeContext(bearer))).toEqual({ failure: 'invalid', reason: 'the token is revoked' });
  });

  it('is not asked about a token that is not good', () => {
    const isRevoked = vi.fn(() => false);
    void ask({ isRevoked }, { headers: { authorization: `Bearer ${tokenOf({ exp: NOW })}` } });
    void ask({ isRevoked });
    expect(isRevoked).not.toHaveBeenCalled();
  });

  it('may answer later', async () => {
    expect(await ask({ isRevoked: () => Promise.resolve(false) }, bearer)).toMatchObject({ id: 'u1' });
    expect(await ask({ isRevoked: () => Promise.resolve(true) }, bearer)).toMatchObject({ failure: 'invalid' });
  });

  it('that fails leaves nobody in, and tells the kind of the error alone', async () => {
    const isRevoked = () => {
      throw new Error('SELECT failed');
    };
    const unknown = { failure: 'unavailable', reason: 'isRevoked failed: Error' };
    expect(ask({ isRevoked }, bearer)).toEqual(unknown);
    expect(await ask({ isRevoked: () => Promise.reject(new Error('SELECT failed')) }, bearer)).toEqual(unknown);
  });

  it('that does not answer leaves nobody in after 5 seconds', async () => {
    const clock = new FakeClock();
    const strategy = jwt({ secret: SECRET, clock, isRevoked: () => new Promise(() => undefined) });
    const result = strategy.authenticate(fakeContext(bearer, { clock }));
    await clock.advanceAsync(5_000);
    expect(await result).toEqual({ failure: 'unavailable', reason: 'isRevoked failed: DeadlineError' });
  });

  it.each([undefined, null, 0, 1, '', 'no', [], { revoked: false }])('that answers %j is a mistake', async (answer) => {
    const [now, later] = [() => answer as never, () => Promise.resolve(answer as never)];
    expect(() => ask({ isRevoked: now }, bearer)).toThrow(TypeError);
    await expect(ask({ isRevoked: later }, bearer)).rejects.toThrow('isRevoked must answer with true or false');
  });
});

describe('a missing audience', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is warned of where others make the tokens, once', async () => {
    vi.resetModules();
    const fresh = await import('../../../src/auth/jwt/jwt.js');
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const publicKey = KEYS.ES256.verifying as NonNullable<JwtOptions['publicKey']>;
    fresh.jwt({ secret: SECRET });
    fresh.jwt({ publicKey, audience: 'shop' });
    fresh.jwt({ publicKey, audience: false });
    expect(warning).not.toHaveBeenCalled();
    fresh.jwt({ keys: [{ secret: SECRET }, { publicKey }] });
    fresh.jwt({ publicKey });
    expect(warning).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('audience'), {
      code: 'ERR_GATEWAY_JWT_AUDIENCE',
      type: 'GatewayWarning',
    });
  });
});
