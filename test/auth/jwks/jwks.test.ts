import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JwksKeys } from '../../../src/auth/jwt/jwks.js';
import type { JwksOptions, JwksOutage } from '../../../src/auth/jwt/jwks-options.js';
import type { VerificationKey } from '../../../src/auth/jwt/key-source.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom } from '../../support/random.js';
import { ecJwk, FakeIssuer, jsonAnswer } from './fake-issuer.js';

const URI = 'https://login.test/keys';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: FakeClock;
let issuer: FakeIssuer;
let outages: JwksOutage[];

beforeEach(() => {
  clock = new FakeClock();
  issuer = new FakeIssuer(ecJwk('a'), ecJwk('b'));
  outages = [];
});
afterEach(() => {
  expect(clock.pending).toBe(0);
  vi.restoreAllMocks();
});

function keysOf(options: Partial<JwksOptions> = {}): JwksKeys {
  const onOutage = (outage: JwksOutage): void => void outages.push(outage);
  return new JwksKeys({ uri: URI, fetch: issuer.fetch, clock, onOutage, ...options });
}

/** Keys that have been fetched once. */
async function warmKeys(options: Partial<JwksOptions> = {}): Promise<JwksKeys> {
  const keys = keysOf(options);
  expect(await keys.find('a', 'ES256')).toHaveLength(1);
  return keys;
}

type Answer = Awaited<ReturnType<JwksKeys['find']>>;

/** What is known without any waiting. */
function now(answer: ReturnType<JwksKeys['find']>): Answer {
  expect(answer).not.toBeInstanceOf(Promise);
  return answer as Answer;
}

function names(answer: Answer): (string | null)[] | string {
  return 'failure' in answer ? answer.failure : answer.map(({ kid }) => kid);
}

describe('the first keys', () => {
  it('are not fetched by who asks for the version alone, as whoever is being made does', async () => {
    const keys = keysOf();
    expect(keys.version).toBe(0);
    await clock.advanceAsync(MINUTE);
    expect(issuer.fetches).toBe(0);
  });

  it('are fetched by the first who needs one, once for all who wait, and are there without waiting from then on', async () => {
    const keys = keysOf();
    expect(issuer.fetches).toBe(0);
    const waiting = Array.from({ length: 50 }, async (_, index) => keys.find(index % 2 === 0 ? 'a' : 'b', 'ES256'));
    const answers = await Promise.all(waiting);
    expect(issuer.asked).toEqual([URI]);
    expect(answers.slice(0, 2).map(names)).toEqual([['a'], ['b']]);
    expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
  });

  it('are missed with unavailable, never with an empty list, at once while it is too early to ask again', async () => {
    issuer.fail();
    const keys = keysOf();
    const failure = {
      failure: 'unavailable',
      reason: 'no keys from https://login.test: an answer with status 500',
    };
    expect(await keys.find('a', 'ES256')).toEqual(failure);
    issuer.recover();
    clock.advance(29_999);
    expect(now(keys.find('a', 'ES256'))).toEqual(failure);
    expect(now(keys.find(null, 'ES256'))).toEqual(failure);
    expect(issuer.fetches).toBe(1);
    clock.advance(1);
    expect(names(await keys.find('a', 'ES256'))).toEqual(['a']);
    expect(issuer.fetches).toBe(2);
  });

  it.each<[string, () => Response | Promise<Response>, RegExp]>([
    ['HTTP 500', () => new Response('{"keys":[]}', { status: 500 }), /an answer with status 500$/],
    ['HTTP 204', () => new Response(null, { status: 204 }), /an answer with status 204$/],
    ['HTML', () => new Response('<!doctype html><title>Sign in</title>'), /an answer that is no JSON object$/],
    ['a JSON text', () => jsonAnswer('keys'), /an answer that is no JSON object$/],
    ['null', () => jsonAnswer(null), /an answer that is no JSON object$/],
    ['another object', () => jsonAnswer({ keys: { a: ecJwk('a') } }), /no JWK Set$/],
    ['a list', () => jsonAnswer([ecJwk('a')]), /no JWK Set$/],
    ['no keys', () => jsonAnswer({ keys: [] }), /a set of 0 keys, none of which can be used$/],
    [
      '10,000 keys',
      () => jsonAnswer({ keys: Array(10_000).fill({ kty: 'EC' }) }),
      /a set of 10000 keys, more than 100$/,
    ],
    ['more than 1 MB', () => new Response(new Uint8Array(1_048_577)), /an answer of more than 1048576 bytes$/],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: URI } }),
      /a redirect \(302\), which is not followed$/,
    ],
    ['a refused connection', () => Promise.reject(new TypeError('fetch failed')), /fetch failed$/],
  ])('are missed with unavailable and a reason where the answer is %s', async (_case, answer, reason) => {
    issuer.answer = answer;
    const found = await keysOf().find('a', 'ES256');
    expect(found).toMatchObject({ failure: 'unavailable', reason: expect.stringMatching(reason) as string });
    expect(outages).toMatchObject([{ origin: 'https://login.test', state: 'down' }]);
    expect(issuer.fetches).toBe(1);
  });

  it('are waited for as long as timeoutMs says', async () => {
    issuer.hold();
    const waiting = keysOf({ timeoutMs: 250 }).find('a', 'ES256');
    await clock.advanceAsync(249);
    expect(outages).toEqual([]);
    await clock.advanceAsync(1);
    expect(await waiting).toMatchObject({ reason: 'no keys from https://login.test: no answer within 250 ms' });
  });
});

