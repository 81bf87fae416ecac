import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundle, type Bundle } from '../support/bundle.js';
import { eventually } from '../support/eventually.js';
import { seededRandom } from '../support/random.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  gate,
  getRaw,
  problemOf,
  send,
  startGateway,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

let program: Bundle;

beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('./fixtures/server.ts', import.meta.url)));
});
afterAll(() => {
  program.remove();
});

interface Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  /** Exit code and signal. */
  readonly gone: Promise<readonly [number | null, NodeJS.Signals | null]>;
  stdout(): string;
  stderr(): string;
}

/** The gateway of `fixtures/server.ts` in a process of its own. */
async function startProgram(env: {
  TARGET: string;
  DRAIN_MS: string;
  DELAY_MS?: string;
  LOG?: string;
}): Promise<Program> {
  const child = spawn(process.execPath, [program.path], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const gone = once(child, 'exit').then(
    ([code, signal]: unknown[]) => [code, signal] as [number | null, NodeJS.Signals | null],
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await gone;
  });
  const url = await eventually(
    () => {
      const announced = /listens on (http:\S+)/.exec(stdout)?.[1];
      if (announced === undefined) throw new Error(`not announced yet: ${stdout}${stderr}`);
      return announced;
    },
    { withinMs: 10_000 },
  );
  return { child, url, port: Number(new URL(url).port), gone, stdout: () => stdout, stderr: () => stderr };
}

describe('SIGTERM', () => {
  it('under constant load fails no request, and the process is gone within its deadline', async () => {
    const random = seededRandom(11);
    const origin = await startUpstream(async (_request, response) => {
      await sleep(random.int(20));
      response.end('ok');
    });
    const program = await startProgram({ TARGET: origin.url, DRAIN_MS: '5000' });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => {
      agent.destroy();
    });
    const failed: string[] = [];
    let answered = 0;
    let refused = 0;

    /** A client that goes elsewhere once it finds the door closed, as one behind a load balancer does. */
    async function keepAsking(): Promise<void> {
      for (;;) {
        try {
          const { status } = await send(program.url, { agent });
          if (status === 200) answered++;
          else failed.push(String(status));
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          if (code === 'ECONNREFUSED') {
            refused++;
            return;
          }
          failed.push(code ?? message);
        }
      }
    }
    const clients = times(32, keepAsking);
    await eventually(() => answered > 200, { withinMs: 8_000 });
    const before = answered;
    program.child.kill('SIGTERM');
    const started = performance.now();
    expect(await program.gone).toEqual([0, null]);
    expect(performance.now() - started).toBeLessThan(5_000);
    await clients;
    expect(failed).toEqual([]);
    expect(refused).toBe(32);
    expect(answered).toBeGreaterThanOrEqual(before);
    expect(program.stderr()).toBe('');
  });

  it('loses no line of the log', async () => {
    const origin = await startUpstream();
    const program = await startProgram({ TARGET: origin.url, DRAIN_MS: '5000', LOG: 'yes' });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => {
      agent.destroy();
    });
    const sent = new Set<string>();
    const answered = new Set<string>();

    async function keepAsking(client: number): Promise<void> {
      try {
        for (let request = 0; ; request++) {
          const path = `/${client}/${request}`;
          sent.add(path);
          await send(program.url + path, { agent });
          answered.add(path);
        }
      } catch {
        // The door is closed.
      }
    }
    const clients = Promise.all(Array.from({ length: 16 }, (_, client) => keepAsking(client)));
    await eventually(() => answered.size > 500, { withinMs: 8_000 });
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    await clients;
    const lines = program
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    const logged = lines.map((line) => (JSON.parse(line) as { path: string }).path);
    expect(logged.filter((path) => !sent.has(path))).toEqual([]);
    expect([...answered].filter((path) => !logged.includes(path))).toEqual([]);
    expect(new Set(logged).size).toBe(logged.length);
  });

  it('turns readiness off at once, and serves as ever until the delay is over', async () => {
    const origin = await startUpstream();
    const program = await startProgram({ TARGET: origin.url, DRAIN_MS: '5000', DELAY_MS: '1500' });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => {
      agent.destroy();
    });
    expect((await send(`${program.url}/readyz`, { agent })).status).toBe(200);
    program.child.kill('SIGTERM');
    await eventually(async () => (await send(`${program.url}/readyz`, { agent })).status === 503);
    const { status, headers } = await send(program.url, { agent });
    expect(status).toBe(200);
    expect(headers.connection).toBe('keep-alive');
    expect((await send(`${program.url}/livez`, { agent })).status).toBe(200);
    expect(await program.gone).toEqual([0, null]);
  });

  it('lets a long request finish', async () => {
    const finish = gate();
    const origin = await startUpstream(async (_request, response) => {
      response.write('first half, ');
      await finish.opened;
      response.end('second half');
    });
    const program = await startProgram({ TARGET: origin.url, DRAIN_MS: '5000' });
    const client = getRaw(program);
    await eventually(() => client.received().includes('first half'));
    program.child.kill('SIGTERM');
    await eventually(async () => {
      const probe = connectTo(program);
      const isAccepted = await probe.connected.then(
        () => true,
        () => false,
      );
      probe.destroy();
      return !isAccepted;
    });
    finish.open();
    const response = await client.response();
    expect(response.body.toString()).toBe('first half, second half');
    expect(response.complete).toBe(true);
    expect(await program.gone).toEqual([0, null]);
  });

  it('ends the process at the deadline where a request never finishes, and where clients hold idle connections', async () => {
    const origin = await startUpstream(() => undefined);
    const program = await startProgram({ TARGET: origin.url, DRAIN_MS: '200' });
    const idle = connectTo(program);
    await idle.connected;
    const hanging = getRaw(program);
    await eventually(() => origin.requests.length === 1);
    const started = performance.now();
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    expect(performance.now() - started).toBeLessThan(4_000);
    await Promise.all([hanging.closed, idle.closed]);
  });
});

