import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { ConfigError, func, validate } from '../../src/core/options.js';
import type { Handler, HeaderMap } from '../../src/core/types.js';
import { splitTraffic, type SplitHandler, type TrafficSplitOptions } from '../../src/traffic-split/index.js';
import { splitSchemaOf } from '../../src/traffic-split/options.js';
import { seededRandom } from '../support/random.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

/** Answers with a name. */
function side(name: string, headers: HeaderMap = {}): Handler {
  return () => ({ status: 200, headers: { ...headers }, body: name });
}

const HALVES = { v1: { to: side('v1') }, v2: { to: side('v2') } };
const BUCKET = /^gateway-bucket=(\d{1,9}); Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/;

function split(options: Partial<TrafficSplitOptions> = {}): SplitHandler {
  return splitTraffic({ variants: HALVES, random: seededRandom(7), ...options });
}

interface Sent {
  readonly ctx: Context;
  readonly body: unknown;
  readonly cookies: readonly string[];
}

async function send(handler: Handler, request: FakeRequestOptions = {}): Promise<Sent> {
  const ctx = fakeContext(request);
  const { headers, body } = await handler(ctx);
  expect(ctx.variant).toBe(body);
  return { ctx, body, cookies: [headers['set-cookie'] ?? []].flat() };
}

function cookie(value: string): FakeRequestOptions {
  return { headers: { cookie: `gateway-bucket=${value}` } };
}

