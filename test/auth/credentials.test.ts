import { describe, expect, it } from 'vitest';
import {
  compileCredentials,
  compileRemoval,
  credentialSourcesField,
  MAX_CREDENTIAL_BYTES,
  type CredentialSource,
} from '../../src/auth/credentials.js';
import type { Context } from '../../src/core/context.js';
import { inspect, type Fault } from '../../src/core/options.js';
import type { HeaderMap } from '../../src/core/types.js';
import { requestHeaders } from '../../src/proxy/request-headers.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const AUTHORIZATION: CredentialSource = { header: 'authorization' };
const LONGEST = 'k'.repeat(MAX_CREDENTIAL_BYTES);
const REFUSED = { failure: 'invalid', reason: 'empty, sent twice, or with characters that no credential has' };
const TOO_LONG = { failure: 'invalid', reason: 'longer than 8192 bytes' };

function found(
  sources: CredentialSource | readonly CredentialSource[],
  request: FakeRequestOptions,
  scheme = 'Bearer',
) {
  return compileCredentials([sources].flat(), scheme)(fakeContext(request));
}

describe('compileCredentials', () => {
  it.each<[string | string[] | undefined, unknown]>([
    [undefined, null],
    ['', null],
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['bEaReR    abc  ', 'abc'],
    ["Bearer !#$%&'*+-./09:;<=>?@AZ[]^_`az{|}~", "!#$%&'*+-./09:;<=>?@AZ[]^_`az{|}~"],
    [`Bearer ${LONGEST}`, LONGEST],
    [`Bearer ${LONGEST}k`, TOO_LONG],
    [`Bearer ${'k'.repeat(1_000_000)}`, TOO_LONG],
    ['Bearer', REFUSED],
    ['Bearer ', REFUSED],
    ['Bearer\tabc', REFUSED],
    ['Bearer\nabc', REFUSED],
    ['Bearer,abc', REFUSED],
    ['Bearer=abc', REFUSED],
    ['Bearer\xa0abc', REFUSED],
    ['Bearer a b', REFUSED],
    ['Bearer a\tb', REFUSED],
    ['Bearer a\nb', REFUSED],
    ['Bearer a\0b', REFUSED],
    ['Bearer a, b', REFUSED],
    ['Bearer a,b', REFUSED],
    ['Bearer a, Bearer b', REFUSED],
    ['Bearer ä', REFUSED],
    ['Bearer €', REFUSED],
    ['Bearer Bearer abc', REFUSED],
    [['Bearer a', 'Bearer b'], REFUSED],
    ['Basic abc', null],
    ['Bearerabc', null],
    ['Bearer2 abc', null],
    ['Bearer-x abc', null],
    ['Token Bearer abc', null],
    ['abc', null],
  ])('reads the Authorization %j as %j', (authorization, credential) => {
    const headers: HeaderMap = authorization === undefined ? {} : { authorization };
    expect(found(AUTHORIZATION, { headers })).toEqual(credential);
  });

  it('knows its own scheme only', () => {
    expect(found(AUTHORIZATION, { headers: { authorization: 'bAsIc dTpw' } }, 'Basic')).toBe('dTpw');
    expect(found(AUTHORIZATION, { headers: { authorization: 'Bearer abc' } }, 'Basic')).toBeNull();
  });

  it.each<[string | string[] | undefined, unknown]>([
    [undefined, null],
    ['abc', 'abc'],
    ['', REFUSED],
    ['Bearer abc', REFUSED],
    ['a, b', REFUSED],
    [['a', 'b'], REFUSED],
    [[], REFUSED],
    [LONGEST, LONGEST],
    [`${LONGEST}k`, TOO_LONG],
  ])('reads the header field %j as %j', (value, credential) => {
    const headers: HeaderMap = value === undefined ? {} : { 'X-API-Key': value };
    expect(found({ header: 'x-api-key' }, { headers })).toEqual(credential);
  });

  it('reads no field of another spelling', () => {
    expect(found({ header: 'x-api-key' }, { headers: { x_api_key: 'abc', 'api-key': 'abc' } })).toBeNull();
  });

  it.each<[string | string[], unknown]>([
    ['a=1', null],
    ['sid', null],
    ['a=1; sid=abc', 'abc'],
    ['sid="abc"', 'abc'],
    ['sid=', REFUSED],
    ['sid=a b', REFUSED],
    ['sid=a,b', REFUSED],
    [`sid=${LONGEST}k`, TOO_LONG],
    ['sid=first; sid=second', 'first'],
    [['a=1', 'sid=abc'], 'abc'],
  ])('reads the Cookie %j as %j', (cookie, credential) => {
    expect(found({ cookie: 'sid' }, { headers: { cookie } })).toEqual(credential);
  });

  it('finds no cookie that was not sent, whatever its name', () => {
    expect(found({ cookie: '__proto__' }, { headers: { cookie: 'sid=abc' } })).toBeNull();
    expect(found({ cookie: '__proto__' }, {})).toBeNull();
    expect(found({ cookie: '__proto__' }, { headers: { cookie: '__proto__=abc' } })).toBe('abc');
  });

  it.each<[string, unknown]>([
    ['', null],
    ['?', null],
    ['?a=1', null],
    ['?Token=abc', null],
    ['?token[]=abc', null],
    ['??token=abc', null],
    ['?token=abc', 'abc'],
    ['?a=1&%74oken=%61bc&b=2', 'abc'],
    ['?token', REFUSED],
    ['?token=', REFUSED],
    ['?token=a%00b', REFUSED],
    ['?token=a%0Ab', REFUSED],
    ['?token=a+b', REFUSED],
    ['?token=a%2Cb', REFUSED],
    ['?token=%', '%'],
    ['?token=%FF', REFUSED],
    ['?token=a&token=b', { failure: 'invalid', reason: 'sent twice in the query' }],
    ['?token=a&%74oken=a', { failure: 'invalid', reason: 'sent twice in the query' }],
    [`?token=${LONGEST}k`, TOO_LONG],
  ])('reads the query %j as %j', (query, credential) => {
    expect(found({ query: 'token' }, { url: `/x${query}` })).toEqual(credential);
  });

  it('takes the first source that has something, be it nothing good', () => {
    const sources: CredentialSource[] = [AUTHORIZATION, { cookie: 'sid' }, { query: 'token' }];
    const cookie = 'sid=from-cookie';
    const url = '/?token=from-query';
    const authorization = 'Bearer from-header';
    expect(found(sources, { url, headers: { authorization, cookie } })).toBe('from-header');
    expect(found(sources, { url, headers: { cookie } })).toBe('from-cookie');
    expect(found(sources, { url })).toBe('from-query');
    expect(found(sources, {})).toBeNull();
    expect(found(sources, { url, headers: { authorization: 'Basic x', cookie } })).toBe('from-cookie');
    expect(found(sources, { url, headers: { authorization: 'Bearer a, b', cookie } })).toEqual(REFUSED);
  });

  it('names no part of a credential in a reason', () => {
    const planted = 'hunter2';
    for (const value of [`${planted} x`, `${planted},${planted}`, planted.repeat(2_000), `${planted}\0`]) {
      const failure = found({ header: 'x-api-key' }, { headers: { 'x-api-key': value } });
      expect(failure).toMatchObject({ failure: 'invalid' });
      expect(JSON.stringify(failure)).not.toContain(planted);
    }
  });
});

