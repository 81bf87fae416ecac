/** Keys and passwords, as they stand on the wire. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashApiKey, hashPassword } from '../../src/auth/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { expectRefused, get, type Front } from './front.js';
import { expectLetIn, expectTurnedAway, guarded, type Refusal } from './guarded.js';

const KEY = 'shop-2f1c9a7e5b3d4860';
const NEXT_KEY = 'shop-80b6d4f2a19c3e57';

const BAD_KEY: Refusal = { challenge: 'ApiKey realm="api"' };
const NO_KEY: Refusal = { ...BAD_KEY, code: 'ERR_GATEWAY_CREDENTIALS_MISSING' };
const BAD_LOGIN: Refusal = { challenge: 'Basic realm="api", charset="UTF-8"' };
const NO_LOGIN: Refusal = { ...BAD_LOGIN, code: 'ERR_GATEWAY_CREDENTIALS_MISSING' };

/** What is no key, but a name of something that every object has, or of nothing. */
const ODD_KEYS = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'null', 'undefined', '0', '*', '{}', '[]'];

let gateway: Front;
const clock = new FakeClock();
const lookedUp: string[] = [];

beforeAll(async () => {
  const consumers = [{ id: 'shop', keys: [{ sha256: hashApiKey(KEY) }], scopes: ['orders:read'] }];
  const passwordHash = await hashPassword('correct:horse', { cost: 1_024, parallelization: 1 });
  gateway = await guarded(
    {
      '/header': { apiKey: { consumers } },
      '/optional': { apiKey: { consumers }, mode: 'optional' },
      '/query': { apiKey: { consumers, keyFrom: { query: 'api_key' } } },
      '/cookie': { apiKey: { consumers, keyFrom: { cookie: 'key' } } },
      '/authorization': { apiKey: { consumers, keyFrom: { header: 'authorization' } } },
      '/scoped': { apiKey: { consumers }, scopes: ['orders:write'] },
      '/lookup': {
        apiKey: {
          cacheTtlMs: 0,
          lookup(sha256) {
            lookedUp.push(sha256);
            return sha256 === hashApiKey(KEY) ? { id: 'shop' } : null;
          },
        },
      },
      '/rotating': {
        apiKey: {
          consumers: [
            {
              id: 'shop',
              keys: [
                { sha256: hashApiKey(KEY), expiresAt: '2026-01-01T00:00:20Z' },
                { sha256: hashApiKey(NEXT_KEY), notBefore: '2026-01-01T00:00:10Z' },
              ],
            },
          ],
        },
      },
      '/basic': { basic: { users: [{ username: 'ada', passwordHash, roles: ['admin'] }] } },
    },
    { clock },
  );
});

afterAll(() => gateway.close());

function withKey(path: string, key: string): string {
  return get(path, `X-Api-Key: ${key}`, 'Connection: close');
}

