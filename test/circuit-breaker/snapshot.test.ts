import { describe, expect, it } from 'vitest';
import { CircuitBreaker, type CircuitBreakerOptions, type CircuitSnapshot } from '../../src/circuit-breaker/index.js';
import { ConfigError } from '../../src/core/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { run, startCircuit } from './calls.js';

/** The same circuit after a reload: another clock, and a snapshot that went through JSON. */
function reload(breaker: CircuitBreaker, options: CircuitBreakerOptions = {}): ReturnType<typeof startCircuit> {
  const restore = JSON.parse(JSON.stringify(breaker.snapshot())) as CircuitSnapshot;
  return startCircuit({ ...options, clock: new FakeClock({ now: 5 }), restore });
}

describe('snapshot', () => {
  it('tells all that a dashboard needs', () => {
    const { breaker, clock } = startCircuit({ name: 'users', errorThreshold: 50, resetTimeout: 1_000 });
    run(breaker, '.....xxxxx');
    clock.advance(250);
    expect(breaker.snapshot()).toEqual({
      name: 'users',
      state: 'open',
      consecutiveFailures: 5,
      calls: 10,
      failures: 5,
      slowCalls: 0,
      reason: '5 of 10 calls failed',
      retryAfterMs: 750,
      reopenings: 0,
    });
  });

  it('has nothing to tell of a new circuit', () => {
    expect(new CircuitBreaker().snapshot()).toEqual({
      name: 'circuit',
      state: 'closed',
      consecutiveFailures: 0,
      calls: 0,
      failures: 0,
      slowCalls: 0,
      reason: null,
      retryAfterMs: 0,
      reopenings: 0,
    });
  });
});

describe('restore', () => {
  it('keeps an open circuit open for the rest of its time', () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeout: 1_000 });
    run(breaker, 'x');
    clock.advance(400);
    const next = new CircuitBreaker({ clock, resetTimeout: 1_000, restore: breaker.snapshot() });
    clock.advance(599);
    expect([next.state, next.retryAfterMs, next.acquire()]).toEqual(['open', 1, null]);
    expect(next.snapshot().reason).toBe('1 failure in a row');
    clock.advance(1);
    expect(next.state).toBe('half-open');
  });

  it('goes on to count failures in a row', () => {
    const options = { failureThreshold: 3 };
    const before = startCircuit(options);
    run(before.breaker, 'xx');
    const closed = reload(before.breaker, options);
    run(closed.breaker, 'x');
    expect(closed.breaker.state).toBe('open');
  });

  it('goes on with the growth of the reset timeout', () => {
    const options = { failureThreshold: 1, resetTimeout: 1_000, resetTimeoutFactor: 2 };
    const { breaker, clock } = startCircuit(options);
    run(breaker, 'x');
    clock.advance(1_000);
    run(breaker, 'x');
    const next = new CircuitBreaker({ ...options, clock, restore: breaker.snapshot() });
    clock.advance(2_000);
    run(next, 'x');
    expect(next.snapshot()).toMatchObject({
      reopenings: 2,
      retryAfterMs: 4_000,
      reason: '0 of 1 probe succeeded, 1 failed',
    });
  });

  it.each(['half-open', 'isolated', 'closed'] as const)('keeps a circuit %s', (state) => {
    const { breaker, clock } = startCircuit({ resetTimeout: 1_000 });
    if (state === 'isolated') breaker.isolate();
    if (state === 'half-open') breaker.open();
    clock.advance(1_000);
    const next = reload(breaker).breaker;
    expect(next.state).toBe(state);
    expect([next.acquire(), next.acquire()].filter((permit) => permit !== null)).toHaveLength(
      { 'half-open': 1, isolated: 0, closed: 2 }[state],
    );
  });

  it('tells nobody: nothing changes', () => {
    const steps: unknown[] = [];
    const { breaker } = startCircuit();
    breaker.open();
    const next = new CircuitBreaker({ restore: breaker.snapshot(), onStateChange: (step) => void steps.push(step) });
    expect([next.state, steps]).toEqual(['open', []]);
  });

  it.each<[string, object]>([
    ['state', { state: 'ajar' }],
    ['consecutiveFailures', { consecutiveFailures: -1 }],
    ['retryAfterMs', { retryAfterMs: Number.NaN }],
    ['retryAfterMs', { retryAfterMs: 2 ** 31 }],
    ['reason', { reason: 5 }],
    ['reopenings', { reopenings: 0.5 }],
    ['since', { since: 0 }],
    ['name', { name: undefined }],
  ])('refuses a snapshot whose %s is nonsense: %o', (field, change) => {
    const restore = { ...new CircuitBreaker().snapshot(), ...change };
    expect(() => new CircuitBreaker({ restore })).toThrow(ConfigError);
    expect(() => new CircuitBreaker({ restore })).toThrow(`restore.${field}: `);
  });
});
