import { describe, expect, it, vi } from 'vitest';
import { TraceIds } from '../../src/tracing/trace-ids.js';

describe('TraceIds', () => {
  it('makes ids of traces of 32 hex digits, and of spans of 16', () => {
    const ids = new TraceIds();
    expect(ids.traceId()).toMatch(/^[\da-f]{32}$/);
    expect(ids.spanId()).toMatch(/^[\da-f]{16}$/);
  });

  it('does not make an id twice', () => {
    const ids = new TraceIds();
    const made = Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? ids.traceId() : ids.spanId()));
    expect(new Set(made).size).toBe(made.length);
  });

  it('draws random bytes in bulk, and again when they are used up, whole ids each time', () => {
    let draw = 0;
    const fill = vi.fn((bytes: Uint8Array) => bytes.fill(++draw));
    const ids = new TraceIds(fill);
    ids.spanId();
    const traces = Array.from({ length: 256 }, () => ids.traceId());
    expect(fill).toHaveBeenCalledTimes(2);
    expect(new Set(traces)).toEqual(new Set(['01'.repeat(16), '02'.repeat(16)]));
  });

  it('never makes an id of zeros', () => {
    const ids = new TraceIds((bytes) => bytes.fill(0));
    expect([ids.traceId(), ids.spanId()]).toEqual([`${'0'.repeat(31)}1`, `${'0'.repeat(15)}1`]);
  });
});
