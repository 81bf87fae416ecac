import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Context } from '../../src/core/context.js';
import { GatewayError } from '../../src/core/errors.js';
import { compileKey, isKeyedLate, type RateLimitKey, type RateLimitKeyOptions } from '../../src/rate-limiter/key.js';
import { bodyText, fakeContext, fakeRequest, type FakeRequestOptions } from '../support/request.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };
const ADDRESS = '203.0.113.7';

function keyOf(request: FakeRequestOptions, options: RateLimitKeyOptions): unknown {
  return compileKey(options)(fakeContext(request));
}

function withIdentity(id: string): Context {
  const ctx = fakeContext();
  ctx.identity = { id, scheme: 'jwt', claims: {}, scopes: [], roles: [] };
  return ctx;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

describe('an address as the key', () => {
  it('is the text of an IPv4 address, at once', () => {
    expect(keyOf({}, {})).toBe(ADDRESS);
  });

  it.each<[string, number | false | undefined, string]>([
    ['2001:db8:0:ff00::', undefined, '2001:db8:0:ff00/56'],
    ['2001:db8:0:ffff::', undefined, '2001:db8:0:ff00/56'],
    ['2001:db8:0:fe00::1', undefined, '2001:db8:0:fe00/56'],
    ['2001:db8:0:ffff::1', 64, '2001:db8:0:ffff:/64'],
    ['2001:db8:0:ffff::1', 32, '2001:db8:/32'],
    ['2001:db8:0:ffff::1', 128, '2001:db8:0:ffff:0:0:0:1:/128'],
    ['2001:db8:0:ffff::1', false, '2001:db8:0:ffff:0:0:0:1:/128'],
  ])('of %s with ipv6Subnet %s is %s', (clientIp, ipv6Subnet, key) => {
    expect(keyOf({ clientIp }, ipv6Subnet === undefined ? {} : { ipv6Subnet })).toBe(key);
  });

  it('is unix where the connection has none', () => {
    expect(keyOf({ clientIp: '' }, {})).toBe('unix');
  });
});

describe('the key of an identity', () => {
  it('is its id, behind @', () => {
    expect(compileKey({ key: 'identity' })(withIdentity('user-1'))).toBe('@user-1');
  });

  it('is the address where nobody has proven who he is', () => {
    expect(keyOf({}, { key: 'identity' })).toBe(ADDRESS);
  });
});

describe('the key of a header field', () => {
  it('is its value, behind =', () => {
    expect(keyOf({ headers: { 'X-Tenant': 'blue' } }, { key: { header: 'x-tenant' } })).toBe('=blue');
  });

  it('joins what was sent twice', () => {
    expect(keyOf({ headers: { 'x-tenant': ['blue', 'red'] } }, { key: { header: 'x-tenant' } })).toBe('=blue, red');
  });

  it.each([undefined, '', []])('is the address where the field is %j', (value) => {
    expect(keyOf({ headers: { 'x-tenant': value } }, { key: { header: 'x-tenant' } })).toBe(ADDRESS);
  });

  it.each<[RateLimitKey, string]>([
    ['api-key', 'x-api-key'],
    [{ header: 'x-api-key' }, 'x-api-key'],
    [{ header: 'authorization' }, 'authorization'],
    [{ header: 'proxy-authorization' }, 'proxy-authorization'],
    [{ header: 'cookie' }, 'cookie'],
    [{ header: 'x_api_key' }, 'x_api_key'],
  ])('of %j is no clear text but a SHA-256', (key, name) => {
    expect(keyOf({ headers: { [name]: 'secret' } }, { key })).toBe(`#${sha256('secret')}`);
  });

  it('is the address where there is no API key', () => {
    expect(keyOf({}, { key: 'api-key' })).toBe(ADDRESS);
    expect(keyOf({ headers: { 'x-api-key': '' } }, { key: 'api-key' })).toBe(ADDRESS);
  });
});

describe('the key of a function', () => {
  it('is its text, behind +', () => {
    expect(keyOf({ url: '/a' }, { key: ({ request }) => request.path })).toBe('+/a');
  });

  it('may come later', async () => {
    expect(await keyOf({}, { key: () => Promise.resolve('later') })).toBe('+later');
    expect(await keyOf({}, { key: () => Promise.resolve(null) })).toBe(ADDRESS);
  });

  it.each([null, undefined])('is the address where it returns %s', (value) => {
    expect(keyOf({}, { key: () => value })).toBe(ADDRESS);
  });

  it.each<[string, unknown]>([
    ['an empty text', ''],
    ['a number', 42],
    ['false', false],
    ['an object', {}],
  ])('is an error where it returns %s', async (_case, value) => {
    expect(() => keyOf({}, { key: () => value as string })).toThrow(TypeError);
    await expect(keyOf({}, { key: () => Promise.resolve(value as string) })).rejects.toThrow(TypeError);
  });
});

describe('a value that looks like an address', () => {
  it.each<[RateLimitKey, FakeRequestOptions]>([
    ['api-key', { headers: { 'x-api-key': ADDRESS } }],
    [{ header: 'x-tenant' }, { headers: { 'x-tenant': ADDRESS } }],
    [{ body: 'email' }, { headers: JSON_TYPE, body: JSON.stringify({ email: ADDRESS }) }],
    [() => ADDRESS, {}],
  ])('of %s is not the key of that address', (key, request) => {
    expect(keyOf(request, { key })).not.toBe(ADDRESS);
  });

  it('has a key of its own in every source', () => {
    const keys = [
      compileKey({ key: 'identity' })(withIdentity('x')),
      keyOf({ headers: { 'x-tenant': 'x' } }, { key: { header: 'x-tenant' } }),
      keyOf({ headers: JSON_TYPE, body: '{"email":"x"}' }, { key: { body: 'email' } }),
      keyOf({}, { key: () => 'x' }),
      keyOf({ headers: { 'x-api-key': 'x' } }, { key: 'api-key' }),
    ];
    expect(new Set(keys).size).toBe(5);
  });
});

describe('the key of a body', () => {
  it.each<[string, FakeRequestOptions['headers'], string, string]>([
    ['a JSON text', JSON_TYPE, '{"email":" Ann@Example.COM "}', '~ann@example.com'],
    ['a JSON number', JSON_TYPE, '{"email":42}', '~42'],
    ['JSON of a kind of its own', { 'content-type': 'Application/Problem+JSON; charset=utf-8' }, '{"email":"a"}', '~a'],
    ['JSON behind a byte order mark', JSON_TYPE, '\ufeff{"email":"a"}', '~a'],
    ['a form', FORM_TYPE, 'name=b&email=Ann%40example.com', '~ann@example.com'],
  ])('is found in %s', (_case, headers = {}, body, key) => {
    expect(keyOf({ headers, body }, { key: { body: 'email' } })).toBe(key);
    expect(keyOf({ headers, body: Buffer.from(body) }, { key: { body: 'email' } })).toBe(key);
  });

  it.each<[string, FakeRequestOptions['headers'], string]>([
    ['JSON', JSON_TYPE, '{"user":{"email":"a"}}'],
    ['a form', FORM_TYPE, 'user%5Bemail%5D=a'],
  ])('is found by a nested name in %s', (_case, headers = {}, body) => {
    expect(keyOf({ headers, body }, { key: { body: 'user.email' } })).toBe('~a');
  });

  it.each<[string, FakeRequestOptions]>([
    ['no body', {}],
    ['no type', { body: '{"email":"a"}' }],
    ['another type', { headers: { 'content-type': 'text/plain' }, body: '{"email":"a"}' }],
    ['a compressed body', { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: '{"email":"a"}' }],
    ['malformed JSON', { headers: JSON_TYPE, body: '{"email":"a"' }],
    ['JSON that is no object', { headers: JSON_TYPE, body: '"email"' }],
    ['JSON null', { headers: JSON_TYPE, body: 'null' }],
    ['no such member', { headers: JSON_TYPE, body: '{"mail":"a"}' }],
    ['an empty text', { headers: JSON_TYPE, body: '{"email":"  "}' }],
    ['a list', { headers: JSON_TYPE, body: '{"email":["a"]}' }],
    ['an object', { headers: JSON_TYPE, body: '{"email":{"a":1}}' }],
    ['true', { headers: JSON_TYPE, body: '{"email":true}' }],
    ['a prototype of the client', { headers: JSON_TYPE, body: '{"__proto__":{"email":"a"}}' }],
    ['a field that is there twice', { headers: FORM_TYPE, body: 'email=a&email=b' }],
    ['no such field', { headers: FORM_TYPE, body: 'mail=a' }],
  ])('is the address with %s', (_case, request) => {
    expect(keyOf(request, { key: { body: 'email' } })).toBe(ADDRESS);
  });

  it.each(['constructor.name', 'toString.name', '__proto__.constructor.name', 'email.length'])(
    'is the address where %s is only inherited',
    (name) => {
      expect(keyOf({ headers: JSON_TYPE, body: '{"email":"a"}' }, { key: { body: name } })).toBe(ADDRESS);
    },
  );

  it('is the address where only a polluted prototype has the member', () => {
    Object.defineProperty(Object.prototype, 'email', { value: 'a', configurable: true });
    try {
      expect(keyOf({ headers: JSON_TYPE, body: '{}' }, { key: { body: 'email' } })).toBe(ADDRESS);
    } finally {
      delete (Object.prototype as { email?: unknown }).email;
    }
  });

  it('is the address where the body has one byte more than maxBodyBytes', () => {
    const request = { headers: JSON_TYPE, body: '{"email":"a"}' };
    expect(keyOf(request, { key: { body: 'email' }, maxBodyBytes: 13 })).toBe('~a');
    expect(keyOf(request, { key: { body: 'email' }, maxBodyBytes: 12 })).toBe(ADDRESS);
  });

  it('needs no draft where the body is here already', () => {
    const ctx = fakeContext({ headers: JSON_TYPE, body: '{"email":"a"}' });
    expect(compileKey({ key: { body: 'email' } })(ctx)).toBe('~a');
    expect(ctx.drafted).toBeNull();
  });
});

describe('a body that streams', () => {
  const text = '{"email":"Ann@example.com"}';

  function streamed(headers: FakeRequestOptions['headers'] = {}, chunks = [text.slice(0, 9), text.slice(9)]) {
    return fakeContext({
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body: Readable.from(chunks.map(Buffer.from)),
    });
  }

  it('is read once for all, and goes on byte for byte', async () => {
    const ctx = streamed();
    const key = compileKey({ key: { body: 'email' } });
    expect(await key(ctx)).toBe('~ann@example.com');
    expect(await bodyText(ctx.draft().body)).toBe(text);
    expect(key(ctx)).toBe('~ann@example.com');
  });

  it('goes on unchanged where it is longer than maxBodyBytes', async () => {
    const ctx = streamed();
    expect(await compileKey({ key: { body: 'email' }, maxBodyBytes: 10 })(ctx)).toBe(ADDRESS);
    expect(await bodyText(ctx.draft().body)).toBe(text);
  });

  it.each<[string, FakeRequestOptions['headers']]>([
    ['says it is longer than 65536 bytes', { 'content-length': '65537' }],
    ['is compressed', { 'content-encoding': 'gzip' }],
    ['is of another type', { 'content-type': 'multipart/form-data' }],
  ])('is not touched where it %s', (_case, headers) => {
    const ctx = streamed(headers);
    expect(compileKey({ key: { body: 'email' } })(ctx)).toBe(ADDRESS);
    expect(ctx.drafted).toBeNull();
    expect((ctx.request.body as Readable).readableDidRead).toBe(false);
  });

  it('is read as another layer has wrapped it', async () => {
    const ctx = fakeContext({ headers: JSON_TYPE, body: Readable.from(['{"email":"a"}']) });
    ctx.draft().body = Readable.from([Buffer.from('{"email":"b"}')]);
    expect(await compileKey({ key: { body: 'email' } })(ctx)).toBe('~b');
  });

  it('fails as a client that has left where it ends early, and as another layer says where that one ends it', async () => {
    const key = compileKey({ key: { body: 'email' } });
    const leaving = new Readable({ read: () => leaving.destroy(new Error('gone')) });
    await expect(key(fakeContext({ headers: JSON_TYPE, body: leaving }))).rejects.toMatchObject({
      code: 'ERR_GATEWAY_CLIENT_CLOSED',
    });
    const tooLarge = new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', 'too large');
    const cut = new Readable({ read: () => cut.destroy(tooLarge) });
    await expect(key(fakeContext({ headers: JSON_TYPE, body: cut }))).rejects.toBe(tooLarge);
  });
});

describe('the hint at a proxy that trustProxy does not cover', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Those of a process that has just begun: each is told once in its life. */
  async function warnings(options: RateLimitKeyOptions, ...requests: FakeRequestOptions[]): Promise<unknown[][]> {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    vi.resetModules();
    const { compileKey } = await import('../../src/rate-limiter/key.js');
    for (const request of requests) void compileKey(options)(new Context(fakeRequest(request)));
    return emit.mock.calls;
  }

  const proxied = { headers: { 'x-forwarded-for': '198.51.100.1' }, clientIp: '10.0.0.2' };

  it('comes once, names the proxy and says what to write', async () => {
    const calls = await warnings({}, {}, proxied, proxied);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.[0]).toMatch(
      /^X-Forwarded-For arrived from 10\.0\.0\.2,.* one limit; .*trustProxy: '10\.0\.0\.2'/,
    );
    expect(calls[0]?.[1]).toMatchObject({ code: 'ERR_GATEWAY_FORWARDED_FOR' });
  });

  it('comes where the address stands in for a value that is missing, and not for a value', async () => {
    expect(await warnings({ key: 'api-key' }, proxied)).toHaveLength(1);
    vi.restoreAllMocks();
    const keyed = { ...proxied, headers: { ...proxied.headers, 'x-api-key': 'k' } };
    expect(await warnings({ key: 'api-key' }, keyed)).toHaveLength(0);
  });

  it('comes for a unix socket', async () => {
    expect((await warnings({}, { ...proxied, clientIp: '' }))[0]?.[0]).toMatch(
      /from a unix socket,.*write trustProxy: 1$/,
    );
  });

  it.each<[string, FakeRequestOptions]>([
    ['without the field', { clientIp: '10.0.0.2' }],
    ['with a proxy that is trusted', { ...proxied, clientIp: '198.51.100.1', forwardedFor: '198.51.100.1, 10.0.0.2' }],
    [
      'with a trusted proxy that spells an address its own way',
      {
        headers: { 'x-forwarded-for': '2001:DB8:0::1' },
        clientIp: '2001:db8::1',
        forwardedFor: '2001:db8::1, 10.0.0.2',
      },
    ],
    ['with a trusted proxy on a unix socket', { ...proxied, clientIp: '198.51.100.1', forwardedFor: '198.51.100.1' }],
  ])('does not come %s', async (_case, request) => {
    expect(await warnings({}, request)).toHaveLength(0);
  });
});

describe('isKeyedLate', () => {
  it.each<[RateLimitKey | undefined, boolean]>([
    [undefined, false],
    ['ip', false],
    ['api-key', false],
    [{ header: 'x-tenant' }, false],
    [{ body: 'email' }, false],
    ['identity', true],
    [() => 'x', true],
  ])('of %j is %s', (key, isLate) => {
    expect(isKeyedLate(key === undefined ? {} : { key })).toBe(isLate);
  });
});
