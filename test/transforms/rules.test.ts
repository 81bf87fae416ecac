import { describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/core/context.js';
import type { GatewayResponse, HeaderMap } from '../../src/core/types.js';
import { requestHeaders } from '../../src/proxy/request-headers.js';
import { transform, type TransformOptions } from '../../src/transforms/index.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

/** What goes upstream of a request. */
async function sent(request: TransformOptions['request'], of: FakeRequestOptions | Context): Promise<Context> {
  const ctx = 'request' in of ? of : fakeContext(of);
  const options: TransformOptions = request === undefined ? {} : { request };
  const answer = await transform(options)(ctx, () => ({ status: 200, headers: {}, body: null }));
  expect(answer.status).toBe(200);
  return ctx;
}

/** Header fields that go upstream, as the proxy sends them. */
async function sentHeaders(
  request: TransformOptions['request'],
  of: FakeRequestOptions | Context,
): Promise<Record<string, unknown>> {
  const lines = requestHeaders(await sent(request, of), { host: '', defaultContentType: undefined });
  const names = lines.filter((_, index) => index % 2 === 0) as string[];
  expect(new Set(names).size).toBe(names.length);
  return Object.fromEntries(names.map((name, index) => [name, lines[2 * index + 1]]));
}

async function answered(response: TransformOptions['response'], headers: HeaderMap): Promise<HeaderMap> {
  const options: TransformOptions = response === undefined ? {} : { response };
  const answer: GatewayResponse = { status: 200, headers, body: 'body' };
  const result = await transform(options)(fakeContext({ headers: { 'x-in': 'in' } }), () => answer);
  expect(result).toBe(answer);
  return Object.fromEntries(Object.entries(result.headers).filter(([, value]) => value !== undefined));
}

describe('rules of requests', () => {
  it('add-header puts its value in the place of what the client sent, in whatever spelling', async () => {
    const rule = { type: 'add-header', key: 'X-Role', value: 'none' } as const;
    const headers = { 'x-role': 'admin', x_role: 'admin', 'x-kept': 'k' };
    const received = await sentHeaders(rule, { headers });
    expect(received).toMatchObject({ 'x-role': 'none', 'x-kept': 'k' });
    expect(received).not.toHaveProperty('x_role');
  });

  it('add-header of a template without a value keeps the client from sending the field', async () => {
    const rule = { type: 'add-header', key: 'X-User', value: '{identity.id}' } as const;
    const received = await sentHeaders(rule, { headers: { 'x-user': 'eve', x_user: 'eve' } });
    expect(Object.keys(received).filter((name) => name.includes('user'))).toEqual([]);
  });

  it('rules that are known at start cost no draft', async () => {
    const request = [
      { type: 'add-header', key: 'X-Gateway', value: 'innergate' },
      { type: 'remove-header', key: 'Cookie' },
      { remove: { headers: ['X-Debug'] } },
    ] as const;
    const ctx = await sent(request, { headers: { cookie: 'a=b', 'x-debug': '1', accept: '*/*' } });
    expect(ctx.drafted).toBeNull();
    const received = await sentHeaders(request, { headers: { cookie: 'a=b', 'x-debug': '1', accept: '*/*' } });
    expect(received).toMatchObject({ 'x-gateway': 'innergate', accept: '*/*' });
    expect(received).not.toHaveProperty('cookie');
    expect(received).not.toHaveProperty('x-debug');
  });

  it('a later rule has the last word, whether or not it is known at start', async () => {
    const ctx = fakeContext();
    ctx.requestId = 'r-1';
    const received = await sentHeaders(
      [
        { type: 'add-header', key: 'a', value: '1' },
        { type: 'add-header', key: 'a', value: '{method}' },
        { type: 'add-header', key: 'b', value: '{method}' },
        { type: 'add-header', key: 'b', value: '2' },
        { type: 'add-header', key: 'c', value: '{method}' },
        { type: 'remove-header', key: 'c' },
      ],
      ctx,
    );
    expect(received).toMatchObject({ a: 'GET', b: '2' });
    expect(received).not.toHaveProperty('c');
  });

  it.each(['a\r\nx-evil: 1', '\u20ac', 'a\0'])('a value that cannot stand on the wire is not sent: %j', async (id) => {
    const ctx = fakeContext();
    ctx.identity = { id, scheme: 'test', claims: {}, scopes: [], roles: [] };
    const received = await sentHeaders({ type: 'add-header', key: 'x-name', value: '{identity.id}' }, ctx);
    expect(received).not.toHaveProperty('x-name');
  });

  it('verbs work in their order: remove, rename, replace, add, append', async () => {
    const received = await sentHeaders(
      {
        append: { headers: { accept: 'text/x', cookie: 'c=d', 'x-list': '{method}' } },
        add: { headers: { 'X-New': 'new', 'x-there': 'not added' } },
        replace: { headers: { 'x-there': 'replaced', 'x-missing': 'not written', 'x-lost': '{identity.id}' } },
        rename: { headers: { 'X-Old': 'X-There', 'x-nothing': 'x-kept' } },
        remove: { headers: ['X-There', 'x-new'] },
      },
      {
        headers: {
          accept: '*/*',
          cookie: 'a=b',
          'x-new': 'client',
          'x-there': 'first',
          'x-old': 'renamed',
          'x-kept': 'kept',
          'x-lost': 'client',
        },
      },
    );
    expect(received).toMatchObject({
      accept: '*/*, text/x',
      cookie: 'a=b; c=d',
      'x-list': 'GET',
      'x-new': 'new',
      'x-there': 'replaced',
      'x-kept': 'kept',
    });
    for (const name of ['x-old', 'x-missing', 'x-lost', 'x-nothing']) expect(received).not.toHaveProperty(name);
  });

  it('replace and rename leave no other spelling of a name behind', async () => {
    const received = await sentHeaders(
      { replace: { headers: { 'x-role': 'user' } }, rename: { headers: { 'x-old': 'x-new' } } },
      { headers: { x_role: 'admin', 'x-old': '1', x_new: '2' } },
    );
    expect(received).toMatchObject({ 'x-role': 'user', 'x-new': '1' });
    expect(Object.keys(received).filter((name) => name.includes('_'))).toEqual([]);
  });
});

describe('rules of answers', () => {
  it('set and remove fields', async () => {
    const headers = await answered(
      [
        { type: 'add-header', key: 'X-Path', value: '{path}' },
        { type: 'add-header', key: 'Cache-Control', value: 'no-store' },
        { type: 'add-header', key: 'X-Who', value: '{identity.id}' },
        { type: 'remove-header', key: 'X-Inner' },
      ],
      { 'x-inner': '1', 'cache-control': 'public', 'x-who': 'service' },
    );
    expect(headers).toEqual({ 'x-path': '/', 'cache-control': 'no-store' });
  });

  it('a cookie is a further line, appended or added', async () => {
    const headers = await answered(
      [
        { type: 'add-header', key: 'Set-Cookie', value: 'b=2' },
        { append: { headers: { 'set-cookie': 'c=3', vary: 'accept' } } },
        { add: { headers: { 'set-cookie': 'never' } } },
      ],
      { 'set-cookie': ['a=1'], vary: 'origin' },
    );
    expect(headers).toEqual({ 'set-cookie': ['a=1', 'b=2', 'c=3'], vary: 'origin, accept' });
    expect(await answered({ add: { headers: { 'set-cookie': 'd=4' } } }, {})).toEqual({ 'set-cookie': 'd=4' });
  });

  it.each(['a\r\nx-evil: 1', '\u20ac'])('a value that cannot stand on the wire is not sent: %j', async (value) => {
    const ctx = fakeContext();
    ctx.params = { value };
    const rules = { append: { headers: { b: '{params.value}' } }, add: { headers: { c: '{params.value}' } } };
    const options = { response: [{ type: 'add-header', key: 'a', value: '{params.value}' }, rules] } as const;
    const answer = await transform(options)(ctx, () => ({ status: 200, headers: { b: 'kept' }, body: null }));
    expect(JSON.parse(JSON.stringify(answer.headers))).toEqual({ b: 'kept' });
  });

  it('a renamed list stays one', async () => {
    const headers = await answered(
      { rename: { headers: { 'set-cookie': 'x-cookies' } } },
      { 'set-cookie': ['a', 'b'] },
    );
    expect(headers).toEqual({ 'x-cookies': ['a', 'b'] });
  });

  it('leave a body alone when they are over header fields', () => {
    const body = { destroy: vi.fn(), pipe: vi.fn(), [Symbol.asyncIterator]: vi.fn() };
    const answer: GatewayResponse = { status: 200, headers: { 'content-type': 'application/json', etag: '"a"' }, body };
    const ctx = fakeContext({ headers: { range: 'bytes=0-1' } });
    const result = transform({ response: { add: { headers: { a: 'b' } } } })(ctx, () => answer);
    expect(result).toMatchObject({ status: 200, headers: { etag: '"a"', a: 'b' } });
    expect((result as GatewayResponse).body).toBe(body);
    expect([ctx.drafted, ctx.upstreamFields]).toEqual([null, null]);
    for (const touch of Object.values(body)) expect(touch).not.toHaveBeenCalled();
  });
});

describe('the query', () => {
  async function query(request: TransformOptions['request'], url: string): Promise<string> {
    return (await sent(request, { url })).draft().query;
  }

  it('keeps what no rule names, byte for byte', async () => {
    const url = '/?a=%7e&&b&=c&d=%zz&e=a+b&x=1&f=%E9';
    expect(await query({ remove: { query: ['x'] } }, url)).toBe('?a=%7e&&b&=c&d=%zz&e=a+b&f=%E9');
  });

  it('verbs work in their order', async () => {
    const request = {
      remove: { query: ['debug'] },
      rename: { query: { old: 'new name' } },
      replace: { query: { there: 'a&b', missing: 'x' } },
      add: { query: { there: 'no', added: '{method} \u00e9' } },
      append: { query: { there: '2', none: '{identity.id}' } },
    };
    expect(await query(request, '/?debug=1&old=%2F&new%20name=9&there=0&debug&there')).toBe(
      '?new%20name=%2F&there=a%26b&there=a%26b&added=GET%20%C3%A9&there=2',
    );
  });

  it.each(['debug', 'de%62ug', '%64ebug=1', 'debug='])('finds a name however it is spelled: %s', async (parameter) => {
    expect(await query({ remove: { query: ['debug'] } }, `/?${parameter}`)).toBe('');
  });

  it('starts where there was none', async () => {
    expect(await query({ add: { query: { tenant: 't 1' } } }, '/x')).toBe('?tenant=t%201');
  });

  it('half of a surrogate pair in a value breaks nothing', async () => {
    const ctx = fakeContext();
    ctx.identity = { id: '\ud800', scheme: 'test', claims: {}, scopes: [], roles: [] };
    expect((await sent({ add: { query: { id: '{identity.id}' } } }, ctx)).draft().query).toBe('?id=%EF%BF%BD');
  });
});

describe('rewrite-path', () => {
  function routed(url: string): Context {
    const ctx = fakeContext({ url });
    ctx.params = { id: '4 2', name: 'a/b' };
    ctx.route = { id: 'r', path: '/', params: ctx.params, names: ['id', 'name'], values: ['4%202', 'a%2Fb'], rest: '' };
    return ctx;
  }

  it.each([
    [{ value: '/v2' }, '/v2'],
    [{ value: '/v2/{params.id}/{params.name}' }, '/v2/4%202/a%2Fb'],
    [{ value: '/m/{method}/{host}' }, '/m/GET/gateway.test'],
    [{ value: '/x{path}' }, '/x/api/$1/users'],
    [{ key: '^(/api).*', value: '/v1{path}$1' }, '/v1/api/$1/users/api'],
    [{ key: '^/api', value: '' }, '/$1/users'],
    [{ key: '^/api/[^/]+/(\\w+)$', value: '/$1/{params.id}' }, '/users/4%202'],
    [{ key: '/users', value: '{path}' }, '/api/$1/api/$1/users'],
  ])('%j sends %s, and the query as it is', async (rule, path) => {
    const ctx = await sent({ type: 'rewrite-path', ...rule }, routed('/api/$1/users?a=%7e&b'));
    expect(ctx.draft().url).toBe(`${path}?a=%7e&b`);
  });

  it('leaves a path that it does not match to the rule of the route', async () => {
    const ctx = await sent({ type: 'rewrite-path', key: '^/other', value: '/x' }, { url: '/api' });
    expect(ctx.drafted).toBeNull();
  });

  it('goes on where another rule has written the path, and the query with it', async () => {
    const ctx = await sent(
      [
        { add: { query: { a: '1' } } },
        { type: 'rewrite-path', key: '^/api', value: '/v1' },
        { add: { query: { b: '2' } } },
        { type: 'rewrite-path', key: '^/v1', value: '/v2' },
      ],
      { url: '/api/users' },
    );
    expect(ctx.draft()).toMatchObject({ url: '/v2/users?a=1&b=2', query: '?a=1&b=2' });
  });

  async function refused(rule: { key?: string; value: string }, ctx: Context): Promise<unknown[]> {
    const next = vi.fn();
    const { status, body } = await transform({ request: { type: 'rewrite-path', ...rule } })(ctx, next);
    expect(next).not.toHaveBeenCalled();
    return [status, ctx.refusal, (JSON.parse(body as string) as { detail?: string }).detail];
  }

  it.each([
    [{ key: '^/api', value: '' }, '/api../admin'],
    [{ key: 'x', value: '..%2f' }, '/api/x'],
    [{ value: '/users/{query.id}' }, '/?id=..'],
    [{ value: '/users/{query.id}' }, '/?id=a/../b'],
    [{ value: '/a/{query.id}/b' }, '/?id=.'],
  ])('%j refuses an ambiguous path: %s', async (rule, url) => {
    const refusal = [400, 'ERR_GATEWAY_REQUEST_MALFORMED', 'The path is ambiguous.'];
    expect(await refused(rule, fakeContext({ url }))).toEqual(refusal);
  });

  it('refuses a path that lacks a value: an empty segment would be another resource', async () => {
    expect(await refused({ value: '/users/{identity.id}/all' }, fakeContext())).toEqual([
      400,
      'ERR_GATEWAY_REQUEST_MALFORMED',
      'The path lacks a value.',
    ]);
  });

  it('a value has no way out of its segment', async () => {
    const ctx = await sent({ type: 'rewrite-path', value: '/u/{query.id}/x' }, { url: '/?id=a/b%3Fc%23d%25$%26' });
    expect(ctx.draft().url).toBe('/u/a%2Fb%3Fc%23d%25%24%26/x?id=a/b%3Fc%23d%25$%26');
  });

  it('runs no pattern on a path of more than 2048 characters', async () => {
    const ctx = fakeContext({ url: `/${'a'.repeat(2048)}` });
    expect((await refused({ key: 'a', value: 'b' }, ctx))[1]).toBe('ERR_GATEWAY_URL_TOO_LONG');
  });
});