describe('a name that nobody knows', () => {
  it('is looked up at once after a rotation, once for all who wait', async () => {
    const keys = await warmKeys();
    issuer.keys = [ecJwk('b'), ecJwk('c')];
    clock.advance(30_000);
    const answers = await Promise.all([keys.find('c', 'ES256'), keys.find('c', 'ES256'), keys.find('x', 'ES256')]);
    expect(answers.map(names)).toEqual([['c'], ['c'], []]);
    expect(issuer.fetches).toBe(2);
    expect(names(now(keys.find('a', 'ES256')))).toEqual([]);
  });

  it('is unknown without waiting while it is too early to ask again', async () => {
    const keys = await warmKeys();
    clock.advance(29_999);
    expect(names(now(keys.find('c', 'ES256')))).toEqual([]);
    expect(issuer.fetches).toBe(1);
  });

  it('costs one fetch in 30 s, be it a thousand in 10 s, and delays no known key', async () => {
    const keys = await warmKeys({ cooldownMs: 30_000 });
    clock.advance(30_000);
    const random = seededRandom(11);
    const unknown: Promise<Answer>[] = [];
    for (let i = 0; i < 1_000; i++) {
      unknown.push(Promise.resolve(keys.find(`kid-${random.int(2 ** 31)}`, 'ES256')));
      expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
      await clock.advanceAsync(10);
    }
    expect(issuer.fetches).toBe(2);
    expect((await Promise.all(unknown)).flatMap(names)).toEqual([]);
  });

  it('costs one fetch in 30 s for as long as they come, whether the issuer answers or not', async () => {
    const keys = await warmKeys();
    const random = seededRandom(12);
    const from = clock.now();
    for (const isUp of [true, false]) {
      if (!isUp) issuer.fail();
      for (let i = 0; i < 300; i++) {
        void keys.find(`kid-${random.int(2 ** 31)}`, 'ES256');
        expect(names(now(keys.find('b', 'ES256')))).toEqual(['b']);
        await clock.advanceAsync(1_000);
      }
    }
    expect(issuer.fetches).toBe(Math.ceil((clock.now() - from) / 30_000));
  });

  it('is unavailable, not unknown, while the keys cannot be fetched: it may be a new one', async () => {
    const keys = await warmKeys();
    issuer.fail(503);
    clock.advance(30_000);
    expect(names(await keys.find('c', 'ES256'))).toBe('unavailable');
    expect(names(now(keys.find('c', 'ES256')))).toBe('unavailable');
    expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
    issuer.recover();
    clock.advance(30_000);
    expect(names(await keys.find('c', 'ES256'))).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString', '', '\0', 'x'.repeat(5_000)])(
    '%j is one as any other',
    async (kid) => {
      const keys = await warmKeys();
      expect(names(now(keys.find(kid, 'ES256')))).toEqual([]);
      clock.advance(30_000);
      expect(names(await keys.find(kid, 'ES256'))).toEqual([]);
    },
  );

  it('may be __proto__ and yet have a key', async () => {
    issuer.keys = [ecJwk('__proto__')];
    expect(names(await keysOf().find('__proto__', 'ES256'))).toEqual(['__proto__']);
  });
});

describe('keys that are due', () => {
  it('are fetched again in the background at 90 % of their time, while they still count', async () => {
    const keys = await warmKeys();
    clock.advance(9 * MINUTE - 1);
    now(keys.find('a', 'ES256'));
    expect(issuer.fetches).toBe(1);
    issuer.keys = [ecJwk('c')];
    const resume = issuer.hold();
    clock.advance(1);
    for (let i = 0; i < 100; i++) expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
    expect(issuer.fetches).toBe(2);
    resume();
    await clock.advanceAsync(0);
    expect(names(now(keys.find('a', 'ES256')))).toEqual([]);
    expect(names(now(keys.find('c', 'ES256')))).toEqual(['c']);
  });

  it('are noticed by who asks for the version alone', async () => {
    const keys = await warmKeys();
    const { version } = keys;
    clock.advance(10 * MINUTE);
    issuer.keys = [ecJwk('c')];
    expect(keys.version).toBe(version);
    await clock.advanceAsync(0);
    expect(issuer.fetches).toBe(2);
    expect(keys.version).toBe(version + 1);
  });

  it('stay the same objects of the same version where nothing has changed, in whatever order they come', async () => {
    const keys = await warmKeys();
    const { version } = keys;
    const [before] = now(keys.find('a', 'ES256')) as readonly VerificationKey[];
    issuer.keys.reverse();
    clock.advance(10 * MINUTE);
    now(keys.find('a', 'ES256'));
    await clock.advanceAsync(0);
    expect(issuer.fetches).toBe(2);
    const [after] = now(keys.find('a', 'ES256')) as readonly VerificationKey[];
    expect(after).toBe(before);
    expect(keys.version).toBe(version);
  });

  it.each<[string, (keys: FakeIssuer['keys']) => FakeIssuer['keys']]>([
    ['is new', (keys) => [...keys, ecJwk('c')]],
    ['is gone', ([a]) => [a ?? {}]],
    ['is another under the same name', ([a]) => [a ?? {}, ecJwk('b')]],
    ['has another name', ([a = {}, b]) => [a, { ...b, kid: 'c' }]],
  ])('are of a new version where one %s', async (_case, change) => {
    const keys = await warmKeys();
    const { version } = keys;
    issuer.keys = change(issuer.keys);
    clock.advance(10 * MINUTE);
    now(keys.find('a', 'ES256'));
    await clock.advanceAsync(0);
    expect(keys.version).toBe(version + 1);
  });

  it.each([
    ['max-age=60', 54_000],
    ['public, max-age=60, must-revalidate', 54_000],
    ['Max-Age="60"', 54_000],
    ['max-age=0', 30_000],
    ['max-age=31536000', 540_000],
    ['s-maxage=60, x-max-age=60', 540_000],
    ['max-age=soon', 540_000],
  ])('with Cache-Control: %s are so after %d ms', async (cacheControl, dueMs) => {
    issuer.answer = () => jsonAnswer({ keys: issuer.keys }, { 'cache-control': cacheControl });
    const keys = await warmKeys();
    clock.advance(dueMs - 1);
    now(keys.find('a', 'ES256'));
    expect(issuer.fetches).toBe(1);
    clock.advance(1);
    now(keys.find('a', 'ES256'));
    expect(issuer.fetches).toBe(2);
    await clock.advanceAsync(0);
  });
});

describe('keys that cannot be fetched again', () => {
  it('count until staleMs and no longer, with one fetch per cooldown', async () => {
    const keys = await warmKeys({ staleMs: 24 * HOUR });
    const { version } = keys;
    issuer.fail();
    for (let passed = MINUTE; passed < 24 * HOUR; passed += MINUTE) {
      await clock.advanceAsync(MINUTE);
      expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
    }
    expect(keys.version).toBe(version);
    await clock.advanceAsync(MINUTE);
    expect(keys.version).toBe(version + 1);
    expect(names(await keys.find('a', 'ES256'))).toBe('unavailable');
    expect(issuer.fetches).toBe(1 + (24 * 60 - 8));
  });

  it('count again as soon as they can', async () => {
    const keys = await warmKeys({ staleMs: 10 * MINUTE });
    issuer.fail();
    clock.advance(10 * MINUTE);
    expect(names(await keys.find('a', 'ES256'))).toBe('unavailable');
    issuer.recover();
    clock.advance(30_000);
    expect(names(await keys.find('a', 'ES256'))).toEqual(['a']);
  });

  it('are waited for where nobody has asked for longer than staleMs', async () => {
    const keys = await warmKeys();
    clock.advance(24 * HOUR);
    const answer = keys.find('a', 'ES256');
    expect(answer).toBeInstanceOf(Promise);
    expect(names(await answer)).toEqual(['a']);
  });

  it('count from their latest successful fetch on, be it that it brought nothing new', async () => {
    const keys = await warmKeys({ staleMs: 10 * MINUTE });
    clock.advance(9 * MINUTE);
    now(keys.find('a', 'ES256'));
    await clock.advanceAsync(0);
    issuer.fail();
    clock.advance(10 * MINUTE - 1);
    expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
    await clock.advanceAsync(1);
    expect(names(now(keys.find('a', 'ES256')))).toBe('unavailable');
  });

  it('are not given up for a set of which none can be used', async () => {
    const keys = await warmKeys();
    issuer.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'a' }];
    clock.advance(10 * MINUTE);
    now(keys.find('a', 'ES256'));
    await clock.advanceAsync(0);
    expect(issuer.fetches).toBe(2);
    expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
  });
});

