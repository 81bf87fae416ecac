import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { resolveTarget } from '../../src/core/target-options.js';
import { BalancerTarget } from '../../src/load-balancer/balancer-target.js';
import { OutlierDetector } from '../../src/load-balancer/outlier-detector.js';
import type { OutlierOptions } from '../../src/load-balancer/outlier-options.js';
import { FakeClock } from '../support/fake-clock.js';

/** Targets `http://t0` to `http://tN`, watched by a detector. */
function watch(count: number, options: OutlierOptions = {}) {
  const clock = new FakeClock();
  const owner = {
    clock,
    slowStartMs: 0,
    decayMs: 10_000,
    isFailureStatus: (status: number) => status >= 500,
    onStateChange() {
      // Nobody picks here.
    },
    onCallEnd() {
      // The results are told by hand.
    },
  };
  const targets = Array.from(
    { length: count },
    (_, index) => new BalancerTarget(resolveTarget(`http://t${index}`), owner, -Infinity),
  );
  const detector = new OutlierDetector({ targets, clock }, options);

  function at(index: number): BalancerTarget {
    return targets[index] as BalancerTarget;
  }
  function succeed(index: number, times = 1, durationMs = 10): void {
    for (let call = 0; call < times; call++) detector.onResult(at(index), 'success', durationMs);
  }
  function fail(index: number, times = 1, failure: string | null = 'ECONNREFUSED'): void {
    for (let call = 0; call < times; call++) detector.onResult(at(index), 'failure', 1, failure);
  }
  /** Fails until it is ejected, and tells for how long that is. */
  function ejectionMs(index: number): number {
    fail(index, 5);
    const from = clock.now();
    expect(at(index).state).toBe('ejected');
    clock.advance(at(index).nextChangeAfter(from) - from);
    expect(at(index).state).toBe('healthy');
    return clock.now() - from;
  }
  function ejected(): string[] {
    return targets.filter(({ state }) => state === 'ejected').map(({ url }) => url);
  }
  return { clock, targets, detector, at, succeed, fail, ejectionMs, ejected };
}

describe('OutlierDetector: failures in a row', () => {
  it('ejects a target at the fifth, and says why', () => {
    const { at, fail } = watch(2);
    fail(0, 4);
    expect(at(0).state).toBe('healthy');
    fail(0, 1, 'status 503');
    expect([at(0).state, at(0).reason]).toEqual(['ejected', '5 failures in a row, the last status 503']);
    expect(at(1).state).toBe('healthy');
  });

  it('begins anew after a success', () => {
    const { at, fail, succeed } = watch(2);
    fail(0, 4);
    succeed(0);
    fail(0, 4);
    expect(at(0).state).toBe('healthy');
    fail(0);
    expect(at(0).state).toBe('ejected');
  });

  it('counts across intervals: a target that is asked seldom is found too', () => {
    const { at, fail, clock } = watch(2);
    for (let call = 0; call < 4; call++) {
      fail(0);
      clock.advance(60_000);
    }
    expect(at(0).state).toBe('healthy');
    fail(0);
    expect(at(0).state).toBe('ejected');
  });

  it('nothing is said by calls that say nothing', () => {
    const { detector, at, fail } = watch(2);
    fail(0, 4);
    for (let call = 0; call < 50; call++) detector.onResult(at(0), 'neither', 1);
    expect(at(0).state).toBe('healthy');
    fail(0);
    expect(at(0).state).toBe('ejected');
  });

  it('writes one failure as one, and a failure without a word as an error', () => {
    const { at, fail } = watch(2, { consecutiveFailures: 1 });
    fail(0, 1, null);
    expect(at(0).reason).toBe('1 failure in a row, the last an error');
  });

  it('0 turns it off', () => {
    const { fail, ejected } = watch(2, { consecutiveFailures: 0, failureRatio: 0 });
    fail(0, 1_000);
    expect(ejected()).toEqual([]);
  });
});

