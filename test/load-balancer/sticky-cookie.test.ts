import { describe, expect, it } from 'vitest';
import { ConfigError, validate } from '../../src/core/options.js';
import type { GatewayResponse, HeaderMap } from '../../src/core/types.js';
import { StickyCookie } from '../../src/load-balancer/sticky-cookie.js';
import { stickyTargetSchema, type StickyTargetOptions } from '../../src/load-balancer/sticky-options.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const SECRET = 'sticky-secret-of-32-bytes-or-more';
const OTHER_SECRET = 'another-secret-of-32-bytes-or-more';
const [a, b] = [{ url: 'http://10.0.0.1:3001' }, { url: 'http://10.0.0.2:3001' }];
const targets = [a, b];

function sticky(options: Partial<StickyTargetOptions> = {}): StickyCookie<{ url: string }> {
  return new StickyCookie({ secrets: SECRET, ...options });
}

/** `Set-Cookie` that `cookie` writes for a target. */
function field(cookie: StickyCookie<{ url: string }>, target = a, request: FakeRequestOptions = {}): string {
  const answer = cookie.give(fakeContext(request), () => ({ status: 200, headers: {}, body: null }), target);
  return ((answer as GatewayResponse).headers['set-cookie'] as string[])[0] as string;
}

/** `name=value` of it. */
function pair(cookie: StickyCookie<{ url: string }>, target = a): string {
  return field(cookie, target).split(';')[0] as string;
}

function take(cookie: StickyCookie<{ url: string }>, header: string | undefined, among = targets) {
  return cookie.take(fakeContext(header === undefined ? {} : { headers: { cookie: header } }), among);
}

