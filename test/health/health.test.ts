import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { Health, type HealthCheck, type HealthEngineOptions } from '../../src/health/index.js';
import type { TargetState, UpstreamReport } from '../../src/core/upstream-report.js';
import { FakeClock } from '../support/fake-clock.js';

/** What a process knows that leans on nothing. */
const nothing = { circuits: {}, stores: {}, load: null, checks: {} };

const down = (): boolean => false;
const up = (): boolean => true;

/** A check that is over when the test says so. */
class Held {
  runs = 0;
  signal: AbortSignal | null = null;
  readonly #ends: ((error?: Error) => void)[] = [];

  readonly check = (signal: AbortSignal): Promise<void> => {
    this.runs++;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.#ends.push((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  };

  /** Ends the runs under way. */
  end(error?: Error): void {
    for (const end of this.#ends.splice(0)) end(error);
  }
}

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});

afterEach(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

function upstreamOf(...states: readonly TargetState[]): UpstreamReport {
  const counts = { weight: 1, share: 1, zone: '', priority: 0, inFlight: 0, requests: 0, failures: 0 };
  const targets = states.map((state, index) => ({ url: `http://a:${index}`, state, reason: null, ...counts }));
  return { balance: 'random', targets, panicking: false, discovery: null };
}

const STALE = { source: 'dns', state: 'stale', ageMs: 1_000, error: 'no answer' };

describe('Health', () => {
  it('is healthy and ready from its start on, with whole seconds of uptime', () => {
    const clock = new FakeClock();
    const engine = new Health({ clock });
    expect(engine.isReady).toBe(true);
    expect(engine.report()).toEqual({
      status: 'healthy',
      draining: false,
      uptime: 0,
      timestamp: '2026-01-01T00:00:00.000Z',
      ...nothing,
    });
    clock.advance(2_999);
    expect(engine.report()).toMatchObject({ uptime: 2, timestamp: '2026-01-01T00:00:02.999Z' });
  });

  it('counts uptime without the wall clock', () => {
    const clock = new FakeClock();
    const engine = new Health({ clock });
    clock.advanceWall(-3_600_000);
    clock.advance(1_000);
    expect(engine.report().uptime).toBe(1);
  });

  it('is unhealthy and not ready from the moment it drains, for good', () => {
    const engine = new Health({ clock: new FakeClock() });
    expect(engine.isDraining).toBe(false);
    engine.drain();
    engine.drain();
    expect(engine.isDraining).toBe(true);
    expect(engine.isReady).toBe(false);
    expect(engine.report()).toMatchObject({ status: 'unhealthy', draining: true });
  });

  it.each([
    [{ circuits: { a: 'closed' } }, 'healthy'],
    [{ circuits: { a: 'closed', b: 'open' } }, 'degraded'],
    [{ circuits: { a: 'half-open' } }, 'degraded'],
    [{ stores: { a: 'up' as const } }, 'healthy'],
    [{ stores: { a: 'up' as const, b: 'down' as const } }, 'degraded'],
    [{ load: 0.99 }, 'healthy'],
    [{ load: 1 }, 'degraded'],
    [{ upstreams: { users: upstreamOf('healthy', 'warming') } }, 'healthy'],
    [{ upstreams: { users: upstreamOf('healthy', 'ejected') } }, 'degraded'],
    [{ upstreams: { users: upstreamOf('unhealthy') } }, 'degraded'],
    [{ upstreams: { users: upstreamOf() } }, 'degraded'],
    [{ upstreams: { users: { ...upstreamOf('healthy'), discovery: STALE } } }, 'degraded'],
    [{ pools: { 'http://a:1': { open: 0, idle: 0, running: 0, waiting: 9 } } }, 'healthy'],
  ])('with %j is %s, shows it, and wants traffic', (details, status) => {
    const engine = new Health({ clock: new FakeClock(), details: () => details });
    expect(engine.report()).toMatchObject({ ...nothing, status, ...details });
    expect(engine.isReady).toBe(true);
    engine.drain();
    expect(engine.report().status).toBe('unhealthy');
  });

  it('wants no traffic before it knows where its upstreams are', () => {
    let discovery = { ...STALE, state: 'starting', error: null as string | null };
    const details = () => ({ upstreams: { users: { ...upstreamOf(), discovery } } });
    const engine = new Health({ clock: new FakeClock(), details });
    expect([engine.isReady, engine.report().status]).toEqual([false, 'unhealthy']);
    discovery = { ...STALE, state: 'lost' };
    expect([engine.isReady, engine.report().status]).toEqual([true, 'degraded']);
  });

  it.each<[string, unknown, string[]]>([
    ['details that are no function', { details: {} }, ['details']],
    ['a check that is none', { checks: { a: true } }, ['checks.a']],
    ['a check without a function', { checks: { a: {} } }, ['checks.a.check']],
    [
      'limits out of range',
      { checks: { 'a b': { check: up, timeoutMs: 0, cacheMs: -1, critical: 'yes' } } },
      ['checks["a b"].timeoutMs', 'checks["a b"].cacheMs', 'checks["a b"].critical'],
    ],
    [
      'endless times',
      { checks: { a: { check: up, timeoutMs: Infinity, cacheMs: Infinity } } },
      ['checks.a.timeoutMs', 'checks.a.cacheMs'],
    ],
    ['an unknown option', { check: {} }, ['check']],
  ])('does not start with %s', (_case, options, paths) => {
    expect(faultsOf(() => new Health(options as HealthEngineOptions))).toEqual(paths);
  });

  it('adds checks later, each name once', () => {
    const engine = new Health({ checks: { a: up } });
    engine.addCheck('b', down);
    expect(Object.keys(engine.report().checks)).toEqual(['a', 'b']);
    expect(faultsOf(() => engine.addCheck('a', up))).toEqual(['checks.a']);
    expect(faultsOf(() => engine.addCheck('c', 5 as unknown as HealthCheck))).toEqual(['checks.c']);
  });
});

describe('a check', () => {
  it('is unknown, and says nothing, until somebody asks', async () => {
    const clock = new FakeClock();
    const engine = new Health({ clock, checks: { db: { check: down, critical: true } } });
    expect(engine.report()).toMatchObject({
      status: 'healthy',
      checks: { db: { status: 'unknown', critical: true, message: null, checkedAt: null, durationMs: null } },
    });
    expect((await engine.check()).checks.db).toMatchObject({ status: 'down', checkedAt: '2026-01-01T00:00:00.000Z' });
  });

  it.each<[string, HealthCheck, string]>([
    ['true', up, 'healthy'],
    ['nothing', () => undefined, 'healthy'],
    ['healthy', () => ({ healthy: true }), 'healthy'],
    ['a promise of nothing', async () => Promise.resolve(), 'healthy'],
    ['false', down, 'degraded'],
    ['not healthy', () => ({ healthy: false }), 'degraded'],
    ['a promise of false', () => Promise.resolve(false), 'degraded'],
    ['false, where it is critical', { check: down, critical: true }, 'unhealthy'],
    [
      'a rejection, where it is critical',
      { check: () => Promise.reject(new Error('no')), critical: true },
      'unhealthy',
    ],
    ['true, where it is critical', { check: up, critical: true }, 'healthy'],
  ])('that finds %s makes the process %s', async (_case, check, status) => {
    const engine = new Health({ clock: new FakeClock(), checks: { one: up, other: check } });
    const report = await engine.check();
    expect(report.status).toBe(status);
    expect(engine.report()).toEqual(report);
    expect(engine.isReady).toBe(status !== 'unhealthy');
  });

  it('shows its own message, up or down', async () => {
    const engine = new Health({
      checks: {
        a: () => ({ healthy: true, message: '3 s behind' }),
        b: () => Promise.resolve({ healthy: false, message: '90 s behind' }),
      },
    });
    expect((await engine.check()).checks).toMatchObject({
      a: { status: 'up', message: '3 s behind' },
      b: { status: 'down', message: '90 s behind' },
    });
  });

  it.each<[string, () => unknown, string]>([
    ['an error', () => thrown(new Error('connection refused')), 'connection refused'],
    [
      'an error with a code alone',
      () => thrown(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })),
      'ECONNREFUSED',
    ],
    ['an error without a word', () => thrown(new TypeError()), 'TypeError'],
    ['a text', () => thrown('no luck'), 'no luck'],
    ['nothing', () => thrown(undefined), 'threw undefined'],
    ['an object', () => thrown(Object.create(null)), 'threw an object'],
  ])('that throws or rejects %s is down, and says why', async (_case, check, message) => {
    const checks = { thrown: check, rejected: async () => Promise.resolve().then(check) };
    const engine = new Health({ clock: new FakeClock(), checks: checks as Record<string, HealthCheck> });
    expect((await engine.check()).checks).toMatchObject({
      thrown: { status: 'down', message },
      rejected: { status: 'down', message },
    });
  });

  it.each<[unknown, string]>([
    ['PONG', 'returned a text'],
    [1, 'returned a number'],
    [null, 'returned null'],
    [{ ok: true }, 'returned an object'],
    [{ healthy: 'yes' }, 'returned an object'],
    [[{ secret: 1 }], 'returned a list of 1'],
  ])('that returns %j is down: it may mean anything', async (outcome, message) => {
    const engine = new Health({
      checks: { a: () => outcome as boolean, b: () => Promise.resolve(outcome as boolean) },
    });
    const { a, b } = (await engine.check()).checks;
    expect([a?.status, b?.status]).toEqual(['down', 'down']);
    expect(a?.message).toContain(message);
  });

  it('waits for whatever can be awaited', async () => {
    let runs = 0;
    const lazyQuery = { then: (resolve: (value: boolean) => void) => resolve(++runs > 1) };
    const engine = new Health({ checks: { a: () => lazyQuery as unknown as Promise<boolean> } });
    expect((await engine.check()).checks.a).toMatchObject({ status: 'down', message: null });
    expect(runs).toBe(1);
  });

  it.each<[string, string, string]>([
    ['a password', 'no connection to postgres://ada:hunter2@db/1', 'hunter2'],
    ['a token', `refused: Bearer ${'x'.repeat(300)}`, 'xxx'],
    ['a token half of which is read', `Bearer ${'x'.repeat(1_900)} eyJhbGci${'y'.repeat(200)}.a.b`, 'yyy'],
  ])('shows no %s of a message', async (_case, message, secret) => {
    const engine = new Health({
      checks: { a: () => thrown(new Error(message)), b: () => ({ healthy: true, message }) },
    });
    expect(JSON.stringify(await engine.check())).not.toContain(secret);
    expect(JSON.stringify(engine.report())).toContain('[redacted]');
  });

  it('shows 200 characters of a message, however long', async () => {
    const engine = new Health({ checks: { a: () => thrown(new Error('no '.repeat(1_000_000))) } });
    expect((await engine.check()).checks.a?.message).toMatch(/^no .{194}\.\.\.$/);
  });

  it('may have any name', async () => {
    const names = ['__proto__', 'constructor', '', '\0', 'toString'];
    const checks = Object.fromEntries(names.map((name) => [name, down]));
    const report = await new Health({ checks }).check();
    expect(Object.keys(report.checks)).toEqual(names);
    expect(Object.keys(JSON.parse(JSON.stringify(report.checks)) as object)).toEqual(names);
    expect(({} as { status?: unknown }).status).toBeUndefined();
  });
});