describe('OutlierDetector: share of failures', () => {
  it('ejects a target of which half of twenty calls fail', () => {
    const { at, fail, succeed } = watch(2);
    for (let call = 0; call < 9; call++) {
      fail(0, 1, 'status 500');
      succeed(0);
    }
    fail(0, 1, 'status 502');
    expect(at(0).state).toBe('healthy');
    succeed(0);
    expect([at(0).state, at(0).reason]).toEqual(['ejected', '10 of 20 calls failed, the last status 502']);
  });

  it('leaves one in of which fewer fail', () => {
    const { at, fail, succeed } = watch(2);
    for (let round = 0; round < 20; round++) {
      succeed(0, 3);
      fail(0, 2);
    }
    expect(at(0).state).toBe('healthy');
  });

  it('counts each interval for itself', () => {
    const { at, fail, succeed, clock } = watch(2);
    for (let interval = 0; interval < 5; interval++) {
      for (let call = 0; call < 9; call++) {
        fail(0);
        succeed(0);
      }
      clock.advance(10_000);
    }
    expect(at(0).state).toBe('healthy');
  });

  it('counts each target for itself', () => {
    const { ejected, fail, succeed } = watch(3);
    for (let call = 0; call < 27; call++) {
      fail(call % 3);
      succeed(call % 3);
    }
    expect(ejected()).toEqual([]);
  });
});

describe('OutlierDetector: latency', () => {
  const options: OutlierOptions = { latencyFactor: 3 };

  it('ejects a target that was far slower than the median in the interval before', () => {
    const { clock, at, succeed, ejected } = watch(4, options);
    for (const [index, durationMs] of [20, 22, 100, 18].entries()) succeed(index, 20, durationMs);
    expect(ejected()).toEqual([]);
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual(['http://t2']);
    expect(at(2).reason).toBe('its answers took 100.0 ms on average, and 20.0 ms is the median');
  });

  it('is off unless it is asked for', () => {
    const { clock, succeed, ejected } = watch(3);
    for (const [index, durationMs] of [10, 10_000, 10].entries()) succeed(index, 20, durationMs);
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual([]);
  });

  it('leaves one in that is slow within the factor', () => {
    const { clock, succeed, ejected } = watch(3, options);
    for (const [index, durationMs] of [10, 30, 10].entries()) succeed(index, 20, durationMs);
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual([]);
  });

  it.each([
    ['two targets', 2, 20],
    ['three targets of which one had too few calls', 3, 19],
  ])('compares nothing among %s', (_, count, calls) => {
    const { clock, succeed, ejected } = watch(count, options);
    succeed(0, 20, 10);
    succeed(1, 20, 10_000);
    if (count > 2) succeed(2, calls, 10);
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual([]);
  });

  it('does not judge by an interval that is long over', () => {
    const { clock, succeed, ejected } = watch(3, options);
    for (const [index, durationMs] of [10, 10_000, 10].entries()) succeed(index, 20, durationMs);
    clock.advance(20_000);
    succeed(0);
    expect(ejected()).toEqual([]);
  });

  it('takes the slowest first where there is room for one', () => {
    const { clock, succeed, ejected } = watch(5, { ...options, maxEjectedShare: 0.2 });
    for (const [index, durationMs] of [10, 500, 10, 900, 10].entries()) succeed(index, 20, durationMs);
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual(['http://t3']);
  });

  it('a failure has no latency: one that comes fast or late changes no mean', () => {
    const { clock, detector, at, succeed, ejected } = watch(3, { ...options, consecutiveFailures: 0 });
    for (const index of [0, 1, 2]) succeed(index, 20, 10);
    for (let call = 0; call < 15; call++) detector.onResult(at(1), 'failure', 30_000, 'status 504');
    clock.advance(10_000);
    succeed(0);
    expect(ejected()).toEqual([]);
  });
});