describe('compileRemoval', () => {
  /** What goes upstream: fields and query. */
  function sent(ctx: Context): { headers: Readonly<Record<string, unknown>>; query: string } {
    const lines = requestHeaders(ctx, { host: '', defaultContentType: undefined });
    const headers: Record<string, unknown> = {};
    for (let i = 0; i < lines.length; i += 2) headers[lines[i] as string] = lines[i + 1];
    return { headers, query: (ctx.drafted ?? ctx.request).query };
  }

  const everySource: CredentialSource[] = [
    AUTHORIZATION,
    { header: 'x-api-key' },
    { cookie: 'sid' },
    { query: 'token' },
  ];

  it.each([false, true])('keeps them all from the upstream, with a draft made before: %s', (hasDraft) => {
    const ctx = fakeContext({
      url: '/a?b=%20c&token=planted&d',
      headers: {
        ...{ authorization: 'Bearer planted', 'x-api-key': ['planted', 'planted'], x_api_key: 'planted' },
        ...{ cookie: 'a=1; sid=planted; b=2; sid=planted', 'X-Api_Key': 'planted', accept: '*/*' },
      },
    });
    if (hasDraft) ctx.draft();
    compileRemoval(everySource)(ctx);
    const { headers, query } = sent(ctx);
    expect(JSON.stringify(headers)).not.toContain('planted');
    expect(headers).toMatchObject({ cookie: 'a=1; b=2', accept: '*/*' });
    expect(query).toBe('?b=%20c&d');
  });

  it('takes away those that the client names in Connection, in any spelling', () => {
    const ctx = fakeContext({
      headers: { connection: 'authorization, cookie, x_api_key', authorization: 'planted', x_api_key: 'planted' },
    });
    compileRemoval(everySource)(ctx);
    expect(JSON.stringify(sent(ctx))).not.toContain('planted');
  });

  it('takes away an Authorization of any scheme', () => {
    const ctx = fakeContext({ headers: { authorization: 'Negotiate planted' } });
    compileRemoval([AUTHORIZATION])(ctx);
    expect(sent(ctx).headers).not.toHaveProperty('authorization');
  });

  it('makes no draft for header fields alone, nor for cookies and parameters that were not sent', () => {
    const ctx = fakeContext({
      url: '/?b=token',
      headers: { authorization: 'planted', cookie: 'a=sid', accept: '*/*' },
    });
    compileRemoval(everySource)(ctx);
    expect(ctx.drafted).toBeNull();
    expect(sent(ctx).headers).toMatchObject({ cookie: 'a=sid', accept: '*/*' });
  });

  it('sends no empty Cookie', () => {
    const ctx = fakeContext({ headers: { cookie: 'sid=planted' } });
    compileRemoval(everySource)(ctx);
    expect(sent(ctx).headers).not.toHaveProperty('cookie');
  });

  it.each([
    ['?token=x', ''],
    ['?token', ''],
    ['?token=x&', '?'],
    ['?&token=x', '?'],
    ['?token=x&token=y&a', '?a'],
    ['?%74ok%65n=x&a', '?a'],
    ['?a=%7E&&b=+%20&token=x&c=%zz&=&?', '?a=%7E&&b=+%20&c=%zz&=&?'],
    ['?token2=x&token=y&xtoken=z&Token=', '?token2=x&xtoken=z&Token='],
    ['?token=x&?token=y', '??token=y'],
    ['??token=x', '??token=x'],
    ['?a?token=y&token=x', '?a?token=y'],
  ])('leaves of the query %j %j', (query, rest) => {
    const ctx = fakeContext({ url: `/a${query}` });
    compileRemoval(everySource)(ctx);
    expect(sent(ctx).query).toBe(rest);
  });

  it('takes each away once, though two strategies look there, and though it runs again', () => {
    const sources: CredentialSource[] = [{ query: 'token' }, { query: 'token' }, { cookie: 'sid' }, { cookie: 'sid' }];
    const ctx = fakeContext({ url: '/a?token=planted', headers: { cookie: 'sid=planted' } });
    const remove = compileRemoval(sources);
    remove(ctx);
    remove(ctx);
    expect(sent(ctx).query).toBe('');
    expect(sent(ctx).headers).not.toHaveProperty('cookie');
  });

  it('takes them from what an earlier piece has made of the request', () => {
    const ctx = fakeContext({ url: '/a?b=1', headers: { cookie: 'a=1' } });
    Object.assign(ctx.draft(), { query: '?token=planted&c=1' });
    ctx.draft().headers.cookie = 'sid=planted; b=2';
    compileRemoval(everySource)(ctx);
    expect(sent(ctx).query).toBe('?c=1');
    expect(sent(ctx).headers.cookie).toBe('b=2');
  });

  it('leaves the request itself as it came', () => {
    const ctx = fakeContext({ url: '/?token=x', headers: { authorization: 'Bearer x', cookie: 'sid=x' } });
    compileRemoval(everySource)(ctx);
    expect(ctx.request.query).toBe('?token=x');
    expect(ctx.request.headers).toMatchObject({ authorization: 'Bearer x', cookie: 'sid=x' });
  });
});