describe('what a check has found', () => {
  it('is kept for cacheMs, good or bad, from its end on', async () => {
    const clock = new FakeClock();
    const found = [false, true, true];
    let runs = 0;
    const engine = new Health({ clock, checks: { db: { check: () => found[runs++], cacheMs: 100 } } });
    const statusAfter = async (ms: number): Promise<string> => {
      clock.advance(ms);
      return (await engine.check()).status;
    };
    expect(await statusAfter(0)).toBe('degraded');
    expect(await statusAfter(99)).toBe('degraded');
    expect(runs).toBe(1);
    expect(await statusAfter(1)).toBe('healthy');
    expect(await statusAfter(99)).toBe('healthy');
    expect(runs).toBe(2);
    expect(await statusAfter(10_000)).toBe('healthy');
    expect(runs).toBe(3);
  });

  it('is kept for 5 s by default', () => {
    const clock = new FakeClock();
    let runs = 0;
    const engine = new Health({ clock, checks: { db: () => ++runs > 0 } });
    for (const ms of [0, 4_999]) {
      clock.advance(ms);
      void engine.check();
    }
    expect(runs).toBe(1);
    clock.advance(1);
    void engine.check();
    expect(runs).toBe(2);
  });

  it('is not kept with cacheMs: 0', () => {
    let runs = 0;
    const engine = new Health({ clock: new FakeClock(), checks: { db: { check: () => ++runs > 0, cacheMs: 0 } } });
    void engine.check();
    void engine.check();
    expect(runs).toBe(2);
  });

  it('costs no promise where it is known, or found at once', () => {
    const engine = new Health({ clock: new FakeClock(), checks: { a: up, b: { check: down, critical: true } } });
    expect(engine.check()).toMatchObject({ status: 'unhealthy' });
    expect(engine.checkReady()).toBe(false);
    expect(engine.check()).not.toBeInstanceOf(Promise);
  });

  it('is shared: a thousand who ask at once make one run', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, cacheMs: 0 } } });
    const reports = Array.from({ length: 1_000 }, async () => engine.check());
    expect(held.runs).toBe(1);
    await clock.advanceAsync(30);
    held.end();
    for (const report of await Promise.all(reports)) expect(report.checks.db?.status).toBe('up');
    expect(held.runs).toBe(1);
    expect(engine.report().checks.db?.durationMs).toBe(30);
    expect(clock.pending).toBe(0);
  });

  it('does not start itself again from inside', () => {
    let runs = 0;
    const engine: Health = new Health({
      checks: {
        a: () => {
          runs++;
          void engine.check();
        },
      },
    });
    expect(engine.check()).toMatchObject({ status: 'healthy' });
    expect(runs).toBe(1);
  });

  it('of one check does not wait for another to be due', async () => {
    const clock = new FakeClock();
    const runs = { a: 0, b: 0 };
    const engine = new Health({
      clock,
      checks: { a: { check: () => ++runs.a > 0, cacheMs: 10 }, b: { check: () => ++runs.b > 0, cacheMs: 30 } },
    });
    for (let time = 0; time <= 30; time += 10) {
      await engine.check();
      clock.advance(10);
    }
    expect(runs).toEqual({ a: 4, b: 2 });
  });
});

