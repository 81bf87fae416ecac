import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SignedSessionOptions } from '../../../src/auth/session/options.js';
import { session } from '../../../src/auth/session/session.js';
import type { SessionStrategy } from '../../../src/auth/session/signed-session.js';
import { isAuthFailure } from '../../../src/auth/strategy.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom } from '../../support/random.js';
import { fakeContext } from '../../support/request.js';

const SECRET = 'planted-secret-of-more-than-32-bytes';
const OTHER = 'another-secret-of-more-than-32-bytes';
const NAME = '__Host-session';
const CLAIMS = { sub: 'u-1', roles: ['editor'] };

function sessions(clock = new FakeClock(), options: Partial<SignedSessionOptions> = {}): SessionStrategy {
  return session({ secrets: SECRET, clock, ...options });
}

/** The value that a browser would keep of a `Set-Cookie` field. */
function valueOf(field: string): string {
  return field.slice(field.indexOf('=') + 1, field.indexOf(';'));
}

/** What is said of a `Cookie` field, in one word. */
function verdict(strategy: SessionStrategy, cookie: string): string {
  const result = strategy.authenticate(fakeContext({ headers: { cookie } }));
  if (result instanceof Promise) return 'late';
  if (result === null) return 'none';
  if (!isAuthFailure(result)) return result.id;
  expect(result.reason).not.toMatch(/planted|u-1/);
  return result.failure;
}

/** A cookie signed as the strategy does it, whatever is in it. */
function forged(payload: string, { secret = SECRET, name = NAME, version = 1 } = {}): string {
  const text = Buffer.from(payload).toString('base64url');
  const signature = createHmac('sha256', secret).update(`innergate session ${version}\n${name}\n${text}`);
  return `${text}.${signature.digest('base64url')}`;
}

function payload(claims: unknown, { iat = 0, exp = 1 } = {}): string {
  const now = new FakeClock().wall();
  return JSON.stringify({ claims, iat: now + iat, exp: now + exp });
}