describe('splitTraffic', () => {
  it('sends each request to a variant, by weight, and writes down to which', async () => {
    const handler = split({ variants: { v1: { weight: 3, to: side('v1') }, v2: { to: side('v2') } } });
    let first = 0;
    for (let request = 0; request < 10_000; request++) if ((await send(handler)).body === 'v1') first++;
    expect(Math.abs(first / 10_000 - 0.75)).toBeLessThan(0.01);
  });

  it('stays synchronous, and answers with what the variant answers', () => {
    const answer = { status: 204, headers: {}, body: null };
    expect(split({ variants: { only: { to: () => answer } } })(fakeContext())).toBe(answer);
  });

  it('keeps a caller on its side, whatever chance says', async () => {
    const handler = split({ by: { header: 'X-User' } });
    for (const user of ['ann', 'bob', 'eve']) {
      const request = { headers: { 'x-user': user } };
      const { body } = await send(handler, request);
      expect(body).toBe(handler.split.choose(user));
      for (let again = 0; again < 10; again++) expect((await send(handler, request)).body).toBe(body);
    }
  });

  it('leaves callers that nothing identifies to chance', async () => {
    const handler = split({ by: 'identity' });
    const bodies = new Set<unknown>();
    for (let request = 0; request < 20; request++) {
      const { body, cookies } = await send(handler);
      expect(cookies).toEqual([]);
      bodies.add(body);
    }
    expect(bodies.size).toBe(2);
  });

  it('hands a new caller a cookie that keeps it on the side that it came to', async () => {
    const handler = split({ sticky: true });
    for (let caller = 0; caller < 20; caller++) {
      const { body, cookies } = await send(handler);
      expect(cookies).toEqual([expect.stringMatching(BUCKET)]);
      const [, bucket = ''] = BUCKET.exec(String(cookies[0])) ?? [];
      const again = await send(handler, cookie(bucket));
      expect([again.body, again.cookies]).toEqual([body, []]);
    }
  });

  it('leaves the cookies of the variant in place', async () => {
    const to = side('v1', { 'set-cookie': ['a=1', 'b=2'] });
    const { cookies } = await send(split({ sticky: true, variants: { v1: { to } } }));
    expect(cookies).toEqual(['a=1', 'b=2', expect.stringMatching(BUCKET)]);
    const one = await send(split({ sticky: true, variants: { v1: { to: side('v1', { 'set-cookie': 'a=1' }) } } }));
    expect(one.cookies).toEqual(['a=1', expect.stringMatching(BUCKET)]);
  });

  it('hands out the cookie with a later answer, too', async () => {
    const variants = { v1: { to: () => Promise.resolve({ status: 200, headers: {}, body: 'v1' }) } };
    expect((await send(split({ sticky: true, variants }))).cookies).toHaveLength(1);
  });

  it.each([
    '',
    '-1',
    '1e9',
    '1234567890',
    '12a',
    'canary',
    '0x10',
    '%31',
    '"',
    '１２',
    'a'.repeat(10_000),
    '__proto__',
  ])('replaces a cookie of another kind: %s', async (value) => {
    const { cookies } = await send(split({ sticky: true }), cookie(value));
    expect(cookies).toEqual([expect.stringMatching(BUCKET)]);
  });

  it('needs no cookie where the caller is known', async () => {
    const handler = split({ by: { header: 'x-user' }, sticky: true });
    expect((await send(handler, { headers: { 'x-user': 'ann' } })).cookies).toEqual([]);
    expect((await send(handler)).cookies).toHaveLength(1);
  });

  it('writes the cookie as it is told to', async () => {
    const sticky = { cookie: 'side', maxAgeMs: 1_500, path: '/shop', domain: 'shop.test', secure: true } as const;
    const { cookies } = await send(split({ sticky: { ...sticky, sameSite: 'none' } }));
    const attributes = 'Max-Age=2; Path=/shop; Domain=shop.test; Secure; HttpOnly; SameSite=None';
    expect(cookies).toEqual([expect.stringMatching(new RegExp(`^side=\\d+; ${attributes}$`))]);
  });

  it('asks for https where the caller came over https, unless told not to', async () => {
    const [cookies] = (await send(split({ sticky: true }), { protocol: 'https' })).cookies;
    expect(cookies).toContain('; Secure;');
    const [lenient] = (await send(split({ sticky: { secure: false } }), { protocol: 'https' })).cookies;
    expect(lenient).not.toContain('Secure');
  });

  it('lets a request name its variant, be its weight 0, without a cookie', async () => {
    const variants = { v1: { to: side('v1') }, dark: { weight: 0, to: side('dark') } };
    const handler = split({ variants, override: { header: 'x-variant' }, sticky: true });
    const { body, cookies } = await send(handler, { headers: { 'x-variant': 'dark' } });
    expect([body, cookies]).toEqual(['dark', []]);
  });

  it.each(['v3', 'V1', 'constructor', '__proto__', 'v1,v2'])('ignores the name %s', async (name) => {
    const handler = split({ by: { header: 'x-user' }, override: { header: 'x-variant' } });
    const { body } = await send(handler, { headers: { 'x-user': 'ann', 'x-variant': name } });
    expect(body).toBe(handler.split.choose('ann'));
  });

  it('tells the variant on the answer only where it is asked to', async () => {
    const handler = split({ by: { header: 'x-user' }, answerHeader: 'X-Variant' });
    const { ctx, body } = await send(handler, { headers: { 'x-user': 'ann' } });
    expect(ctx.answerHeaders).toEqual({ vary: 'x-user', 'x-variant': body });
    expect((await send(split())).ctx.answerHeaders).toBeNull();
  });

  it('takes variants with names of an object', async () => {
    const variants = Object.fromEntries(['__proto__', 'constructor', ''].map((name) => [name, { to: side(name) }]));
    const handler = split({ variants, override: { header: 'x-variant' } });
    for (let request = 0; request < 20; request++) await send(handler);
    expect((await send(handler, { headers: { 'x-variant': '__proto__' } })).body).toBe('__proto__');
  });

  it('passes on what a variant throws or rejects', async () => {
    const failing: Handler = () => {
      throw new Error('down');
    };
    expect(() => split({ variants: { v1: { to: failing } } })(fakeContext())).toThrow('down');
    const rejecting: Handler = () => Promise.reject(new Error('down'));
    await expect(split({ sticky: true, variants: { v1: { to: rejecting } } })(fakeContext())).rejects.toThrow('down');
  });

  it.each<[string, Partial<TrafficSplitOptions>, string]>([
    ['chance', {}, 'v1 50 %, v2 50 % by chance'],
    ['a value', { by: { cookie: 'sid' } }, 'v1 50 %, v2 50 % by cookie sid'],
    ['its cookie', { sticky: true }, 'v1 50 %, v2 50 % by cookie gateway-bucket'],
    [
      'all of them',
      { by: 'identity', sticky: { cookie: 'side' }, override: { header: 'x-variant' } },
      'v1 50 %, v2 50 % by identity, else by cookie side, unless header x-variant names one',
    ],
  ])('says in words that it goes by %s', (_case, options, words) => {
    expect(split(options).describe()).toBe(words);
  });

  it.each<[string, unknown, string[]]>([
    ['no variants', {}, ['variants']],
    ['an empty set of them', { variants: {} }, ['variants']],
    ['variants in a list', { variants: [{ to: side('v1') }] }, ['variants']],
    ['variants that lead nowhere', { variants: { v1: {}, v2: null } }, ['variants.v1.to', 'variants.v2']],
    ['a negative weight', { variants: { v1: { weight: -1, to: side('v1') } } }, ['variants.v1.weight']],
    ['nothing but 0', { variants: { v1: { weight: 0, to: side('v1') } } }, ['variants']],
    ['a value of no kind', { variants: HALVES, by: 'user', override: {} }, ['by', 'override']],
    [
      'a cookie that no browser takes',
      { variants: HALVES, sticky: { cookie: 'a b', maxAgeMs: 0, path: 'x', domain: ';', sameSite: 'none' } },
      ['sticky.cookie', 'sticky.maxAgeMs', 'sticky.path', 'sticky.domain', 'sticky.sameSite'],
    ],
    [
      'a prefix without its conditions',
      { variants: HALVES, sticky: { cookie: '__Host-a', path: '/x' } },
      ['sticky.cookie'],
    ],
    ['a field that is none', { variants: HALVES, answerHeader: 'x variant' }, ['answerHeader']],
    [
      'a name that no field can tell',
      { variants: { 'a\nb': { to: side('') } }, answerHeader: 'x' },
      ['variants["a\\nb"]'],
    ],
    ['unknown options', { variants: HALVES, wieght: 1, random: 1 }, ['wieght', 'random']],
  ])('does not start with %s', (_case, options, paths) => {
    expect(faultPaths(() => splitTraffic(options as TrafficSplitOptions))).toEqual(paths);
  });

  it('lends its schema to a config in which variants lead elsewhere', () => {
    const schema = splitSchemaOf({ expected: 'a URL', accepts: (value) => typeof value === 'string' });
    const config = { variants: { v1: { weight: 0, to: 'http://a' }, v2: { weight: 0, to: side('v2') } } };
    expect(faultPaths(() => validate('config', config, schema, 'split'))).toEqual([
      'split.variants.v2.to',
      'split.variants',
    ]);
    expect(faultPaths(() => validate('config', { variants: HALVES }, splitSchemaOf(func)))).toEqual([]);
  });
});

function faultPaths(start: () => unknown): string[] {
  try {
    start();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}