describe('an outage', () => {
  it('is told once when it begins, and once when it ends', async () => {
    const keys = await warmKeys();
    issuer.fail();
    for (let i = 0; i < 20; i++) {
      await clock.advanceAsync(MINUTE);
      now(keys.find('a', 'ES256'));
    }
    await clock.advanceAsync(0);
    expect(outages).toEqual([{ origin: 'https://login.test', state: 'down', error: expect.any(Error) as Error }]);
    issuer.recover();
    await clock.advanceAsync(MINUTE);
    expect(names(now(keys.find('a', 'ES256')))).toEqual(['a']);
    await clock.advanceAsync(0);
    expect(outages.slice(1)).toEqual([{ origin: 'https://login.test', state: 'up', error: null }]);
  });

  it('is a warning of the process where nobody else is told', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    issuer.fail();
    const keys = new JwksKeys({ uri: `${URI}?key=s3cret`, fetch: issuer.fetch, clock });
    await keys.find('a', 'ES256');
    issuer.recover();
    clock.advance(30_000);
    await keys.find('a', 'ES256');
    const down = 'cannot be fetched (https://login.test: an answer with status 500). Until they can, the last good';
    expect(emitWarning.mock.calls.map(([message]) => message)).toEqual([
      `The keys from https://login.test ${down} ones count.`,
      'The keys from https://login.test can be fetched again.',
    ]);
    expect(emitWarning.mock.calls[0]?.[1]).toMatchObject({ code: 'ERR_GATEWAY_JWKS' });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('keeps nobody from the keys where its listener %s', async (_case, onOutage) => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    issuer.fail();
    const keys = keysOf({ onOutage });
    expect(names(await keys.find('a', 'ES256'))).toBe('unavailable');
    issuer.recover();
    clock.advance(30_000);
    expect(names(await keys.find('a', 'ES256'))).toEqual(['a']);
    expect(emitWarning.mock.calls[0]?.[0]).toMatch(/onOutage .* failed: Error: broken/);
  });
});

