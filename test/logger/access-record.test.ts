import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import type { Context, Outcome } from '../../src/core/context.js';
import { refuse } from '../../src/core/refuse.js';
import { accessLine } from '../../src/logger/access-line.js';
import { accessRecord, type AccessRecord } from '../../src/logger/access-record.js';
import { jsonLine } from '../../src/logger/json-line.js';
import { Redaction } from '../../src/logger/redaction.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

const OK: Outcome = { status: 200, aborted: false };

function recordOf(ctx: Context, outcome = OK, redaction = new Redaction({ query: true })): AccessRecord {
  ctx.finish(outcome);
  return accessRecord(ctx, outcome, redaction);
}

function attempt(parts: Partial<Attempt> = {}): Attempt {
  return {
    number: 1,
    origin: 'http://users:3001',
    method: 'GET',
    url: '/42',
    startedAt: 1_001,
    sentAt: 1_006,
    connectMs: 3.5,
    answeredAt: 1_026.25,
    endedAt: 1_030,
    status: 200,
    bytesSent: 0,
    bytesReceived: 512,
    error: null,
    ...parts,
  };
}

/** A context in which everything has happened. */
function fullContext(): Context {
  const clock = new FakeClock();
  const headers = { 'user-agent': 'curl/8.5.0', accept: 'text/html', 'x-tenant': 'acme' };
  const ctx = fakeContext({ url: '/users/42?page=2&token=planted', headers, clientIp: '203.0.113.9' }, { clock });
  ctx.requestId = 'id-1';
  ctx.trace = { traceId: '4bf9', spanId: '00f0', sampled: true, traceparent: '00-4bf9-00f0-01', tracestate: '' };
  ctx.route = { id: 'users', path: '/users/:id', params: { id: '42' }, names: ['id'], values: ['42'], rest: '' };
  ctx.tenant = 'acme';
  ctx.apiVersion = '2';
  ctx.variant = 'canary';
  ctx.target = 'http://users:3001';
  ctx.identity = { id: 'ada', scheme: 'jwt', claims: {}, scopes: [], roles: [] };
  ctx.attempt = 2;
  ctx.lastAttempt = attempt({ number: 2 });
  ctx.cache = 'miss';
  ctx.dryRefusal = 'ERR_GATEWAY_RATE_LIMITED';
  ctx.refusal = 'ERR_GATEWAY_UPSTREAM_RESET';
  ctx.reason = 'the upstream was reset';
  ctx.error = new Error('upstream http://users:3001: reset');
  clock.advance(32.3456);
  return ctx;
}

const FULL: Record<keyof AccessRecord, unknown> = {
  timestamp: '2026-01-01T00:00:00.032Z',
  level: 'error',
  requestId: 'id-1',
  traceId: '4bf9',
  spanId: '00f0',
  method: 'GET',
  path: '/users/42',
  query: '?page=2&token=[redacted]',
  route: 'users',
  tenant: 'acme',
  apiVersion: '2',
  variant: 'canary',
  target: 'http://users:3001',
  status: 502,
  durationMs: 32.346,
  queueMs: 1.5,
  connectMs: 3.5,
  firstByteMs: 20.25,
  bodyMs: 3.75,
  bytesIn: 7,
  bytesOut: 512,
  clientIp: '203.0.113.9',
  userAgent: 'curl/8.5.0',
  identity: 'ada',
  attempts: 2,
  cache: 'miss',
  dryRun: 'ERR_GATEWAY_RATE_LIMITED',
  code: 'ERR_GATEWAY_UPSTREAM_RESET',
  reason: 'the upstream was reset',
  aborted: true,
  error: 'upstream http://users:3001: reset',
  headers: { 'x-tenant': 'acme' },
  message: 'GET /users/42 502',
};

const FULL_OUTCOME: Outcome = { status: 502, aborted: true, bytesIn: 7, bytesOut: 512 };

