import { afterEach, describe, expect, it, vi } from 'vitest';
import { CircuitBreaker, type CircuitStateChange } from '../../src/circuit-breaker/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { permitOf, run, startCircuit } from './calls.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a closed circuit', () => {
  it('opens after 5 failures in a row', () => {
    const { breaker, steps } = startCircuit();
    run(breaker, 'xxxx');
    expect(breaker.state).toBe('closed');
    run(breaker, 'x');
    expect(breaker.state).toBe('open');
    expect(steps).toEqual(['closed > open: 5 failures in a row']);
  });

  it('begins anew to count failures in a row with every success', () => {
    const { breaker } = startCircuit({ failureThreshold: 3 });
    run(breaker, 'xx.xx.xx.');
    expect(breaker.state).toBe('closed');
    run(breaker, 'xxx');
    expect(breaker.state).toBe('open');
  });

  it('opens at the first failure with a threshold of 1', () => {
    const { breaker, steps } = startCircuit({ failureThreshold: 1 });
    run(breaker, 'x');
    expect(steps).toEqual(['closed > open: 1 failure in a row']);
  });

  it('does not count a call that was given up, neither as a failure nor as an end of failures', () => {
    const { breaker } = startCircuit({ failureThreshold: 2 });
    run(breaker, '-----x----');
    expect(breaker.state).toBe('closed');
    run(breaker, 'x');
    expect(breaker.state).toBe('open');
  });

  it('never opens by itself with a threshold of Infinity', () => {
    const { breaker } = startCircuit({ failureThreshold: Infinity });
    run(breaker, 'x'.repeat(1_000));
    expect(breaker.state).toBe('closed');
  });

  it('counts only the first report of a permit', () => {
    const { breaker } = startCircuit({ failureThreshold: 2 });
    const permit = permitOf(breaker);
    permit.failure();
    permit.failure();
    permit.success();
    expect(breaker.snapshot().consecutiveFailures).toBe(1);
  });

  it('gives out permits that are no probes, and asks the clock nothing', () => {
    const clock = new FakeClock();
    const breaker = new CircuitBreaker({ clock });
    const now = vi.spyOn(clock, 'now');
    const permit = permitOf(breaker);
    permit.answered();
    permit.failure();
    expect(permit.isProbe).toBe(false);
    expect(now).not.toHaveBeenCalled();
  });

  it('is not opened by results of calls that began before it was closed', () => {
    const { breaker } = startCircuit({ failureThreshold: 1 });
    const early = permitOf(breaker);
    breaker.open();
    breaker.close();
    early.failure();
    expect(breaker.state).toBe('closed');
    expect(breaker.snapshot().consecutiveFailures).toBe(0);
  });

  describe('with errorThresholdPercentage', () => {
    it.each([
      ['opens at 50 % of 10 calls', { errorThresholdPercentage: 50 }, '.....xxxxx', 'open'],
      ['opens by its other name', { errorThreshold: 50 }, '.....xxxxx', 'open'],
      ['stays at 40 %', { errorThresholdPercentage: 50 }, '......xxxx', 'closed'],
      ['stays where 10 calls are not reached', { errorThresholdPercentage: 50 }, 'xxxxxxxxx', 'closed'],
      [
        'opens with the call that reaches them, be it a success',
        { errorThresholdPercentage: 50 },
        'xxxxxxxxx.',
        'open',
      ],
      ['takes no notice of failures in a row', { errorThresholdPercentage: 90 }, '..........xxxxx', 'closed'],
      ['does so with failureThreshold', { errorThresholdPercentage: 90, failureThreshold: 5 }, '.....xxxxx', 'open'],
      [
        'opens at 1 % of 100 calls',
        { errorThresholdPercentage: 1, volumeThreshold: 100 },
        '.'.repeat(99) + 'x',
        'open',
      ],
      ['opens at 100 %', { errorThresholdPercentage: 100, volumeThreshold: 3 }, 'xxx', 'open'],
      [
        'stays at 75 % of 4 where all 4 must fail',
        { errorThresholdPercentage: 100, volumeThreshold: 4 },
        '.xxx',
        'closed',
      ],
      ['needs 5 calls where the window holds 5', { errorThresholdPercentage: 60, windowCalls: 5 }, '..xxx', 'open'],
    ] as const)('%s', (_fact, options, results, state) => {
      const { breaker } = startCircuit(options);
      run(breaker, results);
      expect(breaker.state).toBe(state);
    });

    it('says how many calls failed', () => {
      const { breaker, steps } = startCircuit({ errorThresholdPercentage: 30, volumeThreshold: 3 });
      run(breaker, '..x');
      expect(steps).toEqual(['closed > open: 1 of 3 calls failed']);
    });

    it('forgets the calls of more than 10 s ago', () => {
      const { breaker, clock } = startCircuit({ errorThresholdPercentage: 50 });
      run(breaker, 'xxxxxxxxx');
      clock.advance(10_000);
      run(breaker, 'xxxxxxxxx');
      expect(breaker.state).toBe('closed');
      run(breaker, 'x');
      expect(breaker.state).toBe('open');
    });

    it('begins with an empty window once it was closed again', () => {
      const { breaker } = startCircuit({ errorThresholdPercentage: 50 });
      run(breaker, 'x'.repeat(10));
      breaker.close();
      expect(breaker.snapshot()).toMatchObject({ calls: 0, failures: 0, slowCalls: 0, consecutiveFailures: 0 });
      run(breaker, 'x'.repeat(9));
      expect(breaker.state).toBe('closed');
    });
  });

  describe('with slowCallMs', () => {
    it.each([
      [100, 'open'],
      [99, 'closed'],
    ])('takes successes of %i ms into account', (durationMs, state) => {
      const { breaker, clock, steps } = startCircuit({ slowCallMs: 100, windowMs: 60_000 });
      for (let call = 0; call < 10; call++) {
        const permit = permitOf(breaker);
        if (call >= 5) clock.advance(durationMs);
        permit.success();
      }
      expect(breaker.state).toBe(state);
      expect(steps).toEqual(state === 'open' ? ['closed > open: 5 of 10 calls were slow'] : []);
    });

    it('takes the time to the beginning of the answer where that is reported', () => {
      const { breaker, clock } = startCircuit({ slowCallMs: 100, windowCalls: 10 });
      for (let call = 0; call < 10; call++) {
        const permit = permitOf(breaker);
        clock.advance(99);
        permit.answered();
        clock.advance(5_000);
        permit.success();
      }
      expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 10, slowCalls: 0 });
    });

    it('counts a slow failure as both', () => {
      const { breaker, clock } = startCircuit({ slowCallMs: 1, slowCallPercentage: 100, windowCalls: 10 });
      const permit = permitOf(breaker);
      clock.advance(1);
      permit.failure();
      expect(breaker.snapshot()).toMatchObject({ calls: 1, failures: 1, slowCalls: 1 });
    });

    it('takes the share that was asked for', () => {
      const { breaker, clock } = startCircuit({ slowCallMs: 10, slowCallPercentage: 80, windowCalls: 5 });
      for (const durationMs of [0, 10, 10, 10]) {
        const permit = permitOf(breaker);
        clock.advance(durationMs);
        permit.success();
      }
      expect(breaker.state).toBe('closed');
      const permit = permitOf(breaker);
      clock.advance(10);
      permit.success();
      expect(breaker.state).toBe('open');
    });
  });
});

