/** Targets that come and go all the time, in front of real servers: nobody is to notice, and nothing is to stay behind. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DiscoverySource, TargetsListener } from '../../src/discovery/index.js';
import { bundle, type Bundle } from '../support/bundle.js';
import { eventually } from '../support/eventually.js';
import { reply } from '../support/raw-upstream.js';
import type { Upstream } from '../support/upstream.js';
import type { Held } from './fixtures/churning-server.js';
import { Load, PATIENT } from './fleet.js';
import { failOnUncaught, MB, send, startGateway, startRawUpstream, startUpstream, times } from './harness.js';

failOnUncaught();
vi.setConfig({ testTimeout: 120_000 });

let program: Bundle;

beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('./fixtures/churning-server.ts', import.meta.url)));
});
afterAll(() => {
  program.remove();
});

interface Churn {
  readonly child: ChildProcess;
  readonly url: string;
  readonly origins: readonly Upstream[];
  /** Resolves when so many updates were made since the start. */
  reach(updates: number): Promise<void>;
  held(): Promise<Held>;
  /** Closes the gateway in the middle of it all, and tells what is held after that. */
  close(): Promise<Held>;
  stderr(): string;
}

/** A gateway of `fixtures/churning-server.ts` in front of six servers. */
async function startChurn(env: NodeJS.ProcessEnv = {}): Promise<Churn> {
  const origins = await times(6, (index) => startUpstream((_request, response) => response.end(String(index))));
  const child = fork(program.path, {
    env: { ...process.env, ORIGINS: origins.map(({ url }) => url).join(), ...env },
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });

  async function ask<Reply>(message: string | number): Promise<Reply> {
    child.send(message);
    const [answer] = (await once(child, 'message')) as [Reply];
    return answer;
  }
  const [url] = (await once(child, 'message')) as [string];
  return {
    child,
    url,
    origins,
    reach: (updates) => ask(updates),
    held: () => ask('held'),
    close: () => ask('close'),
    stderr: () => stderr,
  };
}

function connectionsOf(origins: readonly Upstream[]): number {
  return origins.reduce((sum, { connections }) => sum + connections, 0);
}

describe('1,000 updates of a set of targets under load', () => {
  it('fail no request, and leave no socket, no timer and nothing in memory', async () => {
    const churn = await startChurn();

    /** What is held when so many updates were made, and all is quiet. */
    async function afterUpdates(updates: number): Promise<Held> {
      const load = new Load(churn.url);
      await churn.reach(updates);
      await load.stop();
      expect(load.failed).toEqual([]);
      expect(load.answered).toBeGreaterThan(updates);
      await eventually(() => connectionsOf(churn.origins) === 0, PATIENT);
      return eventually(async () => {
        const held = await churn.held();
        expect(held.resources.TCPSocketWrap).toBeUndefined();
        return held;
      }, PATIENT);
    }
    const early = await afterUpdates(100);
    const late = await afterUpdates(1_000);
    expect(churn.origins.every(({ requests }) => requests.length > 0)).toBe(true);
    expect(late.resources).toEqual(early.resources);
    for (const [origin, open] of Object.entries(late.pools)) {
      expect(late.targets).toContain(origin);
      expect(open).toBe(0);
    }
    // What the engine learns on the way takes 1 MB, and nothing more after 1,000; kept targets would take 8.
    expect(late.heapUsed - early.heapUsed).toBeLessThan(2 * MB);
  });
});

describe('a gateway that closes while its targets come and go', () => {
  it.each([0, 2_000])(
    'holds nothing, so that its process ends, with %i ms for what is in flight',
    async (timeoutMs) => {
      // A connection that is left would keep the process for a minute.
      const churn = await startChurn({ DRAIN_MS: String(timeoutMs), KEEP_ALIVE_MS: '60000' });
      const load = new Load(churn.url);
      await load.count().reaches(200);
      const gone = once(churn.child, 'exit');
      const [held] = await Promise.all([churn.close(), load.stop()]);
      expect(await gone).toEqual([0, null]);
      expect(held.pools).toEqual({});
      expect(churn.stderr()).toBe('');
      await eventually(() => connectionsOf(churn.origins) === 0, PATIENT);
    },
  );
});

describe('a request on its way to a target that leaves', () => {
  /** A target that may leave, and the gateway in front. */
  async function startLeaving(onRequest: (request: number, socket: Socket, leave: () => void) => unknown) {
    let tell: TargetsListener = () => undefined;
    const source: DiscoverySource = {
      name: 'own',
      subscribe(onTargets) {
        tell = onTargets;
        return () => undefined;
      },
    };
    let requests = 0;
    const leaving = await startRawUpstream((_request, socket) =>
      onRequest(++requests, socket, () => {
        tell([{ url: other.url }]);
      }),
    );
    const other = await startUpstream((_request, response) => response.end('other'));
    const running = await startGateway({
      upstreams: { users: { discovery: { source, allowedAddresses: ['loopback'], debounceMs: 0 } } },
      routes: [{ path: '/', upstream: 'users' }],
    });
    tell([{ url: leaving.url }]);
    return { running, leaving };
  }

  it('is answered there, and the connection is closed after it', async () => {
    const { running, leaving } = await startLeaving((_request, socket, leave) => {
      leave();
      setTimeout(() => reply(socket, 200, {}, 'leaving'), 50);
    });
    expect(await send(running.url)).toMatchObject({ status: 200, text: 'leaving' });
    await eventually(() => leaving.connections === 0, PATIENT);
    expect(Object.keys(running.gateway.stats().pools)).toEqual([]);
    expect(await send(running.url)).toMatchObject({ status: 200, text: 'other' });
  });

  it('is sent again where its connection, which had served before, dies without a byte', async () => {
    const { running, leaving } = await startLeaving((request, socket, leave) => {
      if (request === 2) {
        leave();
        setTimeout(() => socket.destroy(), 50);
      } else {
        reply(socket, 200, {}, `answer ${request}`);
      }
    });
    expect(await send(running.url)).toMatchObject({ status: 200, text: 'answer 1' });
    expect(await send(running.url)).toMatchObject({ status: 200, text: 'answer 3' });
    await eventually(() => leaving.connections === 0, PATIENT);
  });
});
