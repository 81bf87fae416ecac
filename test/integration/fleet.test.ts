/** Three servers in processes of their own that die, stall, fail and start again, and clients that are to notice nothing. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TargetReport } from '../../src/core/upstream-report.js';
import { fileSource } from '../../src/discovery/index.js';
import type { RouteConfig, UpstreamConfig } from '../../src/gateway/index.js';
import { bundle, type Bundle } from '../support/bundle.js';
import { eventually } from '../support/eventually.js';
import { Load, PATIENT, startFleet, type Member } from './fleet.js';
import { failOnUncaught, startGateway, type RunningGateway } from './harness.js';

failOnUncaught();
vi.setConfig({ testTimeout: 120_000 });

let program: Bundle;

beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('./fixtures/fleet-member.ts', import.meta.url)));
});
afterAll(() => {
  program.remove();
});

function startBalanced(users: UpstreamConfig, route: Partial<RouteConfig> = { retry: 2 }): Promise<RunningGateway> {
  return startGateway({ accessLog: false, upstreams: { users }, routes: [{ path: '/', upstream: 'users', ...route }] });
}

function urlsOf(fleet: readonly Member[]): string[] {
  return fleet.map(({ url }) => url);
}

/** What the gateway tells of its targets. */
function reportOf({ gateway }: RunningGateway): readonly TargetReport[] {
  return gateway.stats().upstreams.users?.targets ?? [];
}

function stateOf(running: RunningGateway, { url }: Member): TargetReport['state'] | undefined {
  return reportOf(running).find((target) => target.url === url)?.state;
}

/** Nothing is counted twice, and nothing forgotten. */
function expectFigures(running: RunningGateway, load: Load): void {
  const targets = reportOf(running);
  expect(targets.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  expect(targets.reduce((sum, { requests, failures }) => sum + requests - failures, 0)).toBe(load.answered);
}

describe('a target that is killed', () => {
  it.each<NonNullable<UpstreamConfig['balance']>>([
    'round-robin',
    'least-connections',
    'random',
    'p2c-ewma',
    { strategy: 'consistent-hash', by: { header: 'x-user' } },
  ])('costs no client its answer: %j', async (balance) => {
    const fleet = await startFleet(program.path);
    const [a, killed, c] = fleet;
    const running = await startBalanced({ targets: urlsOf(fleet), balance });
    const load = new Load(running.url);
    const before = load.count();
    await before.reaches(500);
    expect(before.names).toEqual(fleet.map(({ name }) => name).sort());

    await killed.end('SIGKILL');
    const after = load.count();
    await eventually(() => (reportOf(running)[1] as TargetReport).failures > 0, PATIENT);
    await after.reaches(1_000);
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(after.names).toEqual([a.name, c.name].sort());
    expectFigures(running, load);
  });
});

describe('a target that becomes slow', () => {
  it.each(['least-connections', 'p2c-ewma'] as const)('gets less than a tenth of its share: %s', async (balance) => {
    const fleet = await startFleet(program.path);
    const [, slow] = fleet;
    const running = await startBalanced({ targets: urlsOf(fleet), balance });
    // As many as keep the gateway busy: each more only waits, and the more wait the more wait for the slow one.
    const load = new Load(running.url, 16);
    const before = load.count();
    await before.reaches(500);
    expect(before.shareOf(slow.name)).toBeGreaterThan(1 / 6);

    await slow.answer({ delayMs: 500 });
    const after = load.count();
    await after.reaches(3_000);
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(after.shareOf(slow.name)).toBeLessThan(1 / 3 / 10);
    expectFigures(running, load);
  });
});

describe('a target that answers 500', () => {
  it('is ejected before a client sees one, and has its share again after it heals', async () => {
    const fleet = await startFleet(program.path);
    const [, broken] = fleet;
    const running = await startBalanced({ targets: urlsOf(fleet), outlier: { ejectMs: 300 } });
    const load = new Load(running.url);
    await load.count().reaches(500);

    await broken.answer({ status: 500 });
    await eventually(() => stateOf(running, broken) === 'ejected', PATIENT);
    const out = load.count();
    expect(reportOf(running)[1]).toMatchObject({ reason: '5 failures in a row, the last status 500', share: 0 });
    await out.reaches(500);
    expect(out.names).not.toContain(broken.name);

    await broken.answer({ status: 200 });
    await eventually(() => stateOf(running, broken) === 'healthy', PATIENT);
    const back = load.count();
    await back.reaches(1_500);
    await load.stop();
    expect(back.shareOf(broken.name)).toBeGreaterThan(0.3);
    expect(reportOf(running).map(({ share }) => share)).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(load.failed).toEqual([]);
    expectFigures(running, load);
  });
});

describe('a rolling restart', () => {
  /** One after the other, each as soon as the one before it has its share of the requests again. */
  async function restartAll(
    fleet: readonly Member[],
    running: RunningGateway,
    restart: (member: Member) => Promise<void>,
  ): Promise<Load> {
    const load = new Load(running.url);
    await load.count().reaches(500);
    for (const member of fleet) {
      await restart(member);
      await eventually(async () => {
        const latest = load.count();
        await latest.reaches(100);
        return latest.shareOf(member.name) > 0.25;
      }, PATIENT);
    }
    await load.stop();
    expect(load.failed).toEqual([]);
    return load;
  }

  it.each<[string, UpstreamConfig]>([
    ['retries', {}],
    [
      'retries and health checks',
      { health: { intervalMs: 50, unhealthyIntervalMs: 50, unhealthyThreshold: 1, healthyThreshold: 1 } },
    ],
  ])('fails no request with %s', async (_name, config) => {
    const fleet = await startFleet(program.path);
    const running = await startBalanced({ targets: urlsOf(fleet), outlier: { ejectMs: 300 }, ...config });
    const load = await restartAll(fleet, running, (member) => member.restart());
    expectFigures(running, load);
  });

  it('fails no request where each leaves the file before it ends, and nothing is sent twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'innergate-fleet-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, 'users.json');
    function write(members: readonly Member[]): void {
      writeFileSync(`${path}.new`, JSON.stringify(urlsOf(members)));
      renameSync(`${path}.new`, path);
    }
    const fleet = await startFleet(program.path);
    write(fleet);
    const discovery = { source: fileSource({ path }), allowedAddresses: ['loopback'] as const, debounceMs: 0 };
    const running = await startBalanced({ discovery }, {});
    await eventually(() => reportOf(running).length === 3, PATIENT);
    await restartAll(fleet, running, async (member) => {
      write(fleet.filter((other) => other !== member));
      await eventually(() => stateOf(running, member) === undefined, PATIENT);
      await member.restart();
      write(fleet);
    });
  });
});

describe('an ejection that outlasts its reason', () => {
  // There is room for one of three: if the first stayed out, the second could not go, and half of all requests would
  // need a retry, which is more than the budget of retries gives.
  it('costs no client its answer when another target goes meanwhile', async () => {
    const fleet = await startFleet(program.path);
    const [back, gone] = fleet;
    const running = await startBalanced({ targets: urlsOf(fleet) });
    const load = new Load(running.url);
    await load.count().reaches(500);
    await back.restart();
    await eventually(() => stateOf(running, back) === 'ejected', PATIENT);
    await load.count().reaches(1_500);
    await gone.end('SIGTERM');
    await load.count().reaches(4_000);
    await load.stop();
    expect(load.failed).toEqual([]);
  });
});
