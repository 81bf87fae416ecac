import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HealthChecker, type HealthCheckerOptions, type TargetHealth } from '../../src/health-check/index.js';
import { FakeClock } from '../support/fake-clock.js';

const OK = null;

/** A target whose checks end as the script says; the last entry stays. `'hang'` = until it is told to stop. */
function scripted(script: readonly (string | null)[], options: Partial<HealthCheckerOptions> = {}) {
  const clock = new FakeClock();
  const startedAt: number[] = [];
  const epoch = clock.now();
  let underWay = 0;
  let most = 0;

  async function probe(signal: AbortSignal): Promise<void> {
    const outcome = script[Math.min(startedAt.length, script.length - 1)];
    startedAt.push(clock.now() - epoch);
    most = Math.max(most, ++underWay);
    try {
      if (outcome === 'hang') await until(signal);
      else if (typeof outcome === 'string') throw new Error(outcome);
    } finally {
      underWay--;
    }
  }

  const checker = new HealthChecker({ url: 'http://users:3001', jitter: 0, probe, clock, ...options });
  const changes: TargetHealth[] = [];
  checker.onChange((health) => void changes.push(health));
  onTestFinished(() => {
    checker.close();
  });
  return {
    clock,
    checker,
    changes,
    startedAt,
    get underWay() {
      return underWay;
    },
    get most() {
      return most;
    },
  };
}

function until(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')));
  });
}

describe('the state of a target', () => {
  it('is unknown before the first check, and counts as healthy', () => {
    const { checker } = scripted([OK]);
    expect(checker.snapshot()).toEqual({ state: 'unknown', healthy: true, reason: null, lastCheckedAt: null });
  });

  it('is healthy after the first success', async () => {
    const { checker, clock, changes } = scripted([OK]);
    checker.start();
    await clock.advanceAsync(1);
    expect(changes).toEqual([{ state: 'healthy', healthy: true, reason: null, lastCheckedAt: clock.wall() }]);
  });

  it('is unhealthy after three failures in a row and not before, unknown as it is', async () => {
    const { checker, clock } = scripted(['status 503']);
    checker.start();
    const states: string[] = [];
    for (let i = 0; i < 3; i++) {
      await clock.advanceAsync(i === 0 ? 1 : 10_000);
      states.push(checker.state);
    }
    expect(states).toEqual(['unknown', 'unknown', 'unhealthy']);
    expect([checker.reason, checker.snapshot().healthy]).toEqual(['status 503', false]);
  });

  it('stays healthy where a success comes between failures', async () => {
    const { checker, clock, startedAt } = scripted(['no', 'no', OK, 'no', 'no', OK]);
    checker.start();
    await clock.advanceAsync(60_000);
    expect(startedAt.length).toBeGreaterThanOrEqual(6);
    expect(checker.state).toBe('healthy');
  });

  it('is healthy again after two successes in a row, and a failure in between starts the count anew', async () => {
    const { checker, clock } = scripted(['no', 'no', 'no', OK, 'still', OK, OK]);
    checker.start();
    await clock.advanceAsync(20_001);
    const states: string[] = [];
    for (let i = 0; i < 4; i++) {
      await clock.advanceAsync(5_000);
      states.push(`${checker.state}: ${checker.reason}`);
    }
    expect(states).toEqual(['unhealthy: no', 'unhealthy: still', 'unhealthy: still', 'healthy: null']);
  });

  it.each([
    [1, 1],
    [3, 5],
    [10, 2],
  ])('changes after %i failures and %i successes where that is said', async (failures, successes) => {
    const script = [OK, ...Array<string>(failures).fill('no'), OK];
    const thresholds = { unhealthyThreshold: failures, healthyThreshold: successes, unhealthyIntervalMs: 10_000 };
    const { checker, clock } = scripted(script, thresholds);
    checker.start();
    await clock.advanceAsync(1 + 10_000 * (failures - 1));
    expect(checker.state).toBe('healthy');
    await clock.advanceAsync(10_000);
    expect(checker.state).toBe('unhealthy');
    await clock.advanceAsync(10_000 * (successes - 1));
    expect(checker.state).toBe('unhealthy');
    await clock.advanceAsync(10_000);
    expect(checker.state).toBe('healthy');
  });

  it('goes down again after as many failures as before', async () => {
    const { checker, clock, changes } = scripted(['no', 'no', 'no', OK, OK, 'no', 'no', OK]);
    checker.start();
    await clock.advanceAsync(100_000);
    expect(checker.state).toBe('healthy');
    expect(changes.filter(({ state }) => state === 'unhealthy')).toHaveLength(1);
  });

  it('knows the time of the last check', async () => {
    const { checker, clock } = scripted([OK]);
    checker.start();
    await clock.advanceAsync(1);
    const first = checker.lastCheckedAt;
    await clock.advanceAsync(10_000);
    expect([first, checker.lastCheckedAt]).toEqual([clock.wall() - 10_000, clock.wall()]);
  });
});

