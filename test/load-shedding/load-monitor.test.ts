import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { LoadMonitor, type LoadMonitorOptions } from '../../src/load-shedding/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { block } from './block.js';
import { BlockingClock } from './blocking-clock.js';

/** A monitor with samples every 100 ms, in a process that is idle unless `utilization` says otherwise. */
function monitorOf(options: LoadMonitorOptions = {}): { monitor: LoadMonitor; clock: BlockingClock } {
  const clock = new BlockingClock();
  return { monitor: new LoadMonitor({ clock, utilization: () => 0, ...options }), clock };
}

describe('LoadMonitor', () => {
  it('sees no load where timers fire on time', () => {
    const { monitor, clock } = monitorOf();
    clock.advance(10_000);
    expect(monitor.snapshot()).toEqual({ load: 0, eventLoopDelayMs: 0, utilization: 0 });
  });

  it('a single pause of 300 ms stays below a load of 1', () => {
    const { monitor, clock } = monitorOf();
    clock.advanceLate(100, 300);
    expect(monitor.snapshot().eventLoopDelayMs).toBeCloseTo(90);
    expect(monitor.load).toBeCloseTo(0.9);
    clock.advance(100);
    expect(monitor.load).toBeCloseTo(0.63);
  });

  it('a lateness that stays becomes the delay: 200 ms are a load of 1 after 2 samples, and near 2 after 12', () => {
    const { monitor, clock } = monitorOf();
    const loads = Array.from({ length: 12 }, () => {
      clock.advanceLate(100, 200);
      return monitor.load;
    });
    expect(loads.slice(0, 3).map((load) => Number(load.toFixed(3)))).toEqual([0.6, 1.02, 1.314]);
    expect(loads.at(-1)).toBeGreaterThan(1.97);
    expect(loads.at(-1)).toBeLessThan(2);
  });

  it('measures from when the timer was due again, so a pause counts once', () => {
    const { monitor, clock } = monitorOf();
    clock.advanceLate(100, 200);
    clock.advance(100);
    expect(monitor.snapshot().eventLoopDelayMs).toBeCloseTo(200 * 0.3 * 0.7);
  });

  it('recovers', () => {
    const { monitor, clock } = monitorOf();
    for (let i = 0; i < 20; i++) clock.advanceLate(100, 500);
    expect(monitor.load).toBeGreaterThan(4.9);
    clock.advance(500);
    expect(monitor.load).toBeLessThan(1);
    clock.advance(2_000);
    expect(monitor.load).toBeLessThan(0.01);
  });

  it('takes a timer that fires too early for one on time', () => {
    const { monitor, clock } = monitorOf();
    clock.advanceLate(100, -1);
    expect(monitor.snapshot().eventLoopDelayMs).toBe(0);
  });

  it('compares with maxEventLoopDelayMs', () => {
    const { monitor, clock } = monitorOf({ maxEventLoopDelayMs: 10 });
    clock.advanceLate(100, 100);
    expect(monitor.load).toBeCloseTo(3);
  });

  it('does not count the delay with maxEventLoopDelayMs: Infinity', () => {
    const { monitor, clock } = monitorOf({ maxEventLoopDelayMs: Infinity });
    clock.advanceLate(100, 1e6);
    expect(monitor.load).toBe(0);
  });

  it('samples every sampleMs', () => {
    let samples = 0;
    const utilization = (): number => {
      samples++;
      return 0;
    };
    const { clock } = monitorOf({ sampleMs: 250, utilization });
    clock.advance(1_000);
    expect(samples).toBe(4);
  });

  it('a loop that always works is a load of 1 after 11 samples, and a single busy sample is none', () => {
    let utilization = 1;
    const { monitor, clock } = monitorOf({ utilization: () => utilization });
    clock.advance(1_000);
    expect(monitor.load).toBe(0);
    clock.advance(100);
    expect(monitor.load).toBe(1);
    expect(monitor.snapshot().utilization).toBeGreaterThan(0.98);
    utilization = 0.5;
    clock.advance(100);
    expect(monitor.load).toBe(0);
  });

  it('compares with maxUtilization', () => {
    const { monitor, clock } = monitorOf({ maxUtilization: 0.5, utilization: () => 0.6 });
    clock.advance(1_000);
    expect(monitor.load).toBe(1);
  });

  it('does not count the utilization with maxUtilization: 1', () => {
    const { monitor, clock } = monitorOf({ maxUtilization: 1, utilization: () => 1 });
    clock.advance(60_000);
    expect(monitor.snapshot().utilization).toBeCloseTo(1);
    expect(monitor.load).toBe(0);
  });

  it('takes the greater of both', () => {
    const { monitor, clock } = monitorOf({ utilization: () => 1 });
    for (let i = 0; i < 30; i++) clock.advanceLate(100, 250);
    expect(monitor.load).toBeGreaterThan(2.4);
  });

  it('keeps one timer, and none when it is closed', () => {
    const { monitor, clock } = monitorOf();
    expect(clock.pending).toBe(1);
    for (let i = 0; i < 20; i++) clock.advanceLate(100, 500);
    expect(clock.pending).toBe(1);
    monitor.close();
    monitor.close();
    expect(clock.pending).toBe(0);
    expect(monitor.load).toBe(0);
  });

  it('stays closed where it is closed while it samples', () => {
    const clock = new FakeClock();
    const monitor: LoadMonitor = new LoadMonitor({
      clock,
      utilization() {
        monitor.close();
        return 1;
      },
    });
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it('sees a loop that is really blocked, and sees it recover', async () => {
    const monitor = new LoadMonitor({ sampleMs: 20 });
    try {
      for (let i = 0; i < 5; i++) {
        block(300);
        await sleep(1);
      }
      expect(monitor.load).toBeGreaterThan(1);
      expect(monitor.snapshot().utilization).toBeGreaterThan(0.5);
      await eventually(() => monitor.load < 1, { withinMs: 5_000 });
      expect(monitor.snapshot().utilization).toBeLessThan(0.98);
    } finally {
      monitor.close();
    }
  });

  it.each<[string, unknown, string]>([
    ['a delay of 0 ms', { maxEventLoopDelayMs: 0 }, 'maxEventLoopDelayMs'],
    ['a utilization of 0', { maxUtilization: 0 }, 'maxUtilization'],
    ['a utilization in percent', { maxUtilization: 98 }, 'maxUtilization'],
    ['a utilization that is no number', { maxUtilization: NaN }, 'maxUtilization'],
    ['endless samples', { sampleMs: Infinity }, 'sampleMs'],
    ['a number as meter', { utilization: 0.5 }, 'utilization'],
    ['an unknown option', { maxDelay: 5 }, 'maxDelay'],
  ])('does not start with %s', (_case, options, path) => {
    let error: unknown;
    try {
      new LoadMonitor(options as LoadMonitorOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual([path]);
  });
});