describe('credentialSourcesField', () => {
  function pathsOf(value: unknown): string[] {
    const faults: Fault[] = [];
    inspect(credentialSourcesField, value, 'from', faults);
    return faults.map(({ path }) => path);
  }

  it.each([
    [{ header: 'authorization' }],
    [{ cookie: '__Host-sid' }],
    [{ query: 'access_token' }],
    [[{ header: 'x-api-key' }]],
    [[{ header: 'x-api-key' }, { cookie: 'sid' }, { query: 'key' }]],
  ])('takes %j', (value) => {
    expect(pathsOf(value)).toEqual([]);
  });

  it.each<[unknown, string]>([
    ['authorization', 'from'],
    [[], 'from'],
    [{}, 'from'],
    [null, 'from'],
    [{ header: undefined }, 'from'],
    [{ header: 'a', cookie: 'b' }, 'from'],
    [{ header: 'X-API-Key' }, 'from.header'],
    [{ header: '' }, 'from.header'],
    [{ header: 'a b' }, 'from.header'],
    [{ cookie: 'a b' }, 'from.cookie'],
    [{ cookie: '' }, 'from.cookie'],
    [{ query: '' }, 'from.query'],
    [{ heder: 'a' }, 'from.heder'],
    [[{ header: 'a' }, 'b'], 'from[1]'],
    [[{ header: 'A' }], 'from[0].header'],
    [['authorization'], 'from[0]'],
  ])('refuses %j', (value, path) => {
    expect(pathsOf(value)).toEqual([path]);
  });
});
