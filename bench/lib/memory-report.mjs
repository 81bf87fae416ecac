import { table } from './report.mjs';
import { medianOf } from './stats.mjs';
import { idleRatio } from './verdict.mjs';

const mb = (bytes) => (bytes / 1024 / 1024).toFixed(1);
const kb = (bytes) => (bytes / 1024).toFixed(1);

/** The two tables of the memory checks, as Markdown. */
export function memoryText({ download, idle, megabytes, clients }) {
  const bare = idle[0];
  const stopped = download.map((row) => [row.name, mb(row.peakGrowth), mb(row.growth), mb(row.pulled)]);
  const connected = idle.map((row) => {
    const cells = ['rss', 'live'].flatMap((key) => [
      kb(medianOf(row.runs, (run) => run[key])),
      idleRatio(row, bare, key).median.toFixed(2),
    ]);
    return [row.name, ...cells];
  });
  const times = `x ${bare?.name}`;
  return `### ${megabytes} MB to a client that stops reading after the head

${table(['setup', 'RSS growth, highest (MB)', 'RSS growth after gc (MB)', 'taken from the upstream (MB)'], stopped)}

### ${clients.toLocaleString('en')} idle keep-alive clients, each after one request

${table(['setup', 'RSS per client (KB)', times, 'live heap per client (KB)', times], connected)}`;
}