describe('a gateway that drains', () => {
  it('turns health to 503 at once, and asks clients to leave, while it answers what is in flight', async () => {
    const finish = gate();
    const origin = await startUpstream(async (request, response) => {
      if (request.url === '/slow') await finish.opened;
      response.end('answered');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const slow = getRaw(running, '/slow');
    await eventually(() => origin.requests.length === 1);
    expect((await send(`${running.url}/health`)).status).toBe(200);
    const closing = running.listener.close({ timeoutMs: 5_000 });
    const health = await send(`${running.url}/health`);
    expect(health.status).toBe(503);
    expect(JSON.parse(health.text)).toMatchObject({ status: 'unhealthy' });
    const next = getRaw(running, '/next');
    const accepted = await next.response();
    expect(accepted.status).toBe(200);
    expect(accepted.headers.connection).toBe('close');
    await next.closed;
    finish.open();
    expect((await slow.response()).body.toString()).toBe('answered');
    await closing;
  });

  it('refuses with 503 once it is closed, and says when to come back', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    await send(running.url);
    await running.listener.close();
    const client = getRaw(running);
    const response = await client.response();
    expect(problemOf(response.body)).toEqual({ status: 503, code: 'ERR_GATEWAY_DRAINING' });
    expect(response.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
    await client.closed;
    expect(origin.requests).toHaveLength(1);
  });

  it('waits for an upload, and for a client that is slow to read', async () => {
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = connectTo(running);
    client.write('POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 10\r\n\r\nfirst');
    await eventually(() => origin.requests.length === 1);
    let isClosed = false;
    const closing = running.listener.close({ timeoutMs: 5_000 }).then(() => (isClosed = true));
    await sleep(50);
    expect(isClosed).toBe(false);
    client.write('after');
    const response = await client.response();
    expect(JSON.parse(response.body.toString())).toMatchObject({ body: 'firstafter' });
    await closing;
  });

  it('does not wait for a client that leaves', async () => {
    const origin = await startUpstream(() => undefined);
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const client = getRaw(running);
    await eventually(() => origin.requests.length === 1);
    const closing = running.listener.close({ timeoutMs: 60_000 });
    client.destroy();
    await closing;
  });

  it('ends what is in flight at its deadline with 503, or cuts it off in the middle', async () => {
    const origin = await startUpstream((request, response) => {
      if (request.url === '/half') response.write('half');
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url }] });
    const [none, half] = [getRaw(running, '/none'), getRaw(running, '/half')];
    await eventually(() => origin.requests.length === 2);
    await eventually(() => half.received().includes('half'));
    await running.listener.close({ timeoutMs: 20 });
    expect((await none.response()).status).toBe(503);
    expect((await half.response()).complete).toBe(false);
    await eventually(() => origin.connections === 0);
  });

  it('may be closed twice, and before its first request', async () => {
    const running = await startGateway({ routes: [{ path: '/', target: `http://127.0.0.1:${await freePort()}` }] });
    await Promise.all([running.listener.close(), running.listener.close()]);
    await running.listener.close();
    expect((await send(running.url)).status).toBe(503);
  });
});