describe('accessRecord', () => {
  it('tells all that happened', () => {
    expect(
      recordOf(fullContext(), FULL_OUTCOME, new Redaction({ headers: ['X-Tenant', 'x-absent'], query: true })),
    ).toEqual(FULL);
  });

  it('tells no more than what happened', () => {
    const { timestamp, durationMs, ...told } = Object.fromEntries(
      Object.entries(recordOf(fakeContext({ url: '/x' }))).filter(([, value]) => value !== undefined),
    );
    expect([timestamp, durationMs]).toEqual(['2026-01-01T00:00:00.000Z', 0]);
    const always = { level: 'info', method: 'GET', path: '/x', status: 200, clientIp: '203.0.113.7' };
    expect(told).toEqual({ ...always, message: 'GET /x 200' });
  });

  it('measures with the monotonic clock, whatever the wall clock does', () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    clock.advance(5);
    clock.advanceWall(-3_600_000);
    expect(recordOf(ctx).durationMs).toBe(5);
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
    expect(recordOf(fakeContext(), { status, aborted }).level).toBe(level);
  });

  it.each<[string, Partial<Attempt>, Partial<AccessRecord>]>([
    ['went over an open connection', { connectMs: 0 }, { queueMs: 5, connectMs: 0 }],
    [
      'got no connection',
      { sentAt: NaN, connectMs: 0, answeredAt: NaN, endedAt: 1_030 },
      { queueMs: undefined, connectMs: undefined, firstByteMs: undefined, bodyMs: undefined },
    ],
    ['got no answer', { answeredAt: NaN }, { queueMs: 1.5, firstByteMs: undefined, bodyMs: undefined }],
    ['has not ended', { endedAt: NaN }, { firstByteMs: 20.25, bodyMs: 3.75 }],
    ['took less than is measured', { connectMs: 5.0000001 }, { queueMs: 0 }],
  ])('tells the parts of a call that %s', (_case, parts, expected) => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    ctx.lastAttempt = attempt(parts);
    clock.advance(30);
    expect(recordOf(ctx)).toMatchObject(expected);
  });

  it('tells the same some time later, when the call of the upstream may have ended, too', () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    const lastAttempt = { ...attempt(), endedAt: Number.NaN };
    ctx.lastAttempt = lastAttempt;
    clock.advance(30);
    const record = recordOf(ctx);
    clock.advance(20);
    lastAttempt.endedAt = clock.now();
    expect(accessRecord(ctx, OK, new Redaction({ query: true }))).toEqual(record);
  });

  it('names the code of a refusal, or of the error', () => {
    const ctx = fakeContext();
    refuse(ctx, 'ERR_GATEWAY_UPSTREAM_RESET');
    ctx.error = new Error('upstream http://users:3001: reset');
    const record = recordOf(ctx, { status: 502, aborted: false });
    expect(record).toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_RESET', error: 'upstream http://users:3001: reset' });
    expect(JSON.stringify(record)).not.toContain('at ');
  });

  it('names who called by the id alone, and why the gateway refused', () => {
    const ctx = fakeContext();
    const parts = { claims: { email: 'planted' }, scopes: ['planted'], roles: ['planted'], tenant: 'planted' };
    ctx.identity = { id: 'ada', scheme: 'jwt', ...parts };
    refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: 'needs one of admin' });
    const record = recordOf(ctx, { status: 403, aborted: false });
    expect(record).toMatchObject({ identity: 'ada', code: 'ERR_GATEWAY_FORBIDDEN', reason: 'needs one of admin' });
    expect(JSON.stringify(record)).not.toContain('planted');
  });

  it.each(['text', 42, null, undefined, { message: 'no error' }])('survives that %j was thrown', (thrown) => {
    const ctx = fakeContext();
    ctx.error = thrown;
    expect(recordOf(ctx, { status: 500, aborted: false }).error).toBeUndefined();
  });

  it('keeps credentials back, wherever they stand, each time', () => {
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.planted';
    const redaction = new Redaction({
      headers: ['authorization', 'referer', 'x-own', 'x_api_key'],
      query: true,
      redact: ['X-Own', 'voucher'],
    });
    const headers = {
      'user-agent': `app/1 Bearer planted ${token}`,
      authorization: 'planted',
      'x-own': 'planted',
      x_api_key: 'planted',
      referer: 'https://ada:planted@app.test/?session=planted&page=2',
    };
    for (let round = 0; round < 2; round++) {
      const ctx = fakeContext({ url: `/x?q=${token}&voucher=planted&API-key=planted&page=2`, headers });
      ctx.error = new Error('no row for password=planted');
      refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: `the token ${token} has ended` });
      const record = recordOf(ctx, { status: 403, aborted: false }, redaction);
      expect(JSON.stringify(record)).not.toMatch(/planted|eyJ/);
      expect(record.query).toBe('?q=[redacted]&voucher=[redacted]&API-key=[redacted]&page=2');
      expect(record.headers?.referer).toBe('https://[redacted]@app.test/?session=[redacted]&page=2');
    }
  });

  it('keeps the user agent back where it is named', () => {
    const ctx = fakeContext({ headers: { 'user-agent': 'planted' } });
    expect(recordOf(ctx, OK, new Redaction({ redact: ['User-Agent'] })).userAgent).toBe('[redacted]');
  });

  it('bounds every text, and shows no half of a credential at the border', () => {
    const token = `eyJhbGciOiJIUzI1NiJ9.${'planted'.repeat(2_000)}.planted`;
    const headers = { 'user-agent': `app/1 ${token}` };
    const ctx = fakeContext({ url: `/${'a'.repeat(10_000)}?page=2&q=${token}`, headers });
    ctx.error = new Error(`line one ${'x'.repeat(1_000_000)}`);
    const record = recordOf(ctx);
    expect(JSON.stringify(record).length).toBeLessThan(8_000);
    expect(JSON.stringify(record)).not.toContain('planted');
    expect(record).toMatchObject({ query: '?page=2...', userAgent: 'app/1...', error: 'line one...' });
  });
});