describe('session with secrets', () => {
  it('knows the cookie that it has made', () => {
    const strategy = sessions();
    const cookie = `${NAME}=${valueOf(strategy.create(CLAIMS))}`;
    expect(strategy.authenticate(fakeContext({ headers: { cookie: `theme=dark; ${cookie}; lang=en` } }))).toEqual({
      id: 'u-1',
      scheme: 'session',
      claims: CLAIMS,
      scopes: [],
      roles: ['editor'],
    });
    expect(strategy).toMatchObject({ name: 'session', scheme: 'Cookie', sources: [{ cookie: NAME }] });
  });

  it('makes cookies that scripts, plain http and pages of other sites get nothing of', () => {
    const field = sessions().create(CLAIMS);
    expect(field.replace(/=[^;]*/, '=...')).toBe(
      '__Host-session=...; Max-Age=86400; Path=/; Secure; HttpOnly; SameSite=Lax',
    );
  });

  it('makes cookies with the attributes that it is given', () => {
    const options = {
      path: '/app',
      domain: 'example.com',
      secure: false,
      sameSite: 'strict',
      maxAgeMs: 1_500,
    } as const;
    const field = sessions(undefined, options).create(CLAIMS);
    expect(field.replace(/=[^;]*/, '=...')).toBe(
      'session=...; Max-Age=2; Path=/app; Domain=example.com; HttpOnly; SameSite=Strict',
    );
  });

  it.each<[object, string]>([
    [{}, '__Host-session'],
    [{ secure: false }, 'session'],
    [{ path: '/app' }, 'session'],
    [{ domain: 'example.com' }, 'session'],
    [{ cookie: 'sid' }, 'sid'],
  ])('with %j calls the cookie %s', (options, name) => {
    expect(sessions(undefined, options).sources).toEqual([{ cookie: name }]);
  });

  it('removes the cookie with the attributes that it was made with', () => {
    expect(sessions(undefined, { domain: 'example.com' }).clear()).toBe(
      'session=; Max-Age=0; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax',
    );
  });

  it('knows nothing of a request without the cookie', () => {
    expect(verdict(sessions(), 'other=1')).toBe('none');
    expect(sessions().authenticate(fakeContext())).toBe(null);
  });

  it('counts the first of several cookies', () => {
    const strategy = sessions();
    const good = `${NAME}=${valueOf(strategy.create(CLAIMS))}`;
    expect(verdict(strategy, `${good}; ${NAME}=junk`)).toBe('u-1');
    expect(verdict(strategy, `${NAME}=junk; ${good}`)).toBe('invalid');
  });

  it('ends after maxAgeMs, however much it is used', () => {
    const clock = new FakeClock();
    const strategy = sessions(clock, { maxAgeMs: 10_000 });
    const cookie = `${NAME}=${valueOf(strategy.create(CLAIMS))}`;
    clock.advance(9_999);
    expect(verdict(strategy, cookie)).toBe('u-1');
    clock.advance(1);
    expect(verdict(strategy, cookie)).toBe('invalid');
  });

  it('ends sooner where maxAgeMs has been made shorter since, and no later where it has been made longer', () => {
    const clock = new FakeClock();
    const cookie = `${NAME}=${valueOf(sessions(clock, { maxAgeMs: 10_000 }).create(CLAIMS))}`;
    clock.advance(5_000);
    expect(verdict(sessions(clock, { maxAgeMs: 5_001 }), cookie)).toBe('u-1');
    expect(verdict(sessions(clock, { maxAgeMs: 5_000 }), cookie)).toBe('invalid');
    clock.advance(5_000);
    expect(verdict(sessions(clock, { maxAgeMs: 60_000 }), cookie)).toBe('invalid');
  });

  it('takes a cookie of a gateway whose clock is up to a minute ahead', () => {
    const strategy = sessions();
    expect(verdict(strategy, `${NAME}=${forged(payload(CLAIMS, { iat: 60_000, exp: 61_000 }))}`)).toBe('u-1');
    expect(verdict(strategy, `${NAME}=${forged(payload(CLAIMS, { iat: 60_001, exp: 61_000 }))}`)).toBe('invalid');
  });

  it('takes cookies signed with an older secret, and signs with the first', () => {
    const clock = new FakeClock();
    const [before, during, after] = [[SECRET], [OTHER, SECRET], [OTHER]].map((secrets) => sessions(clock, { secrets }));
    const old = `${NAME}=${valueOf((before as SessionStrategy).create(CLAIMS))}`;
    expect(verdict(during as SessionStrategy, old)).toBe('u-1');
    expect(verdict(after as SessionStrategy, old)).toBe('invalid');
    const renewed = `${NAME}=${valueOf((during as SessionStrategy).create(CLAIMS))}`;
    expect(verdict(after as SessionStrategy, renewed)).toBe('u-1');
    expect(verdict(before as SessionStrategy, renewed)).toBe('invalid');
  });

  it('makes no session that nobody could use', () => {
    const strategy = sessions();
    expect(() => strategy.create({ roles: ['editor'] })).toThrow(TypeError);
    expect(() => strategy.create({ sub: '' })).toThrow(TypeError);
    expect(() => strategy.create({ sub: 'u-1', size: 1n })).toThrow(TypeError);
  });

  it('makes no cookie that browsers throw away', () => {
    const strategy = sessions();
    const field = strategy.create({ sub: 'u-1', notes: 'x'.repeat(2_850) });
    expect(field.length).toBeLessThanOrEqual(4_096);
    expect(verdict(strategy, `${NAME}=${valueOf(field)}`)).toBe('u-1');
    expect(() => strategy.create({ sub: 'u-1', notes: 'planted'.repeat(450) })).toThrow(RangeError);
    expect(() => strategy.create({ sub: 'u-1', notes: 'planted'.repeat(450) })).not.toThrow(/planted/);
  });

  it('takes claims in whatever script', () => {
    const strategy = sessions();
    const result = strategy.authenticate(
      fakeContext({ headers: { cookie: `${NAME}=${valueOf(strategy.create({ sub: 'ü', name: '名前 🙂' }))}` } }),
    );
    expect(result).toMatchObject({ id: 'ü', claims: { name: '名前 🙂' } });
  });
});