describe('an open circuit', () => {
  it('lets nothing pass for 30 s, then is half-open', () => {
    const { breaker, clock, steps } = startCircuit({ failureThreshold: 1 });
    run(breaker, 'x');
    clock.advance(29_999);
    expect([breaker.state, breaker.retryAfterMs, breaker.acquire()]).toEqual(['open', 1, null]);
    clock.advance(1);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['half-open', 0]);
    expect(breaker.acquire()).not.toBeNull();
    expect(steps.slice(1)).toEqual(['open > half-open: the reset timeout is over']);
  });

  it('steps on when a call asks, not when somebody looks', () => {
    const { breaker, clock, steps } = startCircuit({ failureThreshold: 1, resetTimeout: 10 });
    run(breaker, 'x');
    clock.advance(10_000);
    expect([breaker.state, breaker.snapshot().state]).toEqual(['half-open', 'half-open']);
    expect(steps).toHaveLength(1);
    breaker.acquire();
    expect(steps).toHaveLength(2);
  });

  it('takes no notice of calls that began while it was closed', () => {
    const { breaker, steps } = startCircuit({ failureThreshold: 1 });
    const [first, second, third] = [permitOf(breaker), permitOf(breaker), permitOf(breaker)];
    first.failure();
    second.failure();
    third.success();
    expect(breaker.state).toBe('open');
    expect(steps).toHaveLength(1);
  });

  it('takes no notice of the wall clock', () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1 });
    run(breaker, 'x');
    clock.advanceWall(3_600_000);
    expect(breaker.state).toBe('open');
    clock.advanceWall(-7_200_000);
    clock.advance(30_000);
    expect(breaker.state).toBe('half-open');
  });

  it('keeps no timer', () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1 });
    run(breaker, 'x');
    expect(clock.pending).toBe(0);
  });

  it('gives whole milliseconds to wait', () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeout: 100 });
    run(breaker, 'x');
    clock.advance(0.25);
    expect(breaker.retryAfterMs).toBe(100);
  });

  it('can be opened by hand, and again for a whole reset timeout', () => {
    const { breaker, clock, steps } = startCircuit({ resetTimeout: 1_000 });
    breaker.open();
    clock.advance(600);
    breaker.open();
    clock.advance(600);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 400]);
    expect(steps).toEqual(['closed > open: opened by hand']);
  });

  describe('with resetTimeoutFactor', () => {
    it('stays open for longer after every failed probe, up to maxResetTimeout', () => {
      const { breaker, clock } = startCircuit({
        failureThreshold: 1,
        resetTimeout: 1_000,
        resetTimeoutFactor: 2,
        maxResetTimeout: 5_000,
      });
      const waits: number[] = [];
      for (let round = 0; round < 6; round++) {
        run(breaker, 'x');
        waits.push(breaker.retryAfterMs);
        clock.advance(breaker.retryAfterMs);
      }
      expect(waits).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
      expect(breaker.snapshot().reopenings).toBe(5);
    });

    it('begins anew once it was closed', () => {
      const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeout: 1_000, resetTimeoutFactor: 3 });
      run(breaker, 'x');
      clock.advance(1_000);
      run(breaker, 'x');
      clock.advance(3_000);
      run(breaker, '.x');
      expect(breaker.snapshot()).toMatchObject({ retryAfterMs: 1_000, reopenings: 0 });
    });

    it('grows to 300000 ms, however often it opens', () => {
      const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeoutFactor: 1.5 });
      for (let round = 0; round < 3_000; round++) {
        run(breaker, 'x');
        clock.advance(breaker.retryAfterMs);
      }
      run(breaker, 'x');
      expect(breaker.retryAfterMs).toBe(300_000);
    });

    it('never takes less than a long resetTimeout', () => {
      const { breaker } = startCircuit({ failureThreshold: 1, resetTimeout: 600_000 });
      run(breaker, 'x');
      expect(breaker.retryAfterMs).toBe(600_000);
    });
  });
});

