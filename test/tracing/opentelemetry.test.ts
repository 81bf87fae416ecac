import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadPeer } from '../../src/core/load-peer.js';
import { ConfigError } from '../../src/core/options.js';
import { tracing } from '../../src/tracing/index.js';
import { fakeContext } from '../support/request.js';

vi.mock('../../src/core/load-peer.js', () => ({ loadPeer: vi.fn(() => null) }));

afterEach(() => {
  vi.mocked(loadPeer).mockClear();
});

describe('where @opentelemetry/api is not installed', () => {
  it('ids are made all the same', () => {
    const ctx = fakeContext();
    void tracing()(ctx, () => ({ status: 200, headers: {}, body: null }));
    expect(ctx.trace?.traceId).toMatch(/^[\da-f]{32}$/);
    expect(loadPeer).toHaveBeenCalledExactlyOnceWith('@opentelemetry/api');
  });

  it('opentelemetry: true does not start', () => {
    expect(() => tracing({ opentelemetry: true })).toThrow(ConfigError);
    expect(() => tracing({ opentelemetry: true })).toThrow('opentelemetry: needs @opentelemetry/api');
  });

  it('opentelemetry: false does not look for it', () => {
    tracing({ opentelemetry: false });
    expect(loadPeer).not.toHaveBeenCalled();
  });
});