describe('a check that hangs or is slow', () => {
  it('is down at its time limit, and told so', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, timeoutMs: 250 } } });
    const report = engine.check();
    await clock.advanceAsync(249);
    expect(engine.report().checks.db?.status).toBe('unknown');
    expect(held.signal?.aborted).toBe(false);
    await clock.advanceAsync(1);
    expect((await report).checks.db).toMatchObject({
      status: 'down',
      message: 'no answer within 250 ms',
      durationMs: 250,
    });
    expect(held.signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('has 2 s by default', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const report = new Health({ clock, checks: { db: held.check } }).check();
    expect(clock.nextInMs).toBe(2_000);
    await clock.advanceAsync(2_000);
    expect((await report).status).toBe('degraded');
  });

  it('is not started again before it has come to an end, and nobody waits for it meanwhile', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, timeoutMs: 250, cacheMs: 100 } } });
    const first = engine.check();
    await clock.advanceAsync(250);
    await first;
    for (let call = 0; call < 10; call++) {
      await clock.advanceAsync(1_000);
      expect(engine.check()).toMatchObject({ checks: { db: { status: 'down' } } });
    }
    expect(held.runs).toBe(1);
    held.end();
    await clock.advanceAsync(0);
    expect(engine.report().checks.db?.status).toBe('down');
    const second = engine.check();
    expect(held.runs).toBe(2);
    held.end();
    expect((await second).checks.db?.status).toBe('up');
  });

  it('may fail late: nothing is left unhandled', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, timeoutMs: 250 } } });
    void engine.check();
    await clock.advanceAsync(250);
    held.end(new Error('late'));
    await clock.advanceAsync(10);
    expect(engine.report().checks.db?.message).toBe('no answer within 250 ms');
    await clock.advanceAsync(5_000);
    void engine.check();
    expect(held.runs).toBe(2);
  });

  it('that takes its time is kept from its end on', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, timeoutMs: 250, cacheMs: 100 } } });
    const report = engine.check();
    await clock.advanceAsync(90);
    held.end();
    await report;
    await clock.advanceAsync(99);
    expect(engine.check()).not.toBeInstanceOf(Promise);
    await clock.advanceAsync(1);
    expect(engine.check()).toBeInstanceOf(Promise);
  });

  it('holds up its own report alone: readiness waits for critical checks', async () => {
    const [clock, held, vital] = [new FakeClock(), new Held(), new Held()];
    const checks = { slow: held.check, vital: { check: vital.check, critical: true } };
    const engine = new Health({ clock, checks });
    const ready = engine.checkReady();
    expect([held.runs, vital.runs]).toEqual([0, 1]);
    vital.end();
    expect(await ready).toBe(true);
    const report = engine.check();
    expect([held.runs, vital.runs]).toEqual([1, 1]);
    held.end(new Error('no'));
    expect((await report).status).toBe('degraded');
    expect(engine.checkReady()).toBe(true);
  });
});

