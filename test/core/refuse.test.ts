import { describe, expect, it } from 'vitest';
import { REFUSALS, type RefusalCode } from '../../src/core/errors.js';
import { refuse, type RefuseOptions } from '../../src/core/refuse.js';
import { fakeContext } from '../support/request.js';

const CODES = Object.keys(REFUSALS) as RefusalCode[];

const CLOSING: readonly RefusalCode[] = [
  'ERR_GATEWAY_REQUEST_MALFORMED',
  'ERR_GATEWAY_BODY_TIMEOUT',
  'ERR_GATEWAY_LENGTH_REQUIRED',
  'ERR_GATEWAY_BODY_TOO_LARGE',
  'ERR_GATEWAY_URL_TOO_LONG',
  'ERR_GATEWAY_EXPECTATION_UNKNOWN',
  'ERR_GATEWAY_HEADERS_TOO_LARGE',
  'ERR_GATEWAY_CODING_UNSUPPORTED',
  'ERR_GATEWAY_DRAINING',
];

function problemOf(code: RefusalCode, options?: RefuseOptions, ctx = fakeContext({ url: '/a?b' })): unknown {
  return JSON.parse(refuse(ctx, code, options).body as string);
}

describe('refuse', () => {
  it('answers with the fields of RFC 9457 and with code, requestId and error', () => {
    const ctx = fakeContext({ url: '/api/users?token=hunter2' });
    ctx.requestId = 'r-1';
    expect(problemOf('ERR_GATEWAY_METHOD_NOT_ALLOWED', { detail: 'Use GET.' }, ctx)).toEqual({
      ...{ type: 'about:blank', title: 'Method not allowed', status: 405, detail: 'Use GET.', instance: '/api/users' },
      ...{ code: 'ERR_GATEWAY_METHOD_NOT_ALLOWED', requestId: 'r-1', error: 'Method not allowed' },
    });
  });

  it('takes a status in the place of the usual one, in the answer and in its body', () => {
    const answer = refuse(fakeContext(), 'ERR_GATEWAY_CREDENTIALS_INVALID', { status: 403 });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body as string)).toMatchObject({ status: 403, code: 'ERR_GATEWAY_CREDENTIALS_INVALID' });
  });

  it('says when to come again by the status that it answers with', () => {
    const retryAfter = (code: RefusalCode, status: number): unknown =>
      refuse(fakeContext(), code, { status }).headers['retry-after'];
    expect(retryAfter('ERR_GATEWAY_AUTH_UNAVAILABLE', 500)).toBeUndefined();
    expect(retryAfter('ERR_GATEWAY_INTERNAL', 503)).toBe('1');
  });

  it('keeps the reason for the log, and from the client', () => {
    const ctx = fakeContext();
    const { headers, body } = refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_INVALID', { reason: 'planted' });
    expect(ctx.reason).toBe('planted');
    expect(JSON.stringify([headers, body])).not.toContain('planted');
  });

  it('leaves no reason of an earlier refusal behind', () => {
    const ctx = fakeContext();
    refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_INVALID', { reason: 'expired' });
    refuse(ctx, 'ERR_GATEWAY_INTERNAL');
    expect([ctx.refusal, ctx.reason]).toEqual(['ERR_GATEWAY_INTERNAL', null]);
  });

  it('takes more members of the problem', () => {
    const problem = { 'violated-policies': ['a'], error: 'Slow down' };
    expect(problemOf('ERR_GATEWAY_RATE_LIMITED', { problem })).toMatchObject({ ...problem, status: 429 });
  });

  it.each([
    ['ERR_GATEWAY_RATE_LIMITED', 'https://iana.org/assignments/http-problem-types#quota-exceeded'],
    ['ERR_GATEWAY_OVERLOADED', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['ERR_GATEWAY_CIRCUIT_OPEN', 'about:blank'],
  ] as const)('gives %s the problem type %s', (code, type) => {
    expect(problemOf(code)).toMatchObject({ type });
  });

  it('leaves out what is not there', () => {
    expect(problemOf('ERR_GATEWAY_ROUTE_NOT_FOUND')).toEqual({
      ...{ type: 'about:blank', title: 'Route not found', status: 404, instance: '/a' },
      ...{ code: 'ERR_GATEWAY_ROUTE_NOT_FOUND', error: 'Route not found' },
    });
  });

  it('is application/problem+json with its length in bytes', () => {
    const { headers, body } = refuse(fakeContext(), 'ERR_GATEWAY_INTERNAL', { detail: 'Später. 😀' });
    expect(headers).toEqual({
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body as string)),
    });
  });

  it('notes the code on the context', () => {
    const ctx = fakeContext();
    refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY');
    expect(ctx.refusal).toBe('ERR_GATEWAY_UPSTREAM_BUSY');
  });

  it.each(CODES)('%s has the status and the texts of the table', (code) => {
    const { status, title } = REFUSALS[code];
    expect(refuse(fakeContext(), code).status).toBe(status);
    expect(problemOf(code)).toMatchObject({ status, title, error: title, code });
  });

  it.each(CODES)('%s closes the connection only where the rest of it is not worth reading', (code) => {
    expect(refuse(fakeContext(), code).headers.connection).toBe(CLOSING.includes(code) ? 'close' : undefined);
  });

  it('passes header fields on', () => {
    const { headers } = refuse(fakeContext(), 'ERR_GATEWAY_METHOD_NOT_ALLOWED', { headers: { allow: 'GET, HEAD' } });
    expect(headers).toMatchObject({ allow: 'GET, HEAD', 'content-type': 'application/problem+json; charset=utf-8' });
  });

  it('closes the connection even where the caller wants to keep it', () => {
    const headers = { connection: 'keep-alive' };
    expect(refuse(fakeContext(), 'ERR_GATEWAY_BODY_TOO_LARGE', { headers }).headers.connection).toBe('close');
    expect(headers).toEqual({ connection: 'keep-alive' });
  });

  it('gives each caller an answer of its own', () => {
    const first = refuse(fakeContext(), 'ERR_GATEWAY_INTERNAL');
    first.headers['x-mine'] = '1';
    expect(refuse(fakeContext(), 'ERR_GATEWAY_INTERNAL').headers['x-mine']).toBeUndefined();
  });

  it('writes no control character into its body, whatever the detail holds', () => {
    const { body } = refuse(fakeContext(), 'ERR_GATEWAY_INTERNAL', { detail: 'a\r\nb\0\x1b' });
    expect(Buffer.from(body as string).filter((byte) => byte < 0x20)).toHaveLength(0);
  });
});