describe('listeners', () => {
  it('hear of a new state and of a new reason, and of nothing else', async () => {
    const { checker, clock, changes } = scripted(['a', 'a', 'a', 'a', 'b', OK, OK, OK]);
    checker.start();
    await clock.advanceAsync(120_000);
    expect(changes.map(({ state, reason }) => [state, reason])).toEqual([
      ['unknown', 'a'],
      ['unhealthy', 'a'],
      ['unhealthy', 'b'],
      ['healthy', null],
    ]);
  });

  it('hear nothing once they have left, and the others still do', async () => {
    const { checker, clock, changes } = scripted([OK]);
    const left = vi.fn();
    checker.onChange(left)();
    checker.start();
    await clock.advanceAsync(1);
    expect(left).not.toHaveBeenCalled();
    expect(changes).toHaveLength(1);
  });

  it('are counted one by one, be they the same function', async () => {
    const { checker, clock } = scripted([OK]);
    const listener = vi.fn();
    const leave = checker.onChange(listener);
    checker.onChange(listener);
    leave();
    checker.start();
    await clock.advanceAsync(1);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('that throw or reject end neither the checks nor each other, and are told once', async () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => {
      emitted.mockRestore();
    });
    const { checker, clock, startedAt } = scripted(['a', 'b', 'c']);
    checker.onChange(() => {
      throw new Error('broken');
    });
    checker.onChange(() => Promise.reject(new Error('later')));
    const last = vi.fn();
    checker.onChange(last);
    checker.start();
    await clock.advanceAsync(20_001);
    expect([startedAt.length, last.mock.calls.length]).toEqual([3, 3]);
    expect(emitted).toHaveBeenCalledOnce();
    expect(emitted).toHaveBeenCalledWith(expect.stringContaining('broken'), expect.anything());
  });

  it('may close the checker, which then starts no other check', async () => {
    const { checker, clock, startedAt } = scripted([OK]);
    checker.onChange(() => {
      checker.close();
    });
    checker.start();
    await clock.advanceAsync(60_000);
    expect([startedAt.length, clock.pending]).toEqual([1, 0]);
  });
});

describe('the times of checks', () => {
  it('are an interval apart, and a shorter one while the target is down', async () => {
    const { checker, clock, startedAt } = scripted(['no', 'no', 'no', 'no', OK, OK, OK]);
    checker.start();
    await clock.advanceAsync(60_000);
    expect(startedAt).toEqual([1, 10_001, 20_001, 25_001, 30_001, 35_001, 45_001, 55_001]);
  });

  it('are what the options say', async () => {
    const { checker, clock, startedAt } = scripted(['no'], {
      intervalMs: 100,
      unhealthyIntervalMs: 1_000,
      unhealthyThreshold: 2,
    });
    checker.start();
    await clock.advanceAsync(3_000);
    expect(startedAt).toEqual([1, 101, 1_101, 2_101]);
  });

  it('have up to the share of jitter added, and the first has nothing else', async () => {
    const draws = [0.5, 0, 0.9];
    const random = (): number => draws.shift() ?? 0.25;
    const { checker, clock, startedAt } = scripted([OK], { intervalMs: 1_000, jitter: 0.2, random });
    checker.start();
    await clock.advanceAsync(4_000);
    expect(startedAt).toEqual([100, 1_100, 2_280, 3_330]);
  });

  it('are counted from the end of the check before', async () => {
    const { checker, clock, startedAt } = scripted(['hang'], { intervalMs: 1_000, timeoutMs: 700 });
    checker.start();
    await clock.advanceAsync(3_000);
    expect(startedAt).toEqual([1, 1_701]);
  });

  it('are never too long for a timer', async () => {
    const { checker, clock } = scripted([OK], { intervalMs: 86_400_000, jitter: 1, random: () => 0.999 });
    checker.start();
    await clock.advanceAsync(86_400_000);
    expect(clock.nextInMs).toBeGreaterThan(170_000_000);
  });
});

