import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { accessRecord } from '../../src/logger/access-record.js';
import { accessLog, type AccessLogOptions } from '../../src/logger/middleware.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

function ok(): GatewayResponse {
  return { status: 200, headers: {}, body: 'ok' };
}

function collect(): { lines: string[]; options: AccessLogOptions } {
  const lines: string[] = [];
  return { lines, options: { sink: (line) => void lines.push(line) } };
}

describe('accessLog', () => {
  it('writes one line when the exchange is over, not before', async () => {
    const { lines, options } = collect();
    const ctx = fakeContext({ url: '/users/42?token=secret' });
    await accessLog(options)(ctx, ok);
    expect(lines).toEqual([]);
    ctx.finish({ status: 200, aborted: false });
    ctx.finish({ status: 500, aborted: true });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: '/users/42', status: 200 });
  });

  it('returns the very answer of the layers inside', () => {
    const response = ok();
    expect(accessLog(collect().options)(fakeContext(), () => response)).toBe(response);
  });

  it('holds neither query, header fields nor body', () => {
    const { lines, options } = collect();
    const headers = { authorization: 'secret', cookie: 'secret', 'x-api-key': 'secret', 'x-other': 'secret' };
    const ctx = fakeContext({ method: 'POST', url: '/x?token=secret', headers, body: 'secret' });
    void accessLog(options)(ctx, ok);
    ctx.finish({ status: 200, aborted: false });
    expect(lines.join('')).not.toContain('secret');
  });

  it.each<[string, unknown]>([
    ['a sink that is no function', { sink: 'stdout' }],
    ['an unknown option', { snik: () => undefined }],
  ])('does not start with %s', (_case, options) => {
    expect(() => accessLog(options as AccessLogOptions)).toThrow(ConfigError);
  });
});

describe('accessRecord', () => {
  it('tells what happened', () => {
    const clock = new FakeClock();
    const ctx = fakeContext({ method: 'GET', url: '/users/42?q', clientIp: '203.0.113.9' }, { clock });
    ctx.requestId = 'id-1';
    ctx.route = { id: 'users', path: '/users/:id', params: { id: '42' }, names: ['id'], values: ['42'], rest: '' };
    ctx.target = 'http://users:3001';
    clock.advance(12.3456);
    expect(accessRecord(ctx, { status: 200, aborted: false })).toEqual({
      timestamp: '2026-01-01T00:00:00.012Z',
      level: 'info',
      requestId: 'id-1',
      method: 'GET',
      path: '/users/42',
      route: 'users',
      status: 200,
      durationMs: 12.346,
      clientIp: '203.0.113.9',
      target: 'http://users:3001',
      code: undefined,
      aborted: undefined,
      error: undefined,
      message: 'GET /users/42 200',
    });
  });

  it('measures with the monotonic clock, whatever the wall clock does', () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    clock.advance(5);
    clock.advanceWall(-3_600_000);
    expect(accessRecord(ctx, { status: 200, aborted: false }).durationMs).toBe(5);
  });

  it.each([
    [200, false, 'info'],
    [304, false, 'info'],
    [399, false, 'info'],
    [400, false, 'warn'],
    [404, false, 'warn'],
    [499, true, 'warn'],
    [200, true, 'warn'],
    [500, false, 'error'],
    [503, true, 'error'],
  ] as const)('gives %i, aborted %s, the level %s', (status, aborted, level) => {
    expect(accessRecord(fakeContext(), { status, aborted }).level).toBe(level);
  });

  it('names the code of a refusal and the message of an error', () => {
    const ctx = fakeContext();
    refuse(ctx, 'ERR_GATEWAY_UPSTREAM_RESET');
    ctx.error = new Error('upstream http://users:3001: reset');
    const record = accessRecord(ctx, { status: 502, aborted: false });
    expect(record).toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_RESET', error: 'upstream http://users:3001: reset' });
    expect(JSON.stringify(record)).not.toContain('at ');
  });

  it('names who called by the id alone, and why the gateway refused', () => {
    const ctx = fakeContext();
    const parts = { claims: { email: 'planted' }, scopes: ['planted'], roles: ['planted'], tenant: 'planted' };
    ctx.identity = { id: 'ada', scheme: 'jwt', ...parts };
    refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: 'needs one of admin' });
    const record = accessRecord(ctx, { status: 403, aborted: false });
    expect(record).toMatchObject({ identity: 'ada', code: 'ERR_GATEWAY_FORBIDDEN', reason: 'needs one of admin' });
    expect(JSON.stringify(record)).not.toContain('planted');
  });

  it('has neither caller nor reason where there is none', () => {
    expect(accessRecord(fakeContext(), { status: 200, aborted: false })).toMatchObject({
      ...{ identity: undefined, reason: undefined },
    });
  });

  it('keeps to one line, whatever the id and the reason hold', () => {
    const { lines, options } = collect();
    const ctx = fakeContext();
    ctx.identity = { id: 'a\r\nb\u2028\0', scheme: 'jwt', claims: {}, scopes: [], roles: [] };
    void accessLog(options)(ctx, () => refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: 'c\r\nd' }));
    ctx.finish({ status: 403, aborted: false });
    expect(lines.join('').trimEnd()).not.toMatch(/[\r\n\0]/);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ identity: 'a\r\nb\u2028\0', reason: 'c\r\nd' });
  });

  it.each(['text', 42, null, undefined, { message: 'no error' }])('survives that %j was thrown', (thrown) => {
    const ctx = fakeContext();
    ctx.error = thrown;
    expect(accessRecord(ctx, { status: 500, aborted: false }).error).toBeUndefined();
  });
});