describe('the end', () => {
  it('a process that drains starts no check and waits for none', () => {
    const held = new Held();
    const engine = new Health({ clock: new FakeClock(), checks: { db: { check: held.check, critical: true } } });
    engine.drain();
    expect(engine.check()).toMatchObject({ status: 'unhealthy' });
    expect(engine.checkReady()).toBe(false);
    expect(held.runs).toBe(0);
  });

  it('who waits for a check while the process begins to drain is told so', async () => {
    const held = new Held();
    const engine = new Health({ clock: new FakeClock(), checks: { db: { check: held.check, critical: true } } });
    const [ready, report] = [engine.checkReady(), engine.check()];
    engine.drain();
    held.end();
    expect(await ready).toBe(false);
    expect(await report).toMatchObject({ status: 'unhealthy', draining: true, checks: { db: { status: 'up' } } });
  });

  it('close drains, stops what runs, lets those who wait go, and leaves no timer', async () => {
    const [clock, held] = [new FakeClock(), new Held()];
    const engine = new Health({ clock, checks: { db: { check: held.check, cacheMs: 0 } } });
    const report = engine.check();
    expect(clock.pending).toBe(1);
    engine.close();
    engine.close();
    expect(held.signal?.aborted).toBe(true);
    expect(await report).toMatchObject({ status: 'unhealthy', checks: { db: { status: 'unknown' } } });
    expect(clock.pending).toBe(0);
    held.end(new Error('late'));
    await clock.advanceAsync(10);
    expect(engine.check()).toMatchObject({ checks: { db: { status: 'unknown' } } });
    expect(held.runs).toBe(1);
  });
});

function thrown(error: unknown): never {
  throw error as Error;
}

function faultsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}