describe('a half-open circuit', () => {
  function halfOpen(options: Parameters<typeof startCircuit>[0] = {}): ReturnType<typeof startCircuit> {
    const circuit = startCircuit({ failureThreshold: 1, resetTimeout: 1_000, ...options });
    run(circuit.breaker, 'x');
    circuit.clock.advance(1_000);
    return circuit;
  }

  it.each([1, 3, 200])('lets exactly %i of 200 calls pass that come at once', (halfOpenProbes) => {
    const { breaker } = halfOpen({ halfOpenProbes });
    const permits = Array.from({ length: 200 }, () => breaker.acquire()).filter((permit) => permit !== null);
    expect(permits).toHaveLength(halfOpenProbes);
    expect(permits.every(({ isProbe }) => isProbe)).toBe(true);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['half-open', 0]);
  });

  it.each([
    // probes, quorum, results, what they decide after how many of them
    [1, 1, '.', 'closed', 1],
    [1, 1, 'x', 'open', 1],
    [3, 3, '...', 'closed', 3],
    [3, 3, '..x', 'open', 3],
    [3, 3, 'x', 'open', 1],
    [3, 2, '..', 'closed', 2],
    [3, 2, 'x..', 'closed', 3],
    [3, 2, 'xx', 'open', 2],
    [3, 2, '.xx', 'open', 3],
    [3, 1, '.', 'closed', 1],
    [3, 1, 'xx.', 'closed', 3],
    [3, 1, 'xxx', 'open', 3],
    [3, 2, '--x-..', 'closed', 6],
  ])(
    'with %i probes and a quorum of %i: %s is %s after %i',
    (halfOpenProbes, halfOpenSuccesses, results, state, at) => {
      const { breaker } = halfOpen({ halfOpenProbes, halfOpenSuccesses });
      const states = Array.from(results, (result) => {
        run(breaker, result);
        return breaker.state;
      });
      const expected = Array.from(results, (_result, index) => (index + 1 < at ? 'half-open' : state));
      expect(states).toEqual(expected);
    },
  );

  it('says what its probes decided', () => {
    const { breaker, clock, steps } = halfOpen({ halfOpenProbes: 3, halfOpenSuccesses: 2 });
    run(breaker, 'x.x');
    clock.advance(1_000);
    run(breaker, '.x.');
    expect(steps.filter((step) => step.startsWith('half-open'))).toEqual([
      'half-open > open: 1 of 3 probes succeeded, 2 failed',
      'half-open > closed: 2 of 3 probes succeeded, 1 failed',
    ]);
    expect(breaker.snapshot().reason).toBe('1 of 3 probes succeeded, 2 failed');
  });

  it('lets the next call pass where a probe is given up', () => {
    const { breaker } = halfOpen();
    const probe = permitOf(breaker);
    expect(breaker.acquire()).toBeNull();
    probe.cancel();
    expect(breaker.state).toBe('half-open');
    run(breaker, '.');
    expect(breaker.state).toBe('closed');
  });

  it('does not let one more call pass because a probe has succeeded', () => {
    const { breaker } = halfOpen({ halfOpenProbes: 2 });
    run(breaker, '.');
    permitOf(breaker);
    expect(breaker.acquire()).toBeNull();
  });

  it('gives the place of a hung probe to the next call after 30 s', () => {
    const { breaker, clock } = halfOpen();
    const hung = permitOf(breaker);
    clock.advance(29_999);
    expect(breaker.acquire()).toBeNull();
    clock.advance(1);
    const next = permitOf(breaker);
    expect(breaker.acquire()).toBeNull();
    hung.failure();
    expect(breaker.state).toBe('half-open');
    next.success();
    expect(breaker.state).toBe('closed');
  });

  it.each(['success', 'failure'] as const)(
    'does not count a late %s, even where nobody has taken the place',
    (report) => {
      const { breaker, clock } = halfOpen({ probeTimeoutMs: 500 });
      const hung = permitOf(breaker);
      clock.advance(500);
      hung[report]();
      expect(breaker.state).toBe('half-open');
      expect(breaker.acquire()).not.toBeNull();
    },
  );

  it('frees one place for each hung probe', () => {
    const { breaker, clock } = halfOpen({ halfOpenProbes: 3, probeTimeoutMs: 100 });
    permitOf(breaker);
    clock.advance(50);
    permitOf(breaker);
    permitOf(breaker);
    clock.advance(50);
    expect([breaker.acquire(), breaker.acquire()].map((permit) => permit !== null)).toEqual([true, false]);
    clock.advance(50);
    expect([1, 2, 3].map(() => breaker.acquire() !== null)).toEqual([true, true, false]);
  });

  it('takes no notice of a call that began while it was closed, nor of a probe of an earlier round', () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeout: 1_000, halfOpenProbes: 2 });
    const early = permitOf(breaker);
    run(breaker, 'x');
    clock.advance(1_000);
    const [first, second] = [permitOf(breaker), permitOf(breaker)];
    early.success();
    first.failure();
    clock.advance(1_000);
    const probe = permitOf(breaker);
    second.success();
    early.failure();
    expect(breaker.state).toBe('half-open');
    expect(probe.isProbe).toBe(true);
    run(breaker, '.');
    probe.success();
    expect(breaker.state).toBe('closed');
  });

  it('counts a slow success as a success', () => {
    const { breaker, clock } = halfOpen({ slowCallMs: 10 });
    const probe = permitOf(breaker);
    clock.advance(20_000);
    probe.success();
    expect(breaker.state).toBe('closed');
  });
});

