import { describe, expect, it, vi } from 'vitest';
import { authorize, type AuthorizeOptions, type Requirement } from '../../src/auth/authorize.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, Identity } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';
import { fakeIdentity } from './fake-strategy.js';

/** What comes of a request of this caller, and whether the upstream was asked. */
function setup(options: AuthorizeOptions, identity: Identity | null = fakeIdentity()) {
  const ctx = fakeContext({ url: '/orders' });
  ctx.identity = identity;
  const next = vi.fn(() => ({ status: 200, headers: {}, body: 'ok' }));
  return { ctx, next, run: () => authorize(options)(ctx, next) };
}

function statusOf(options: AuthorizeOptions, identity?: Identity | null): number {
  const { run, next } = setup(options, identity);
  const { status } = run() as GatewayResponse;
  expect(next).toHaveBeenCalledTimes(status === 200 ? 1 : 0);
  return status;
}

const REQUIREMENTS: [Requirement, string[], boolean][] = [
  [['a'], ['a'], true],
  [['a', 'b'], ['b'], true],
  [['a'], ['b'], false],
  [['a'], [], false],
  [['a'], ['A'], false],
  [['a'], ['ab', 'a b'], false],
  [['__proto__', 'length', '0'], ['x'], false],
  [{ anyOf: ['a', 'b'] }, ['b', 'c'], true],
  [{ anyOf: ['a', 'b'] }, ['c'], false],
  [{ allOf: ['a', 'b'] }, ['b', 'a', 'c'], true],
  [{ allOf: ['a', 'b'] }, ['a'], false],
  [{ allOf: ['a', 'b'] }, [], false],
  [{ anyOf: ['a', 'b'], allOf: ['c'] }, ['b', 'c'], true],
  [{ anyOf: ['a', 'b'], allOf: ['c'] }, ['a', 'b'], false],
  [{ anyOf: ['a', 'b'], allOf: ['c'] }, ['c'], false],
];

