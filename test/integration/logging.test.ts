/** Gateways in processes of their own, whose log has nowhere to go, or goes slowly: they serve on, and lose nothing. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundle, type Bundle } from '../support/bundle.js';
import { eventually } from '../support/eventually.js';
import { failOnUncaught, send, startUpstream, times } from './harness.js';

failOnUncaught();

const SCRIPT = fileURLToPath(new URL('./fixtures/observed-server.ts', import.meta.url));
let program: Bundle;

beforeAll(async () => {
  program = await bundle(SCRIPT);
});
afterAll(() => {
  program.remove();
});
/** It takes a while to load on a machine that is busy. */
const PATIENT = { timeout: 60_000 };

interface Program {
  readonly child: ChildProcess;
  readonly url: string;
  /** Exit code and signal. */
  readonly gone: Promise<[number | null, NodeJS.Signals | null]>;
  readonly isGone: boolean;
  stderr(): string;
}

/** @param stdout A descriptor, or `'pipe'`. */
async function startProgram(
  stdout: number | 'pipe',
  logger = 'stdout',
  more: NodeJS.ProcessEnv = {},
): Promise<Program> {
  const origin = await startUpstream((_request, response) => response.end('ok'));
  const child = fork(program.path, {
    env: { ...process.env, TARGET: origin.url, LOGGER: logger, ...more },
    stdio: ['ignore', stdout, 'pipe', 'ipc'],
  });
  let stderr = '';
  let isGone = false;
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const gone = once(child, 'exit').then((result: unknown[]) => {
    isGone = true;
    return result as [number | null, NodeJS.Signals | null];
  });
  onTestFinished(async () => {
    if (!isGone) child.kill('SIGKILL');
    await gone;
  });
  const port = await Promise.race([once(child, 'message'), gone.then(() => [`ended: ${stderr}`])]);
  const url = `http://127.0.0.1:${String(port[0])}`;
  return {
    child,
    url,
    gone,
    stderr: () => stderr,
    get isGone() {
      return isGone;
    },
  };
}

function agentOf(maxSockets: number): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets });
  onTestFinished(() => {
    agent.destroy();
  });
  return agent;
}

/** Sends requests over some connections; the paths of those that were answered. */
async function load({ url }: Program, count: number): Promise<string[]> {
  const agent = agentOf(16);
  const paths = Array.from({ length: count }, (_, index) => `/request-${index}`);
  let next = 0;
  await times(16, async () => {
    for (let path = paths[next++]; path !== undefined; path = paths[next++])
      expect((await send(url + path, { agent })).status).toBe(200);
  });
  return paths;
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Of the lines of a log, those that are whole. */
function pathsOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { path: string }).path);
}

function expectAll(logged: readonly string[], answered: readonly string[]): void {
  const seen = new Set(logged);
  expect(answered.filter((path) => !seen.has(path))).toEqual([]);
  expect(seen.size).toBe(logged.length);
}

describe('a logger that fails', () => {
  it.each([
    ['throws', /\[ERR_GATEWAY_LOGGER\]/g],
    ['rejects', /\[ERR_GATEWAY_LOGGER\]/g],
    ['a sink that throws', /\[ERR_GATEWAY_LOG_SINK\]/g],
    ['a format that throws', /\[ERR_GATEWAY_LOG_FORMAT\]/g],
    ['a skip that throws', /\[ERR_GATEWAY_LOG_SKIP\]/g],
  ])('harms no request, and one warning tells of it: %s', PATIENT, async (logger, warning) => {
    const program = await startProgram('pipe', logger);
    let stdout = '';
    program.child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const answered = await load(program, 300);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    expect(countOf(program.stderr(), warning)).toBe(1);
    expectAll(pathsOf(`${stdout}\n${program.stderr()}`), answered);
  });

  it('harms no request where it never says that it is done', PATIENT, async () => {
    const program = await startProgram('pipe', 'hangs');
    program.child.stdout?.resume();
    await load(program, 300);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    expect(program.stderr()).toBe('');
  });
});

describe('a full disk behind standard output', () => {
  // Not pino: on a full disk its own stream stops the process for good.
  it.each(['stdout', 'console', 'winston'])('harms no request with the log written by %s', PATIENT, async (logger) => {
    const full = openSync('/dev/full', 'w');
    const program = await startProgram(full, logger);
    closeSync(full);
    await load(program, 500);
    const { text } = await send(`${program.url}/metrics`);
    expect(text).toContain('http_server_request_duration_seconds_count');
    await load(program, 500);
    expect(program.isGone).toBe(false);
    if (logger === 'stdout') expect(countOf(program.stderr(), /\(node:\d+\) /g)).toBe(1);
    if (logger === 'stdout') expect(program.stderr()).toMatch(/\[ERR_GATEWAY_LOG_WRITE\].*ENOSPC/);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
  });

  it('ends no process that says where it listens', PATIENT, async () => {
    const full = openSync('/dev/full', 'w');
    const program = await startProgram(full, 'stdout', { ANNOUNCE: 'yes' });
    closeSync(full);
    await load(program, 100);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
  });

  it('harms no request where it is a pipe that nobody reads any more', PATIENT, async () => {
    const program = await startProgram('pipe');
    program.child.stdout?.destroy();
    await load(program, 500);
    await eventually(() => expect(program.stderr()).toMatch(/\[ERR_GATEWAY_LOG_WRITE\].*EPIPE/));
    await load(program, 500);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    expect(countOf(program.stderr(), /\(node:\d+\) /g)).toBe(1);
  });
});

describe('after close', () => {
  it('the process ends by itself, with everything on, a check that hangs and clients that stay', PATIENT, async () => {
    const program = await startProgram('pipe');
    let stdout = '';
    program.child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const answered = await load(program, 50);
    const hanging = send(`${program.url}/health`).then(
      ({ status }) => status,
      () => 0,
    );
    await send(`${program.url}/metrics`);
    program.child.send('close');
    expect(await program.gone).toEqual([0, null]);
    expect([0, 503]).toContain(await hanging);
    expect(program.stderr()).toBe('');
    expectAll(
      pathsOf(stdout).filter((path) => path.startsWith('/request')),
      answered,
    );
  });
});

describe('SIGTERM loses no line', () => {
  it('of a log that is a file', PATIENT, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'innergate-log-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const file = openSync(join(folder, 'log'), 'a');
    const program = await startProgram(file);
    closeSync(file);
    const answered = await load(program, 3_000);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
    const text = readFileSync(join(folder, 'log'), 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    expectAll(pathsOf(text), answered);
  });

  it('of a log that is a pipe with a slow reader', PATIENT, async () => {
    const program = await startProgram('pipe');
    const { stdout } = program.child;
    if (stdout === null) throw new Error('there is no pipe');
    const answered = await load(program, 5_000);
    program.child.kill('SIGTERM');
    let text = '';
    for await (const chunk of stdout) {
      text += (chunk as Buffer).toString();
      await sleep(20);
    }
    expect(await program.gone).toEqual([0, null]);
    expectAll(pathsOf(text), answered);
  });

  it('and does not wait for a reader who never reads', PATIENT, async () => {
    const program = await startProgram('pipe');
    await load(program, 3_000);
    program.child.kill('SIGTERM');
    expect(await program.gone).toEqual([0, null]);
  });
});