describe('an API key', () => {
  it('that is known is let in, and the upstream is told whose it is', async () => {
    const { headers } = await expectLetIn(gateway, withKey('/header', KEY));
    expect(headers).toMatchObject({ 'x-user-id': 'shop', 'x-consumer-id': 'shop' });
  });

  it.each([...ODD_KEYS, KEY.slice(0, -1), `${KEY}0`, KEY.toUpperCase(), hashApiKey(KEY)])(
    'that is unknown is refused: %s',
    async (key) => {
      for (const path of ['/header', '/optional', '/lookup'])
        await expectTurnedAway(gateway, withKey(path, key), BAD_KEY);
    },
  );

  it.each<[string, string]>([
    ['nothing', ''],
    ['blanks', '   '],
    ['a blank inside', `${KEY} ${KEY}`],
    ['a tab inside', `${KEY}\t`.concat(KEY)],
    ['a comma behind it', `${KEY},`],
    ['a comma ahead of it', `,${KEY}`],
    ['itself twice', `${KEY}, ${KEY}`],
    ['a byte above ASCII', `${KEY}\xe9`],
    ['quotes around it', `"${KEY}"`],
    ['a scheme in front', `ApiKey ${KEY}`],
    ['9 KB', 'k'.repeat(9_216)],
  ])('that is %s is refused', async (_what, key) => {
    for (const path of ['/header', '/optional', '/lookup'])
      await expectTurnedAway(gateway, withKey(path, key), BAD_KEY);
  });

  it.each([`${KEY}\0`, `\0${KEY}`, `${KEY}\r`, `${KEY}\n`, `${KEY}\x7f\x01`])(
    'with a control character is 400: %j',
    async (key) => {
      await expectRefused(gateway, withKey('/header', key));
    },
  );

  it('of 1 MB is 431, and 401 in a server that takes such fields', async () => {
    const key = 'k'.repeat(1_048_576);
    await expectRefused(gateway, withKey('/header', key), { statuses: [431] });
    const consumers = [{ id: 'shop', keys: [KEY] }];
    const server = { maxHeaderSize: 4_194_304 };
    const other = await guarded({ '/': { apiKey: { consumers } } }, {}, { mounting: 'mounted', server });
    try {
      await expectTurnedAway(other, withKey('/', key), BAD_KEY);
      await expectTurnedAway(other, withKey('/', `${KEY}${' '.repeat(1_048_576)}x`), BAD_KEY);
    } finally {
      await other.close();
    }
  });

  it.each<[string, string[]]>([
    ['twice', [`X-Api-Key: ${KEY}`, `X-Api-Key: ${KEY}`]],
    ['in two spellings', [`X-Api-Key: ${KEY}`, `x-API-key: ${KEY}`]],
    ['ahead of another one', [`X-Api-Key: ${KEY}`, 'X-Api-Key: other']],
    ['behind another one', ['X-Api-Key: other', `X-Api-Key: ${KEY}`]],
    ['ahead of nothing', [`X-Api-Key: ${KEY}`, 'X-Api-Key:']],
  ])('that is sent %s is refused, and is no list of keys', async (_what, lines) => {
    for (const path of ['/header', '/optional', '/lookup'])
      await expectTurnedAway(gateway, get(path, ...lines), BAD_KEY);
  });

  it.each<[string, string]>([
    ['with underscores', `X_Api_Key: ${KEY}`],
    ['in another field', `Api-Key: ${KEY}`],
    ['in a cookie', `Cookie: x-api-key=${KEY}`],
    ['as a bearer token', `Authorization: Bearer ${KEY}`],
  ])('that is sent %s is none', async (_what, line) => {
    await expectTurnedAway(gateway, get('/header', line), NO_KEY);
  });

  it('that is nominated in Connection counts, and so proves who has sent it', async () => {
    await expectLetIn(gateway, get('/header', 'Connection: close, X-Api-Key', `X-Api-Key: ${KEY}`));
    await expectTurnedAway(gateway, get('/optional', 'Connection: close, X-Api-Key', 'X-Api-Key: bad'), BAD_KEY);
  });

  it('without the scope of the route is 403', async () => {
    const refusal = { status: 403, code: 'ERR_GATEWAY_SCOPE_INSUFFICIENT', challenge: undefined };
    await expectTurnedAway(gateway, withKey('/scoped', KEY), refusal);
  });

  it('counts from its first moment to its last', async () => {
    await expectLetIn(gateway, withKey('/rotating', KEY));
    await expectTurnedAway(gateway, withKey('/rotating', NEXT_KEY), BAD_KEY);
    clock.advance(10_000);
    for (const key of [KEY, NEXT_KEY]) await expectLetIn(gateway, withKey('/rotating', key));
    clock.advance(10_000);
    await expectTurnedAway(gateway, withKey('/rotating', KEY), BAD_KEY);
    await expectLetIn(gateway, withKey('/rotating', NEXT_KEY));
  });
});

describe('a lookup of API keys', () => {
  it('is told hashes alone, and nothing of what can be no key', async () => {
    lookedUp.length = 0;
    await expectLetIn(gateway, withKey('/lookup', KEY));
    for (const key of ['__proto__', 'constructor']) await expectTurnedAway(gateway, withKey('/lookup', key), BAD_KEY);
    for (const key of ['', 'a b', 'a,b', 'k'.repeat(9_216)])
      await expectTurnedAway(gateway, withKey('/lookup', key), BAD_KEY);
    expect(lookedUp).toEqual([KEY, '__proto__', 'constructor'].map(hashApiKey));
  });
});

describe('an API key in the query', () => {
  it('is let in where it has been asked for, and stands in no line of the log', async () => {
    const before = gateway.lines.length;
    await expectLetIn(gateway, get(`/query?a=1&api_key=${KEY}&b=2`));
    await eventually(() => gateway.lines.length === before + 2);
    expect(gateway.lines.slice(before).join('\n')).not.toContain(KEY);
  });

  it.each<[string, string]>([
    ['sent twice', `api_key=${KEY}&api_key=${KEY}`],
    ['sent twice, once encoded', `api_key=${KEY}&%61pi_key=${KEY}`],
    ['empty', 'api_key='],
    ['%00', 'api_key=%00'],
    ['followed by %00', `api_key=${KEY}%00`],
    ['followed by a line end', `api_key=${KEY}%0d%0a`],
    ['with a space', `api_key=+${KEY}`],
    ['__proto__', 'api_key=__proto__'],
    ['broken UTF-8', 'api_key=%ff%fe'],
  ])('is refused: %s', async (_what, query) => {
    await expectTurnedAway(gateway, get(`/query?${query}`), BAD_KEY);
  });

  it.each(['/query', '/query?', '/query?API_KEY=', '/query?api_key%5b%5d=', '/query?__proto__%5bapi_key%5d='])(
    'is none: %s',
    async (target) => {
      await expectTurnedAway(gateway, get(target.endsWith('=') ? target + KEY : target), NO_KEY);
    },
  );
});