describe('algorithms', () => {
  it('HS fits no public key, so nothing is fetched for it', () => {
    expect(now(keysOf().find('a', 'HS256'))).toEqual([]);
    expect(issuer.fetches).toBe(0);
  });

  it('that are not pinned fit none', async () => {
    const keys = keysOf({ algorithms: ['ES256'] });
    expect(now(keys.find('a', 'RS256'))).toEqual([]);
    expect(issuer.fetches).toBe(0);
    expect(names(await keys.find('a', 'ES256'))).toEqual(['a']);
  });

  it('a key is found with its own alone', async () => {
    const keys = await warmKeys();
    expect(names(now(keys.find('a', 'ES384')))).toEqual([]);
    expect(names(now(keys.find('a', 'RS256')))).toEqual([]);
  });
});

describe('close', () => {
  it('ends the fetch under way, and answers those who wait', async () => {
    issuer.hold();
    const keys = keysOf();
    const waiting = keys.find('a', 'ES256');
    await clock.advanceAsync(0);
    keys.close();
    expect(await waiting).toEqual({ failure: 'unavailable', reason: 'no keys from https://login.test: closed' });
    expect(outages).toEqual([]);
  });

  it('forgets the keys, and fetches no more', async () => {
    const keys = await warmKeys();
    const { version } = keys;
    keys.close();
    expect(keys.version).toBe(version + 1);
    clock.advance(HOUR);
    expect(names(now(keys.find('a', 'ES256')))).toBe('unavailable');
    expect(issuer.fetches).toBe(1);
    keys.close();
  });

  it('takes no keys that come in spite of it', async () => {
    let arrive = (): void => undefined;
    const deaf = (): Promise<Response> =>
      new Promise((resolve) => {
        arrive = () => {
          resolve(jsonAnswer({ keys: issuer.keys }));
        };
      });
    const keys = keysOf({ fetch: deaf });
    const waiting = keys.find('a', 'ES256');
    keys.close();
    arrive();
    expect(names(await waiting)).toBe('unavailable');
    expect(keys.version).toBe(0);
  });

  it('before anything was asked does nothing', () => {
    const keys = keysOf();
    keys.close();
    expect(names(now(keys.find('a', 'ES256')))).toBe('unavailable');
    expect(issuer.fetches).toBe(0);
  });
});