describe('an isolated circuit', () => {
  it('lets nothing pass until it is closed, however long that takes and whatever else is called', () => {
    const { breaker, clock, steps } = startCircuit({ resetTimeout: 1_000 });
    breaker.isolate();
    breaker.open();
    breaker.isolate();
    clock.advance(1e9);
    expect([breaker.state, breaker.acquire(), breaker.retryAfterMs]).toEqual(['isolated', null, 1_000]);
    breaker.close();
    expect(breaker.acquire()).not.toBeNull();
    expect(steps).toEqual(['closed > isolated: isolated by hand', 'isolated > closed: closed by hand']);
  });

  it('takes no notice of probes on their way', () => {
    const { breaker, clock } = startCircuit({ resetTimeout: 1_000 });
    breaker.open();
    clock.advance(1_000);
    const probe = permitOf(breaker);
    breaker.isolate();
    probe.success();
    expect(breaker.state).toBe('isolated');
  });
});

describe('listeners', () => {
  it('hear what changed and when, until they end it', () => {
    const clock = new FakeClock();
    const changes: CircuitStateChange[] = [];
    const breaker = new CircuitBreaker({ clock, name: 'users', onStateChange: (change) => void changes.push(change) });
    const heard: string[] = [];
    const stop = breaker.onStateChange(({ to }) => void heard.push(to));
    breaker.open();
    stop();
    stop();
    breaker.close();
    expect(changes[0]).toEqual({
      name: 'users',
      from: 'closed',
      to: 'open',
      reason: 'opened by hand',
      at: Date.UTC(2026, 0, 1),
    });
    expect(changes).toHaveLength(2);
    expect(heard).toEqual(['open']);
  });

  it('hear nothing where nothing changed', () => {
    const { breaker, steps } = startCircuit();
    breaker.close();
    expect(steps).toEqual([]);
  });

  it('that fail become a warning and break nothing', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const { breaker, steps } = startCircuit({
      name: 'users',
      onStateChange: () => {
        throw new Error('sync');
      },
    });
    breaker.onStateChange(() => Promise.reject(new Error('async')));
    breaker.open();
    await new Promise(setImmediate);
    expect(breaker.state).toBe('open');
    expect(steps).toHaveLength(1);
    expect(emitWarning.mock.calls.map(([message]) => message)).toEqual([
      "a listener of circuit 'users' failed when it was told open: Error: sync",
      "a listener of circuit 'users' failed when it was told open: Error: async",
    ]);
    expect(emitWarning.mock.calls[0]?.[1]).toEqual({ code: 'ERR_GATEWAY_CIRCUIT_LISTENER', type: 'GatewayWarning' });
  });

  it('that come while others are told hear of the next step', () => {
    const { breaker } = startCircuit();
    const heard: string[] = [];
    breaker.onStateChange(() => {
      breaker.onStateChange(({ to }) => void heard.push(to));
    });
    breaker.open();
    expect(heard).toEqual([]);
    breaker.close();
    expect(heard).toEqual(['closed']);
  });

  it('may change the circuit themselves', () => {
    const { breaker, clock } = startCircuit({ resetTimeout: 10 });
    breaker.onStateChange(({ to }) => {
      if (to === 'half-open') breaker.isolate();
    });
    breaker.open();
    clock.advance(10);
    expect(breaker.acquire()).toBeNull();
    expect(breaker.state).toBe('isolated');
  });
});