describe('an API key in a cookie', () => {
  it.each([`key=${KEY}`, `a=1; key=${KEY}; b=2`, `key="${KEY}"`])('is let in: %s', async (cookie) => {
    await expectLetIn(gateway, get('/cookie', `Cookie: ${cookie}`));
  });

  it.each(['key=', `key=${KEY} x`, `key=x; key=${KEY}`, 'key=__proto__', `key=${KEY}%00`, `key=${KEY},key=${KEY}`])(
    'is refused: %s',
    async (cookie) => {
      await expectTurnedAway(gateway, get('/cookie', `Cookie: ${cookie}`), BAD_KEY);
    },
  );

  it.each([`KEY=${KEY}`, `xkey=${KEY}`, 'key', `=${KEY}`])('is none: %s', async (cookie) => {
    await expectTurnedAway(gateway, get('/cookie', `Cookie: ${cookie}`), NO_KEY);
  });
});

describe('an API key in Authorization', () => {
  it('stands behind its scheme, in any case', async () => {
    for (const scheme of ['ApiKey', 'apikey', 'APIKEY'])
      await expectLetIn(gateway, get('/authorization', `Authorization: ${scheme} ${KEY}`));
    await expectTurnedAway(gateway, get('/authorization', `Authorization: ApiKey=${KEY}`), BAD_KEY);
    await expectTurnedAway(gateway, get('/authorization', `Authorization: Bearer ${KEY}`), NO_KEY);
    await expectTurnedAway(gateway, get('/authorization', `Authorization: ${KEY}`), NO_KEY);
  });
});

describe('user and password', () => {
  const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');
  const GOOD = base64('ada:correct:horse');
  const login = (credentials: string): string =>
    get('/basic', `Authorization: Basic ${credentials}`, 'Connection: close');

  it('are let in, be there a colon in the password, and their scheme in any case', async () => {
    for (const scheme of ['Basic', 'basic', 'BASIC']) {
      const data = get('/basic', `Authorization: ${scheme} ${GOOD}`);
      expect((await expectLetIn(gateway, data)).headers).toMatchObject({ 'x-user-id': 'ada', 'x-user-role': 'admin' });
    }
  });

  it.each<[string, string]>([
    ['a wrong password', base64('ada:correct')],
    ['an empty password', base64('ada:')],
    ['an unknown name', base64('eve:correct:horse')],
    ['the name in another case', base64('Ada:correct:horse')],
    ['no name', base64(':correct:horse')],
    ['nothing but the colon', base64(':')],
    ['no colon', base64('ada')],
    ['nothing at all', '""'],
    ['__proto__', base64('__proto__:correct:horse')],
    ['constructor', base64('constructor:x')],
    ['%00', '%00'],
    ['%00 in the name', base64('ada%00:correct:horse')],
    ['a NUL behind the name', base64('ada\0:correct:horse')],
    ['a NUL behind the password', base64('ada:correct:horse\0')],
    ['a line end', base64('ada:correct:horse\r\n')],
    ['no UTF-8', base64(Buffer.from([0x61, 0xff, 0x3a, 0x62]))],
    ['no base64', 'ada:correct:horse'],
    ['base64 without its padding', GOOD.replace('=', '')],
    ['base64 with a character too many', `${GOOD}A`],
    ['base64 with what it does not know', `${GOOD.slice(0, 4)}*${GOOD.slice(4)}`],
    ['another spelling of the same base64', GOOD.replace('U=', 'V=')],
    ['9 KB', base64(`ada:${'x'.repeat(9_216)}`)],
  ])('are refused: %s', async (_what, credentials) => {
    await expectTurnedAway(gateway, login(credentials), BAD_LOGIN);
  });

  it.each(['', 'Bearer abc', 'Basically abc', 'Digest username="ada"'])('are none: %j', async (value) => {
    await expectTurnedAway(gateway, get('/basic', `Authorization: ${value}`), NO_LOGIN);
  });

  it.each(['Basic', 'Basic ', `Basic=${GOOD}`, `Basic ${GOOD}, Basic ${GOOD}`, `Basic ${GOOD} ${GOOD}`])(
    'are refused where the field is %j',
    async (value) => {
      await expectTurnedAway(gateway, get('/basic', `Authorization: ${value}`), BAD_LOGIN);
    },
  );

  it('of 1 MB are 431', async () => {
    await expectRefused(gateway, login(base64(`ada:${'x'.repeat(786_432)}`)), { statuses: [431] });
  });
});
