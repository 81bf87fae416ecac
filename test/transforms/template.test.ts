import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { compileTemplate, parseTemplate, textFor } from '../../src/transforms/template.js';
import { fakeContext } from '../support/request.js';

beforeEach(() => {
  vi.stubEnv('REGION', 'eu-1');
  vi.stubEnv('EMPTY', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

function exchange(): Context {
  const ctx = fakeContext({
    method: 'POST',
    url: '/api/users/a%2Fb?page=2&page=3&q=a+b',
    headers: { 'x-foo': 'bar', accept: ['a', 'b'], host: 'api.test' },
    clientIp: '203.0.113.9',
  });
  ctx.requestId = 'r-1';
  ctx.params = { id: 'a/b', '*': 'rest' };
  ctx.route = { id: 'users', path: '/api/users/:id', params: ctx.params, names: ['id'], values: ['a%2Fb'], rest: '' };
  ctx.identity = {
    id: 'ada',
    scheme: 'jwt',
    claims: { email: 'ada@x.test', address: { city: 'Lyon' }, age: 36, groups: ['a'], none: null },
    scopes: [],
    roles: [],
    tenant: 'acme',
    consumer: 'app',
  };
  ctx.trace = { traceId: 'f'.repeat(32), spanId: '', sampled: true, traceparent: '', tracestate: '' };
  return ctx;
}

function fill(template: string, ctx = exchange()): string | undefined {
  return textFor(compileTemplate(template), ctx);
}

function faultsOf(template: string): string[] {
  const faults: string[] = [];
  parseTemplate(template, (message) => faults.push(message));
  return faults;
}

describe('a template', () => {
  it.each([
    ['plain', 'plain'],
    ['', ''],
    ['{params.id}', 'a/b'],
    ['{params.*}', 'rest'],
    ['{query.page}', '2'],
    ['{query.q}', 'a b'],
    ['{headers.X-Foo}', 'bar'],
    ['{headers.accept}', 'a,b'],
    ['{identity.id}/{identity.tenant}/{identity.consumer}', 'ada/acme/app'],
    ['{identity.claims.email}', 'ada@x.test'],
    ['{identity.claims.address.city}', 'Lyon'],
    ['{identity.claims.age}', '36'],
    ['{identity.claims.groups}', '["a"]'],
    ['{requestId} {clientIp} {method} {host} {route}', 'r-1 203.0.113.9 POST api.test users'],
    ['{path}', '/api/users/a%2Fb'],
    ['{traceId}', 'f'.repeat(32)],
    ['in {env.REGION}', 'in eu-1'],
    ['{{"id":"{params.id}"}', '{"id":"a/b"}'],
    ['a}b', 'a}b'],
  ])('%s becomes %s', (template, filled) => {
    expect(faultsOf(template)).toEqual([]);
    expect(fill(template)).toBe(filled);
  });

  it.each([
    'x {params.none}',
    '{params.constructor}',
    '{query.none}',
    '{headers.none}',
    '{identity.claims.none}',
    '{identity.claims.constructor}',
    '{identity.claims.email.length}',
    '{identity.claims.__proto__}',
  ])('%s has no value, and so the whole has none', (template) => {
    expect(fill(template)).toBeUndefined();
  });

  it.each(['{identity.id}', '{identity.tenant}', '{identity.claims.email}', '{requestId}', '{route}', '{traceId}'])(
    '%s has none before anybody has written it',
    (template) => {
      expect(fill(template, fakeContext())).toBeUndefined();
    },
  );

  it('reads the environment once, at start', () => {
    const text = compileTemplate('{env.REGION}');
    vi.stubEnv('REGION', 'us-2');
    expect(text).toBe('eu-1');
  });

  it.each([
    ['{identity.ids}', 'did you mean {identity.id}?'],
    ['{requestID}', 'did you mean {requestId}?'],
    ['{parms.id}', 'did you mean {params.id}?'],
    ['{env.REGOIN}', 'did you mean {env.REGION}?'],
    ['{env.EMPTY}', 'not set, or empty'],
    ['{nothing.of.the.kind}', 'the names are requestId'],
    ['{params.}', 'names nothing'],
    ['{constructor}', 'names nothing'],
    ['{}', 'names nothing'],
    ['{headers.a b}', 'names no header field'],
    ['{params.id', "write '{{' for a brace"],
    ['{{params.id}}', 'one brace on each side'],
  ])('%s is a fault: %s', (template, message) => {
    expect(faultsOf(template)).toEqual([expect.stringContaining(message)]);
  });

  it('no fault shows a value of the environment', () => {
    vi.stubEnv('TOKEN', 's3cret');
    expect(faultsOf('{env.TOKEN} {env.TOKENS} {nope}').join()).not.toContain('s3cret');
  });
});
