import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { bundle } from '../support/bundle.js';
import { eventually } from '../support/eventually.js';
import { rawUpstream } from '../support/raw-upstream.js';

it('a process exits while checks run', async () => {
  const program = await bundle(fileURLToPath(new URL('./fixtures/watching.ts', import.meta.url)));
  const [hanging, refusing] = [await rawUpstream(() => undefined), await rawUpstream()];
  await refusing.close();
  const env = { ...process.env, HANGING: hanging.url, REFUSING: refusing.url };
  const child = spawn(process.execPath, [program.path], { env });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await hanging.close();
    program.remove();
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually(() => hanging.requests.length === 1 && output === 'connect ECONNREFUSED', { withinMs: 10_000 });
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number | null];
  expect([code, output, hanging.accepted]).toEqual([0, 'connect ECONNREFUSED', 1]);
});
