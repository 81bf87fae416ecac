import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { GatewayError, isGatewayError, REFUSALS } from '../../src/core/errors.js';

describe('GatewayError', () => {
  it('carries code, message, cause and detail', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new GatewayError('ERR_GATEWAY_UPSTREAM_UNREACHABLE', 'no connection', {
      cause,
      detail: 'Try later.',
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      ...{ name: 'GatewayError', code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE', message: 'no connection' },
      ...{ cause, detail: 'Try later.' },
    });
  });

  it('has no cause where none is given', () => {
    const error = new GatewayError('ERR_GATEWAY_INTERNAL', 'broken');
    expect(Object.hasOwn(error, 'cause')).toBe(false);
    expect(error.detail).toBeUndefined();
  });

  it('reads as its name and message', () => {
    expect(String(new GatewayError('ERR_GATEWAY_INTERNAL', 'broken'))).toBe('GatewayError: broken');
  });
});

describe('isGatewayError', () => {
  it('is true for a GatewayError and for a ConfigError', () => {
    expect(isGatewayError(new GatewayError('ERR_GATEWAY_INTERNAL', 'broken'))).toBe(true);
    expect(isGatewayError(new ConfigError('gateway', []))).toBe(true);
  });

  it('is true for an error of another copy of the package', async () => {
    vi.resetModules();
    const copy = await import('../../src/core/errors.js');
    const foreign = new copy.GatewayError('ERR_GATEWAY_INTERNAL', 'broken');
    expect(foreign).not.toBeInstanceOf(GatewayError);
    expect(isGatewayError(foreign)).toBe(true);
  });

  it('is false for everything else', () => {
    const lookalike = Object.assign(new Error('broken'), { name: 'GatewayError', code: 'ERR_GATEWAY_INTERNAL' });
    for (const value of [lookalike, new Error('x'), {}, null, undefined, 'ERR_GATEWAY_INTERNAL', 0, () => undefined]) {
      expect(isGatewayError(value)).toBe(false);
    }
  });
});

describe('REFUSALS', () => {
  it.each(Object.entries(REFUSALS))('%s is named after the rule and has an error status', (code, { status, title }) => {
    expect(code).toMatch(/^ERR_GATEWAY_[A-Z]+(_[A-Z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThanOrEqual(599);
    expect(title).not.toBe('');
  });
});