describe('accessLine', () => {
  it('writes every member as jsonLine does, in the same order', () => {
    const record = recordOf(fullContext(), FULL_OUTCOME, new Redaction({ headers: ['x-tenant'], query: true }));
    const written = JSON.parse(accessLine(record)) as object;
    expect(written).toEqual(JSON.parse(jsonLine(record)));
    expect(Object.keys(written)).toEqual(Object.keys(record));
  });

  it('leaves out what is undefined', () => {
    const record = recordOf(fakeContext());
    expect(JSON.parse(accessLine(record))).toEqual(JSON.parse(jsonLine(record)));
  });

  it.each([0, 0.001, 0.01, 0.1, 1, 9.999, 10.05, 100, 12_345.678, 86_400_000])(
    'writes a time of %d ms as a number',
    (ms) => {
      const clock = new FakeClock();
      const ctx = fakeContext({}, { clock });
      clock.advance(ms);
      expect((JSON.parse(accessLine(recordOf(ctx))) as AccessRecord).durationMs).toBe(ms);
    },
  );

  it('keeps to one line, whatever ids, reasons and fields hold', () => {
    const hostile = 'a\r\nb\u2028\0\u001b[31m"\\';
    const ctx = fakeContext({ headers: { 'user-agent': hostile, 'x-own': hostile } });
    ctx.identity = { id: hostile, scheme: 'jwt', claims: {}, scopes: [], roles: [] };
    refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: hostile });
    const line = accessLine(
      recordOf(ctx, { status: 403, aborted: false }, new Redaction({ headers: ['x-own'], query: true })),
    );
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    const told = { identity: hostile, reason: hostile, userAgent: hostile, headers: { 'x-own': hostile } };
    expect(JSON.parse(line)).toMatchObject(told);
  });
});
