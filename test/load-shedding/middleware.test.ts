import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { Handler } from '../../src/core/types.js';
import { LoadMonitor, loadShedding, type LoadSheddingOptions, type Priority } from '../../src/load-shedding/index.js';
import { fakeContext } from '../support/request.js';
import { BlockingClock } from './blocking-clock.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });

/** A monitor whose load is this, or a hair below where it is no fraction of two. */
function monitorAt(load: number): LoadMonitor {
  const clock = new BlockingClock();
  const monitor = new LoadMonitor({ clock, maxEventLoopDelayMs: 30, maxUtilization: 1 });
  // One sample counts 0.3 of the delay.
  clock.advanceLate(100, load * 100);
  expect(monitor.load).toBeCloseTo(load, 9);
  return monitor;
}

describe('loadShedding', () => {
  it.each<[Priority | undefined, number, number]>([
    ['low', 0.99, 200],
    ['low', 1, 503],
    ['normal', 1.49, 200],
    ['normal', 1.5, 503],
    [undefined, 1.49, 200],
    [undefined, 1.5, 503],
    ['high', 1.99, 200],
    ['high', 2, 503],
    ['critical', 2, 200],
    ['critical', 1e9, 200],
  ])('answers priority %s at a load of %f with %i', async (priority, load, status) => {
    const gate = loadShedding({ monitor: monitorAt(load), ...(priority && { priority }) });
    expect((await gate(fakeContext(), answer)).status).toBe(status);
  });

  it('is synchronous', () => {
    expect(loadShedding({ monitor: monitorAt(0) })(fakeContext(), answer)).toEqual({
      status: 200,
      headers: {},
      body: 'ok',
    });
  });

  it('refuses with 503, when to come again, and a problem that says why', async () => {
    const ctx = fakeContext();
    const { status, headers, body } = await loadShedding({ monitor: monitorAt(3) })(ctx, answer);
    expect([status, headers['retry-after'], ctx.refusal]).toEqual([503, '1', 'ERR_GATEWAY_OVERLOADED']);
    expect(JSON.parse(body as string)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code: 'ERR_GATEWAY_OVERLOADED',
    });
  });

  it('lets everything in again when the load is gone', async () => {
    const clock = new BlockingClock();
    const gate = loadShedding({ clock, utilization: () => 0, priority: 'low' });
    for (let i = 0; i < 5; i++) clock.advanceLate(100, 400);
    expect((await gate(fakeContext(), answer)).status).toBe(503);
    clock.advance(1_000);
    expect((await gate(fakeContext(), answer)).status).toBe(200);
  });

  it('ends a monitor of its own', () => {
    const clock = new BlockingClock();
    const gate = loadShedding({ clock });
    expect(gate.monitor).toBeInstanceOf(LoadMonitor);
    expect(clock.pending).toBe(1);
    gate.close();
    expect(clock.pending).toBe(0);
  });

  it('leaves a shared monitor to its owner', () => {
    const clock = new BlockingClock();
    const monitor = new LoadMonitor({ clock });
    const gate = loadShedding({ monitor });
    expect(gate.monitor).toBe(monitor);
    gate.close();
    expect(clock.pending).toBe(1);
  });

  it.each<[string, unknown, string[]]>([
    ['a priority that is none', { priority: 'urgent' }, ['priority']],
    ['a priority of every object', { priority: 'constructor' }, ['priority']],
    ['a monitor that is none', { monitor: {} }, ['monitor']],
    [
      'a monitor and its options',
      { monitor: monitorAt(0), sampleMs: 5, maxUtilization: 1 },
      ['maxUtilization', 'sampleMs'],
    ],
    ['two faults', { sampleMs: 0, max: 1 }, ['sampleMs', 'max']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      loadShedding(options as LoadSheddingOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});