describe('a check', () => {
  it('that hangs has failed at its time limit, and is told to stop', async () => {
    const target = scripted(['hang']);
    target.checker.start();
    await target.clock.advanceAsync(2_000);
    expect([target.underWay, target.checker.reason]).toEqual([1, null]);
    await target.clock.advanceAsync(1);
    expect([target.underWay, target.checker.reason]).toEqual([0, 'no answer within 2000 ms']);
  });

  it('never runs beside another, be its time limit longer than the interval', async () => {
    const target = scripted(['hang', OK, 'hang'], { intervalMs: 100, timeoutMs: 5_000 });
    target.checker.start();
    await target.clock.advanceAsync(60_000);
    expect(target.startedAt.length).toBeGreaterThan(5);
    expect(target.most).toBe(1);
  });

  it('that pays no heed to its signal takes the target out, and is not started again until it ends', async () => {
    let end: (() => void) | undefined;
    const probe = vi.fn(() => new Promise<void>((resolve) => (end = resolve)));
    const { checker, clock } = scripted([OK], { probe });
    checker.start();
    await clock.advanceAsync(60_000);
    expect(probe).toHaveBeenCalledOnce();
    expect([checker.state, checker.reason]).toEqual(['unhealthy', 'the last check has not come to an end']);
    end?.();
    await clock.advanceAsync(5_000);
    expect(probe).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['throws', () => { throw new Error('broken'); }, 'broken'], // prettier-ignore
    ['rejects with nothing', () => Promise.reject(undefined as unknown as Error), 'it failed without a reason'],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- users' functions do such things.
    ['rejects with a text', () => Promise.reject('down'), 'down'],
  ])('that %s has failed', async (_how, probe, reason) => {
    const { checker, clock } = scripted([OK], { probe });
    checker.start();
    await clock.advanceAsync(1);
    expect(checker.reason).toBe(reason);
  });
});

describe('close', () => {
  it('ends the checks, and leaves no timer', async () => {
    const { checker, clock, startedAt } = scripted([OK]);
    checker.start();
    await clock.advanceAsync(1);
    checker.close();
    expect(clock.pending).toBe(0);
    await clock.advanceAsync(60_000);
    expect(startedAt).toHaveLength(1);
  });

  it('stops the check under way, which then says nothing', async () => {
    const target = scripted(['hang']);
    target.checker.start();
    await target.clock.advanceAsync(500);
    target.checker.close();
    await target.clock.advanceAsync(60_000);
    expect([target.underWay, target.clock.pending, target.changes]).toEqual([0, 0, []]);
  });

  it('keeps what is known, with which a new start goes on', async () => {
    const { checker, clock, startedAt } = scripted(['no', 'no', 'no', OK]);
    checker.start();
    await clock.advanceAsync(10_001);
    checker.close();
    checker.start();
    await clock.advanceAsync(1);
    expect([checker.state, startedAt.length]).toEqual(['unhealthy', 3]);
  });

  it('in the middle of a check, and a start at once, run one check after the other', async () => {
    const target = scripted(['hang', OK]);
    target.checker.start();
    await target.clock.advanceAsync(500);
    target.checker.close();
    target.checker.start();
    await target.clock.advanceAsync(1);
    expect([target.most, target.checker.state]).toEqual([1, 'healthy']);
    await target.clock.advanceAsync(10_000);
    expect(target.startedAt).toHaveLength(3);
  });

  it('start twice starts once', async () => {
    const { checker, clock, startedAt } = scripted([OK]);
    checker.start();
    checker.start();
    await clock.advanceAsync(1);
    checker.start();
    await clock.advanceAsync(10_000);
    expect(startedAt).toHaveLength(2);
  });
});
