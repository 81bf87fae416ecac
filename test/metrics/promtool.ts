import { spawnSync } from 'node:child_process';

/** False where a suite has to be skipped. In CI it never is: a suite that does not run there guards nothing. */
export function promtoolIsInstalled(): boolean {
  const isInstalled = spawnSync('promtool', ['--version']).status === 0;
  if (!isInstalled) process.stderr.write('promtool is not installed: skipped\n');
  return isInstalled || process.env.CI !== undefined;
}

/** What Prometheus itself has to say about the text of a scrape; `''` = nothing. */
export function checkMetrics(text: string): string {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return status === 0 && stderr === '' ? '' : `exit ${String(status)}: ${stdout}${stderr}`;
}