describe('session with secrets refuses', () => {
  const good = forged(payload(CLAIMS));
  const [text = '', signature = ''] = good.split('.');

  it('nothing of this: the cookie that the others here are made of', () => {
    expect(verdict(sessions(), `${NAME}=${good}`)).toBe('u-1');
  });

  it.each<[string, string]>([
    ['another payload', `${Buffer.from(payload({ sub: 'root' })).toString('base64url')}.${signature}`],
    ['another signature', `${text}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`],
    ['a signature in another spelling', `${text}.${signature}=`],
    ['a signature whose spare bits differ', `${text}.${sparedBits(signature)}`],
    ['no signature', text],
    ['an empty signature', `${text}.`],
    ['an empty payload', `.${signature}`],
    ['half a signature', `${text}.${signature.slice(0, 20)}`],
    ['a signature in hex', `${text}.${Buffer.from(signature, 'base64url').toString('hex')}`],
    ['a cookie cut short', good.slice(0, -1)],
    ['a part too many', `${good}.${signature}`],
    ['another secret', forged(payload(CLAIMS), { secret: OTHER })],
    ['an empty secret', forged(payload(CLAIMS), { secret: '' })],
    ['the session of another cookie', forged(payload(CLAIMS), { name: 'admin' })],
    ['another version', forged(payload(CLAIMS), { version: 2 })],
    ['a session that has expired', forged(payload(CLAIMS, { exp: 0 }))],
    ['no JSON', forged('{"claims"')],
    ['null', forged('null')],
    ['a list', forged('[]')],
    ['no claims', forged(JSON.stringify({ iat: 0, exp: 9e15 }))],
    ['claims that are a text', forged(payload('u-1'))],
    ['claims that are a list', forged(payload(['u-1']))],
    ['times that are texts', forged(JSON.stringify({ claims: CLAIMS, iat: '0', exp: '9e15' }))],
    ['no beginning', forged(JSON.stringify({ claims: CLAIMS, exp: 9e15 }))],
    ['no end', forged(JSON.stringify({ claims: CLAIMS, iat: new FakeClock().wall() }))],
    ['an end that is too big for a number', forged(payload(CLAIMS).replace(/\d+}$/, '1e999}'))],
    ['claims that are null', forged(payload(null))],
    ['claims without an id', forged(payload({ roles: ['admin'] }))],
    ['an id from __proto__', forged('{"claims":{"__proto__":{"sub":"root"}},"iat":0,"exp":9e15}')],
    ['claims from __proto__', forged('{"__proto__":{"claims":{"sub":"root"},"iat":0,"exp":9e15}}')],
    ['more than 4096 bytes', forged(payload({ sub: 'u-1', notes: 'x'.repeat(3_100) }))],
    ['1 MB', 'x'.repeat(1_000_000)],
    ['1 MB of dots', '.'.repeat(1_000_000)],
    ['NUL', `${text}\0.${signature}`],
    ['a character above one byte', `${text}Ł.${signature}`],
    ['__proto__', '__proto__'],
    ['nothing at all', ''],
  ])('%s', (_case, value) => {
    expect(verdict(sessions(), `${NAME}=${value}`)).toBe('invalid');
  });

  it('every cookie in which one character differs', () => {
    const random = seededRandom(7);
    const strategy = sessions();
    for (let round = 0; round < 500; round++) {
      const at = random.int(good.length);
      const other = random.pick(['A', 'b', '0', '-', '_', '.'].filter((character) => character !== good[at]));
      const value = good.slice(0, at) + other + good.slice(at + 1);
      expect(verdict(strategy, `${NAME}=${value}`), value).toBe('invalid');
    }
  });

  it('claims that were signed with a __proto__ change no object', () => {
    const claims = JSON.parse('{"sub":"u-1","__proto__":{"polluted":true}}') as { sub: string };
    const strategy = sessions();
    expect(verdict(strategy, `${NAME}=${valueOf(strategy.create(claims))}`)).toBe('u-1');
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
  });
});

/** The last of 43 characters carries four bits of the signature and two that decode to nothing. */
function sparedBits(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = alphabet[alphabet.indexOf(signature.slice(-1)) ^ 1] as string;
  const spelling = signature.slice(0, -1) + other;
  expect(Buffer.from(spelling, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
  return spelling;
}
