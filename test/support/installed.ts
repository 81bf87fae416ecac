import { spawnSync } from 'node:child_process';

/**
 * False where a suite has to be skipped, since a program is not installed. In CI it never is: a suite that does not run
 * there guards nothing.
 */
export function isInstalled(program: string): boolean {
  const runs = spawnSync(program, ['--version']).status === 0;
  if (!runs) process.stderr.write(`${program} is not installed: skipped\n`);
  return runs || process.env.CI !== undefined;
}
