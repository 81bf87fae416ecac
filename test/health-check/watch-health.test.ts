import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import {
  HealthChecker,
  watchHealth,
  type ActiveHealthOptions,
  type TargetHealth,
} from '../../src/health-check/index.js';
import { FakeClock } from '../support/fake-clock.js';

// Nobody listens on port 1: a check that runs fails, and it needs no server to be counted.
const URL = 'http://127.0.0.1:1';

function setUp() {
  const clock = new FakeClock();
  const starts = vi.spyOn(HealthChecker.prototype, 'start');
  const closes = vi.spyOn(HealthChecker.prototype, 'close');
  const ends: (() => void)[] = [];
  onTestFinished(() => {
    for (const end of ends) end();
    vi.restoreAllMocks();
  });

  function watch(
    url: string,
    options: ActiveHealthOptions,
    listener: (health: TargetHealth) => void = () => undefined,
  ) {
    const end = watchHealth(url, options, listener, { clock, random: () => 0 });
    ends.push(end);
    return end;
  }

  return {
    clock,
    watch,
    closes,
    get checkers() {
      return new Set(starts.mock.contexts).size;
    },
  };
}

describe('watchHealth', () => {
  it('tells what is known at once', () => {
    const { watch } = setUp();
    const listener = vi.fn();
    watch(URL, {}, listener);
    expect(listener).toHaveBeenCalledExactlyOnceWith({
      ...{ state: 'unknown', healthy: true, reason: null, lastCheckedAt: null },
    });
  });

  it.each<[string, ActiveHealthOptions, ActiveHealthOptions]>([
    ['no options', {}, {}],
    ['equal values', { path: '/a', statuses: [200, '300-399'] }, { statuses: [200, '300-399'], path: '/a' }],
    ['equal patterns', { body: /ok/i }, { body: /ok/i }],
    ['equal bytes', { tls: { ca: [Buffer.from('a')] } }, { tls: { ca: [new Uint8Array([97])] } }],
    ['equal fields', { headers: { a: '1', b: '2' } }, { headers: { b: '2', a: '1' } }],
  ])('shares one checker where there are %s', (_what, first, second) => {
    const target = setUp();
    target.watch(URL, first);
    target.watch(`${URL}/base/path`, second);
    expect([target.checkers, target.clock.pending]).toEqual([1, 1]);
  });

  it.each<[string, ActiveHealthOptions, ActiveHealthOptions]>([
    ['another path', { path: '/a' }, { path: '/b' }],
    ['a text and a pattern', { body: '/ok/' }, { body: /ok/ }],
    ['patterns with other flags', { body: /ok/ }, { body: /ok/i }],
    ['a status and a text of it', { statuses: [200] }, { statuses: ['200-200'] }],
    ['other bytes', { tls: { ca: Buffer.from('a') } }, { tls: { ca: Buffer.from('b') } }],
    ['values that look like another member', { headers: { a: '1","b":"2' } }, { headers: { a: '1', b: '2' } }],
  ])('shares none where there is %s', (_what, first, second) => {
    const target = setUp();
    target.watch(URL, first);
    target.watch(URL, second);
    expect(target.checkers).toBe(2);
  });

  it('shares none between origins, nor between clocks', () => {
    const target = setUp();
    target.watch(URL, {});
    target.watch('http://127.0.0.2:1', {});
    target.watch('https://127.0.0.1:1', {});
    onTestFinished(watchHealth(URL, {}, () => undefined, { clock: new FakeClock() }));
    expect(target.checkers).toBe(4);
  });

  it('sees that options have changed, be it in the same object', () => {
    const target = setUp();
    const options: ActiveHealthOptions = { path: '/a' };
    target.watch(URL, options);
    options.path = '/b';
    target.watch(URL, options);
    expect(target.checkers).toBe(2);
  });

  it('ends the checker when the last one leaves, each of whom leaves once', () => {
    const { watch, clock, closes } = setUp();
    const [first, second] = [watch(URL, {}), watch(URL, {})];
    first();
    first();
    expect([closes.mock.calls.length, clock.pending]).toEqual([0, 1]);
    second();
    expect([closes.mock.calls.length, clock.pending]).toEqual([1, 0]);
  });

  it('goes on with what is known where the next one comes before the last one leaves', async () => {
    const { watch, clock } = setUp();
    const [before, after] = [vi.fn(), vi.fn()];
    const end = watch(URL, { unhealthyThreshold: 1 }, before);
    clock.advance(1);
    await vi.waitFor(() => expect(before).toHaveBeenLastCalledWith(expect.objectContaining({ healthy: false })));
    const { pending } = clock;
    watch(URL, { unhealthyThreshold: 1 }, after);
    expect(after).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ state: 'unhealthy', healthy: false, reason: 'connect ECONNREFUSED' }),
    );
    end();
    expect(clock.pending).toBe(pending);
  });

  it('starts from nothing where all had left', async () => {
    const { watch, clock } = setUp();
    const [before, after] = [vi.fn(), vi.fn()];
    const end = watch(URL, { unhealthyThreshold: 1 }, before);
    clock.advance(1);
    await vi.waitFor(() => expect(before).toHaveBeenLastCalledWith(expect.objectContaining({ healthy: false })));
    end();
    watch(URL, { unhealthyThreshold: 1 }, after);
    expect(after).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ state: 'unknown' }));
  });

  it('throws where an option is wrong, and keeps nothing', () => {
    const { watch, clock } = setUp();
    expect(() => watch(URL, { intervalMs: 0 })).toThrow(ConfigError);
    expect(() => watch('users:3001', {})).toThrow(/url: .*expected an http/);
    expect(clock.pending).toBe(0);
  });

  it('goes on where a listener throws when it is told what is known', () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const target = setUp();
    target.watch(URL, {}, () => {
      throw new Error('broken');
    });
    expect(target.clock.pending).toBe(1);
  });
});
