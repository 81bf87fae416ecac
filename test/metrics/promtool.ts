import { spawnSync } from 'node:child_process';

/** What Prometheus itself has to say about the text of a scrape; `''` = nothing. */
export function checkMetrics(text: string): string {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return status === 0 && stderr === '' ? '' : `exit ${String(status)}: ${stdout}${stderr}`;
}