describe('StickyCookie', () => {
  it('knows the target again that it has written', () => {
    const cookie = sticky();
    expect(take(cookie, pair(cookie, a))).toBe(a);
    expect(take(cookie, `theme=dark; ${pair(cookie, b)}; lang=en`)).toBe(b);
  });

  it('is understood by every process with the same secret, in whatever order targets stand', () => {
    expect(take(sticky(), pair(sticky(), b), [b, a])).toBe(b);
  });

  it('tells nothing of where a target is', () => {
    const text = field(sticky());
    expect(text).toMatch(/^gateway-target=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(Buffer.from(text.slice(15, 37), 'base64url').toString('latin1')).not.toContain('10.0.0');
  });

  it('is Secure where the client came over https, or as the option says', () => {
    expect(field(sticky(), a, { protocol: 'https' })).toContain('; Secure;');
    expect(field(sticky(), a, { protocol: 'http' })).not.toContain('Secure');
    expect(field(sticky({ secure: true }), a, { protocol: 'http' })).toContain('; Secure;');
    expect(field(sticky({ secure: false }), a, { protocol: 'https' })).not.toContain('Secure');
  });

  it('has the attributes that the options give', () => {
    const options = {
      cookie: 'node',
      maxAgeMs: 60_000,
      path: '/api',
      domain: 'example.com',
      sameSite: 'strict',
    } as const;
    expect(field(sticky(options))).toMatch(
      /^node=[\w-]{22}; Max-Age=60; Path=\/api; Domain=example.com; HttpOnly; SameSite=Strict$/,
    );
  });

  it.each([
    ['no cookie at all', undefined, 0],
    ['an empty list', undefined, 1],
    ['one of the upstream', 'session=1', 2],
    ['several of the upstream', ['session=1', 'theme=dark; Path=/'], 3],
  ])('is added to an answer with %s', (_, given, count) => {
    const headers: HeaderMap = count === 1 ? { 'set-cookie': [] } : {};
    if (given !== undefined) headers['set-cookie'] = given;
    void sticky().give(fakeContext(), () => ({ status: 200, headers, body: null }), a);
    const all = headers['set-cookie'] as string[];
    const others = given === undefined ? [] : [given].flat();
    expect(all.slice(0, -1)).toEqual(others);
    expect(all.at(-1)).toMatch(/^gateway-target=/);
  });

  it('reads what an older secret of the list has made, and writes with the first', () => {
    const old = sticky({ secrets: OTHER_SECRET });
    const rotated = sticky({ secrets: [SECRET, OTHER_SECRET] });
    expect(take(rotated, pair(old, b))).toBe(b);
    expect(pair(rotated, b)).toBe(pair(sticky(), b));
    expect(take(sticky(), pair(old, b))).toBeNull();
  });

  it('reads a new list of targets anew', () => {
    const cookie = sticky();
    const ofB = pair(cookie, b);
    expect(take(cookie, ofB, [a])).toBeNull();
    expect(take(cookie, ofB, [a, b])).toBe(b);
    const again = { url: b.url };
    expect(take(cookie, ofB, [again])).toBe(again);
  });
});

describe('StickyCookie: what is not ours leads nowhere', () => {
  const cookie = sticky();
  const value = pair(cookie).slice('gateway-target='.length);

  it.each([
    ['a target that was removed', () => pair(cookie, { url: 'http://gone:3001' })],
    ['a URL', () => 'gateway-target=http://10.0.0.1:3001'],
    ['a value of another secret', () => pair(sticky({ secrets: OTHER_SECRET }))],
    ['a value of a cookie of another name', () => `gateway-target=${pair(sticky({ cookie: 'node' })).slice(5)}`],
    ['a value that is cut off', () => `gateway-target=${value.slice(0, -1)}`],
    ['a value with more behind', () => `gateway-target=${value}A`],
    [
      'a value with one character changed',
      () => `gateway-target=${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`,
    ],
    ['another case of the name', () => pair(cookie).replace('gateway', 'Gateway')],
    ['nothing', () => 'gateway-target='],
    ['a name of every object', () => 'gateway-target=__proto__'],
    ['22 characters of one', () => 'gateway-target=constructorconstructor'],
    ['100 KB', () => `gateway-target=${'A'.repeat(102_400)}`],
    ['a name without a value', () => 'gateway-target'],
  ])('%s', (_, header) => {
    expect(take(cookie, header())).toBeNull();
  });

  it('of two cookies of the name, the first counts', () => {
    expect(take(cookie, `${pair(cookie, a)}; ${pair(cookie, b)}`)).toBe(a);
    expect(take(cookie, `gateway-target=forged; ${pair(cookie, b)}`)).toBeNull();
  });

  it.each([[['a=1', 'c=2']], [[]]])('fields that came apart are one list, beside %j', (others) => {
    const ctx = fakeContext({ headers: { cookie: [...others, pair(cookie, b)] } });
    expect(cookie.take(ctx, targets)).toBe(b);
  });
});

describe('StickyCookie: upstream', () => {
  const cookie = sticky();

  it('its own cookie stays here, and all others are sent', () => {
    const header = `theme=dark; ${pair(cookie)}; gateway-target=second; lang="en"`;
    const ctx = fakeContext({ headers: { cookie: header } });
    cookie.take(ctx, targets);
    expect(ctx.drafted?.headers.cookie).toBe('theme=dark; lang="en"');
    cookie.take(ctx, targets);
    expect(ctx.drafted?.headers.cookie).toBe('theme=dark; lang="en"');
  });

  it('no field is sent where nothing is left', () => {
    const ctx = fakeContext({ headers: { cookie: 'gateway-target=forged' } });
    cookie.take(ctx, targets);
    expect(ctx.drafted?.headers.cookie).toBeUndefined();
  });

  it('what another piece took out of the draft stays out', () => {
    const ctx = fakeContext({ headers: { cookie: `session=1; ${pair(cookie)}` } });
    ctx.draft().headers.cookie = pair(cookie);
    expect(cookie.take(ctx, targets)).toBe(a);
    expect(ctx.drafted?.headers.cookie).toBeUndefined();
  });

  it('a request without the cookie costs no copy', () => {
    const ctx = fakeContext({ headers: { cookie: 'theme=dark' } });
    cookie.take(ctx, targets);
    expect(ctx.drafted).toBeNull();
  });
});

describe('sticky options', () => {
  function faultsOf(options: unknown): string[] {
    try {
      validate('sticky', options, stickyTargetSchema);
      return [];
    } catch (error) {
      return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
    }
  }

  it.each([
    [{ secrets: SECRET }],
    [{ secrets: [SECRET, OTHER_SECRET], cookie: '__Host-node', secure: true, sameSite: 'none' }],
    [{ secrets: SECRET, cookie: '__Secure-node', secure: true, path: '/api', domain: 'example.com' }],
  ])('takes %j', (options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it.each([
    ['none', {}, /^secrets: missing/],
    ['no secret', { secrets: [] }, /^secrets: got an empty list/],
    ['a short secret', { secrets: 'short' }, /^secrets: expected a text of at least 32 bytes$/],
    ['a short one in a list', { secrets: [SECRET, 'short'] }, /^secrets\[1\]: expected a text/],
    ['a name with a space', { secrets: SECRET, cookie: 'a b' }, /^cookie: got "a b"/],
    ['a name with a line break', { secrets: SECRET, cookie: 'a\r\nx' }, /^cookie: got/],
    ['a path with an attribute', { secrets: SECRET, path: '/; Secure' }, /^path: got/],
    ['a domain with a line break', { secrets: SECRET, domain: 'a\nb' }, /^domain: got/],
    ['SameSite=None without Secure', { secrets: SECRET, sameSite: 'none' }, /^sameSite: is 'none'/],
    ['a prefix without Secure', { secrets: SECRET, cookie: '__Secure-n' }, /^cookie: has a prefix/],
    ['__Host- with a path', { secrets: SECRET, cookie: '__host-n', secure: true, path: '/a' }, /^cookie: has a prefix/],
    ['an unknown name', { secrets: SECRET, cookies: 'n' }, /^cookies: unknown option; did you mean cookie\?/],
  ])('refuses %s', (_, options, message) => {
    expect(faultsOf(options)).toEqual([expect.stringMatching(message)]);
  });

  it('no fault shows a secret', () => {
    const faults = [{ secrets: 'pssst' }, { secrets: ['pssst'] }, 'pssst', ['pssst'], null].map(faultsOf);
    expect(faults.every((found) => found.length === 1)).toBe(true);
    expect(faults.join()).not.toContain('pssst');
  });
});
