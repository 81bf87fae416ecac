import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse, Handler, HeaderMap } from '../../src/core/types.js';
import { securityHeaders, type SecurityHeadersOptions } from '../../src/security-headers/index.js';
import { fakeContext } from '../support/request.js';

const DEFAULTS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-site',
};

function fieldsOf(options: SecurityHeadersOptions | undefined, own: HeaderMap = {}, protocol?: 'https'): HeaderMap {
  const ctx = fakeContext(protocol === undefined ? {} : { protocol });
  const response = securityHeaders(options)(ctx, () => ({ status: 200, headers: own, body: null }));
  return (response as GatewayResponse).headers;
}

function faultsOf(options: unknown): readonly string[] {
  try {
    securityHeaders(options as SecurityHeadersOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('securityHeaders', () => {
  it('adds what suits data and pages alike', () => {
    expect(fieldsOf(undefined)).toEqual(DEFAULTS);
  });

  it('asks for https only where the client came by it', () => {
    const strict = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' };
    expect(fieldsOf({}, {}, 'https')).toEqual({ ...DEFAULTS, ...strict });
    expect(fieldsOf({ strictTransportSecurity: 'max-age=60' })).toEqual(DEFAULTS);
    const short = { 'strict-transport-security': 'max-age=60' };
    expect(fieldsOf({ strictTransportSecurity: 'max-age=60' }, {}, 'https')).toMatchObject(short);
    expect(fieldsOf({ strictTransportSecurity: false }, {}, 'https')).toEqual(DEFAULTS);
  });

  it('leaves what the answer says itself, be it empty, and what it says besides', () => {
    const own = { 'x-frame-options': 'SAMEORIGIN', 'referrer-policy': '', 'content-type': 'text/html' };
    expect(fieldsOf({}, { ...own })).toEqual({ ...DEFAULTS, ...own });
    expect(fieldsOf({}, { 'strict-transport-security': 'max-age=0' }, 'https')).toMatchObject({
      'strict-transport-security': 'max-age=0',
    });
  });

  it('takes every field from its option, or leaves it out', () => {
    const options = {
      strictTransportSecurity: 'max-age=63072000; includeSubDomains; preload',
      contentTypeOptions: 'nosniff',
      frameOptions: 'SAMEORIGIN',
      referrerPolicy: 'same-origin',
      contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
      crossOriginResourcePolicy: 'cross-origin',
      crossOriginOpenerPolicy: 'same-origin',
      permissionsPolicy: 'camera=()',
    } as const satisfies SecurityHeadersOptions;
    expect(fieldsOf(options, {}, 'https')).toEqual({
      'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=()',
    });
    const none = Object.fromEntries(Object.keys(options).map((name) => [name, false])) as SecurityHeadersOptions;
    expect(fieldsOf(none, {}, 'https')).toEqual({});
  });

  it('is on refusals, and on failures that a boundary inside has answered', async () => {
    const refusing: Handler = (ctx) => refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_MISSING');
    const failing: Handler = () => Promise.reject(new Error('later'));
    for (const [handler, status] of [[refusing, 401] as const, [failing, 500] as const]) {
      const response = await compose([securityHeaders(), errorBoundary], handler)(fakeContext());
      expect(response.status).toBe(status);
      expect(response.headers).toMatchObject(DEFAULTS);
    }
  });

  it('gives each answer a value of its own, and stays synchronous', () => {
    const gate = securityHeaders();
    const first = gate(fakeContext(), () => ({ status: 200, headers: {}, body: null })) as GatewayResponse;
    first.headers['x-frame-options'] = 'SAMEORIGIN';
    const second = gate(fakeContext(), () => ({ status: 200, headers: {}, body: null })) as GatewayResponse;
    expect(second.headers['x-frame-options']).toBe('DENY');
  });

  it('refuses to start with a value that browsers would ignore', () => {
    const faults = faultsOf({
      strictTransportSecurity: '31536000',
      contentTypeOptions: true,
      frameOptions: 'SAMORIGIN',
      referrerPolicy: 'none',
      contentSecurityPolicy: '',
      crossOriginResourcePolicy: 'any',
      crossOriginOpenerPolicy: 'same-site',
      permissionsPolicy: 'camera=()\r\nset-cookie: a=b',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'strictTransportSecurity',
      'contentTypeOptions',
      'frameOptions',
      'referrerPolicy',
      'contentSecurityPolicy',
      'crossOriginResourcePolicy',
      'crossOriginOpenerPolicy',
      'permissionsPolicy',
    ]);
    expect(faults[2]).toBe(`frameOptions: got "SAMORIGIN", expected false, or one of 'DENY', 'SAMEORIGIN'`);
    for (const value of [
      'max-age=1; max-age=2',
      'max-age=-1',
      'max-age=1; includeSubdomain',
      ' max-age=1',
      'max-age=1\n',
    ])
      expect(faultsOf({ strictTransportSecurity: value })).toHaveLength(1);
  });

  it('points from the names of other packages to its own', () => {
    expect(faultsOf({ xFrameOptions: 'DENY' })).toEqual(['xFrameOptions: unknown option; did you mean frameOptions?']);
  });
});