describe('authorize', () => {
  it.each(REQUIREMENTS)('with %j, to a caller with %j, says %s', (required, has, allowed) => {
    const status = allowed ? 200 : 403;
    expect(statusOf({ scopes: required }, fakeIdentity({ scopes: has }))).toBe(status);
    expect(statusOf({ roles: required }, fakeIdentity({ roles: has }))).toBe(status);
  });

  it('wants all of scopes, roles and allow', () => {
    const options: AuthorizeOptions = { scopes: ['a'], roles: ['r'], allow: ({ id }) => id === 'ada' };
    const good = { scopes: ['a'], roles: ['r'] };
    expect(statusOf(options, fakeIdentity(good))).toBe(200);
    expect(statusOf(options, fakeIdentity({ ...good, scopes: ['r'] }))).toBe(403);
    expect(statusOf(options, fakeIdentity({ ...good, roles: ['a'] }))).toBe(403);
    expect(statusOf(options, fakeIdentity({ ...good, id: 'eve' }))).toBe(403);
  });

  it('asks allow only for a caller who has the scopes and roles, with identity, request and exchange', () => {
    const allow = vi.fn(() => true);
    expect(statusOf({ scopes: ['a'], roles: ['r'], allow }, fakeIdentity({ scopes: ['a'] }))).toBe(403);
    expect(allow).not.toHaveBeenCalled();
    const { ctx, run } = setup({ allow });
    void run();
    expect(allow.mock.calls).toEqual([[ctx.identity, ctx.request, ctx]]);
  });

  it('stays synchronous where allow is', () => {
    expect(setup({ allow: () => true }).run()).not.toBeInstanceOf(Promise);
    expect(setup({ scopes: ['a'] }).run()).not.toBeInstanceOf(Promise);
  });

  it.each([false, undefined, null, 0, 1, 'yes', 'true', {}, [], { then: () => undefined }, Object(true)])(
    'lets in nobody by an allow that says %j',
    async (says: unknown) => {
      expect(statusOf({ allow: () => says as boolean })).toBe(403);
      if (typeof says === 'object' && says !== null && 'then' in says) return;
      const { run, next } = setup({ allow: () => Promise.resolve(says as boolean) });
      expect((await run()).status).toBe(403);
      expect(next).not.toHaveBeenCalled();
    },
  );

  it('lets in by an allow that says true later', async () => {
    const { run, next } = setup({ allow: () => Promise.resolve(true) });
    expect(next).not.toHaveBeenCalled();
    expect((await run()).status).toBe(200);
  });

  it('asks no upstream where allow throws or rejects', async () => {
    const failure = new Error('the database is down');
    const throwing = setup({
      allow: () => {
        throw failure;
      },
    });
    expect(throwing.run).toThrow(failure);
    const rejecting = setup({ allow: () => Promise.reject(failure) });
    await expect(rejecting.run()).rejects.toBe(failure);
    for (const { next } of [throwing, rejecting]) expect(next).not.toHaveBeenCalled();
  });

  it('answers 401 where nobody has proven who is calling, and asks no rule', () => {
    const allow = vi.fn(() => true);
    const { ctx, next, run } = setup({ allow, realm: 'my shop' }, null);
    expect(run()).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="my shop"' } });
    expect([ctx.refusal, ctx.reason]).toEqual(['ERR_GATEWAY_CREDENTIALS_MISSING', 'no identity to authorize']);
    expect(allow).not.toHaveBeenCalled();
    expect(next).not.toHaveBeenCalled();
  });

  it.each(['jwt', 'introspection'])('tells the holder of a token (%s) which scopes are needed', (scheme) => {
    const options: AuthorizeOptions = { scopes: { anyOf: ['a', 'b'], allOf: ['c', 'a'] }, realm: 'my shop' };
    const { ctx, run } = setup(options, fakeIdentity({ scheme }));
    const { status, headers, body } = run() as GatewayResponse;
    expect([status, headers['www-authenticate']]).toEqual([
      403,
      'Bearer realm="my shop", error="insufficient_scope", scope="a b c"',
    ]);
    expect(ctx.refusal).toBe('ERR_GATEWAY_SCOPE_INSUFFICIENT');
    expect(JSON.parse(body as string)).toMatchObject({
      code: 'ERR_GATEWAY_SCOPE_INSUFFICIENT',
      detail: 'This needs the scope: one of a, b and all of c, a.',
    });
  });

  it.each(['api-key', 'basic', 'session', 'own'])('challenges no caller without a token (%s)', (scheme) => {
    const { run } = setup({ scopes: ['a'] }, fakeIdentity({ scheme }));
    const { status, headers } = run() as GatewayResponse;
    expect(status).toBe(403);
    expect(headers).not.toHaveProperty('www-authenticate');
  });

  it('tells a caller without the role nothing of roles and rules; the log has them', () => {
    const [role, rule] = [setup({ roles: ['admin', 'dev'] }), setup({ allow: () => false })];
    const [first, second] = [role.run(), rule.run()] as GatewayResponse[];
    expect(first).toEqual(second);
    expect(first?.headers).not.toHaveProperty('www-authenticate');
    expect([role.ctx.refusal, role.ctx.reason]).toEqual(['ERR_GATEWAY_FORBIDDEN', 'needs one of admin, dev']);
    expect([rule.ctx.refusal, rule.ctx.reason]).toEqual(['ERR_GATEWAY_FORBIDDEN', 'refused by allow']);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing asked for', {}, ['options']],
    ['rules that are undefined', { scopes: undefined, roles: undefined, allow: undefined }, ['options']],
    ['a realm alone', { realm: 'x' }, ['options']],
    ['no scope in a list', { scopes: [] }, ['scopes']],
    ['one scope as a text', { scopes: 'read' }, ['scopes']],
    ['neither anyOf nor allOf', { scopes: {}, roles: {} }, ['scopes', 'roles']],
    ['an anyOf that is undefined', { scopes: { anyOf: undefined } }, ['scopes']],
    ['an allOf that is undefined', { roles: { allOf: undefined, anyOf: undefined } }, ['roles']],
    ['an empty allOf', { scopes: { allOf: [] } }, ['scopes.allOf']],
    ['an unknown word', { scopes: { oneOf: ['a'] } }, ['scopes.oneOf', 'scopes']],
    ['scopes that are none', { scopes: ['a b', '', 'a"b', 'a\\b', 'ä'] }, [0, 1, 2, 3, 4].map((n) => `scopes[${n}]`)],
    ['roles that are none', { roles: ['', 'a\0', 7] }, ['roles[0]', 'roles[1]', 'roles[2]']],
    ['an allow that is no function', { allow: true }, ['allow']],
    ['a realm that ends the quotes', { scopes: ['a'], realm: 'a"b' }, ['realm']],
    ['an unknown option', { scopes: ['a'], role: ['b'] }, ['role']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      authorize(options as AuthorizeOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});