describe('OutlierDetector: time of an ejection', () => {
  it('grows each time, up to its most', () => {
    const { ejectionMs } = watch(2, { maxEjectMs: 100_000 });
    expect([1, 2, 3, 4, 5].map(() => ejectionMs(0))).toEqual([30_000, 60_000, 90_000, 100_000, 100_000]);
  });

  it('shrinks by one step for each interval in which the target stayed in', () => {
    const { ejectionMs, clock } = watch(2);
    for (let time = 0; time < 4; time++) ejectionMs(0);
    clock.advance(25_000);
    expect(ejectionMs(0)).toBe(90_000);
    clock.advance(1_000_000);
    expect(ejectionMs(0)).toBe(30_000);
  });

  it('forgets as fast after a hundred ejections as after ten', () => {
    const { ejectionMs, clock } = watch(2);
    for (let time = 0; time < 100; time++) ejectionMs(0);
    clock.advance(100_000);
    expect(ejectionMs(0)).toBe(30_000);
  });

  it('each target has its own', () => {
    const { ejectionMs } = watch(2);
    ejectionMs(0);
    ejectionMs(0);
    expect(ejectionMs(1)).toBe(30_000);
  });

  it('is not made longer by calls that end while the target is out, nor do they count afterwards', () => {
    const { at, fail, clock } = watch(2);
    fail(0, 5);
    clock.advance(20_000);
    fail(0, 100);
    clock.advance(10_000);
    expect(at(0).state).toBe('healthy');
    fail(0, 4);
    expect(at(0).state).toBe('healthy');
  });

  it('a target that a health check has taken out is not ejected besides', () => {
    const { at, fail } = watch(2);
    at(0).setHealth(false);
    fail(0, 100);
    at(0).setHealth(true);
    expect(at(0).state).toBe('healthy');
  });
});

describe('OutlierDetector: share that may be out', () => {
  it.each([
    [1, 0.5, 0],
    [2, 0.5, 1],
    [3, 0.5, 1],
    [4, 0.5, 2],
    [10, 0.25, 2],
    [3, 0.1, 1],
    [3, 0, 0],
    [3, 1, 3],
  ])('of %i targets, %f lets go %i', (count, maxEjectedShare, most) => {
    const { fail, ejected } = watch(count, { maxEjectedShare });
    for (let index = 0; index < count; index++) fail(index, 5);
    expect(ejected()).toHaveLength(most);
  });

  it('the next failure ejects where there is room again', () => {
    const { fail, clock, ejected } = watch(2);
    fail(0, 5);
    clock.advance(1);
    fail(1, 7);
    clock.advance(29_999);
    expect(ejected()).toEqual([]);
    fail(1);
    expect(ejected()).toEqual(['http://t1']);
  });

  it('the one that has been out for longest comes back for the next that fails, after a second', () => {
    const { fail, clock, ejected } = watch(3);
    fail(0, 5);
    clock.advance(999);
    fail(1, 5);
    expect(ejected()).toEqual(['http://t0']);
    clock.advance(1);
    fail(1);
    expect(ejected()).toEqual(['http://t1']);
    clock.advance(1_000);
    fail(0, 5);
    expect(ejected()).toEqual(['http://t0']);
  });

  it('a target that has left is not ejected, and takes no place', () => {
    const { detector, targets, fail, ejected, at } = watch(4, { maxEjectedShare: 0.25 });
    const gone = at(3);
    targets.pop();
    for (let call = 0; call < 5; call++) detector.onResult(gone, 'failure', 1);
    expect(gone.state).toBe('healthy');
    fail(0, 5);
    fail(1, 5);
    expect(ejected()).toEqual(['http://t0']);
    targets.shift();
    fail(0, 5);
    expect(ejected()).toEqual(['http://t1']);
  });
});

describe('OutlierDetector: options', () => {
  it('tells every fault at once', () => {
    const options = {
      consecutiveFailures: -1,
      failureRatio: 2,
      latencyFactor: 0.5,
      ejectMs: 10,
      maxEjectMs: 5,
      eject: 1,
    };
    try {
      watch(1, options);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).faults.map(({ path }) => path).sort()).toEqual([
        'consecutiveFailures',
        'eject',
        'failureRatio',
        'latencyFactor',
        'maxEjectMs',
      ]);
    }
  });

  it('the longest ejection is at least the first one', () => {
    const { ejectionMs } = watch(2, { ejectMs: 400_000 });
    expect([ejectionMs(0), ejectionMs(0)]).toEqual([400_000, 400_000]);
  });
});
