import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis-server.js';
import { isInstalled } from '../support/installed.js';

interface Program {
  stdout(): string;
  start(): void;
}

/** The program `fixtures/redis-calls.ts`, when it is ready to start. */
async function startProgram(env: { REDIS_PORT: string; CALLS: string; LIMIT: string }): Promise<Program> {
  const script = fileURLToPath(new URL('./fixtures/redis-calls.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], { env: { ...process.env, ...env } });
  const gone = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await eventually(
    () => {
      if (!stdout.includes('ready')) throw new Error(`not ready yet: ${stdout}${stderr}`);
    },
    { withinMs: 10_000 },
  );
  return { stdout: () => stdout, start: () => child.stdin.write('\n') };
}

describe.skipIf(!isInstalled('redis-server'))('two processes on one Redis', () => {
  it('let exactly 50 of 200 calls pass where the limit is 50', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const env = { REDIS_PORT: String(server.port), CALLS: '100', LIMIT: '50' };
    const programs = await Promise.all([startProgram(env), startProgram(env)]);
    for (const program of programs) program.start();
    const passed = await eventually(
      () =>
        programs.map((program) => {
          const [, count] = /(\d+) passed/.exec(program.stdout()) ?? [];
          if (count === undefined) throw new Error(`not done yet: ${program.stdout()}`);
          return Number(count);
        }),
      { withinMs: 10_000 },
    );
    expect(passed.reduce((sum, count) => sum + count, 0)).toBe(50);
  });
});
