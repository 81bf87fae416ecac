import { pinned } from './children.mjs';
import { nginxVersion } from './nginx.mjs';
import { isOurs, ownUndici, versionOf } from './setups.mjs';
import { medianOf, ratios } from './stats.mjs';
import { machineText, memoryVerdict, speedVerdict } from './verdict.mjs';
import { memoryText } from './memory-report.mjs';
import { scrapeText } from '../scrape.mjs';
import { piecesMethod, piecesText } from './pieces-report.mjs';

/** The measures of a slice; `better: 1` means that more is better. */
export const measures = [
  { key: 'cpu', name: 'CPU time per request', better: -1 },
  { key: 'rps', name: 'throughput', better: 1 },
  { key: 'p50', name: 'median latency', better: -1 },
  { key: 'p99', name: 'p99 latency', better: -1 },
  { key: 'rss', name: 'peak memory', better: -1 },
];

/** Ratios of one setup to another, round by round; to the floor, to the slice of it that ran right before. */
export const compare = (entry, base, key) => {
  const baseRounds = entry.rounds.map(({ floor }, i) => (base.name === 'floor' && floor) || base.rounds[i]);
  return ratios(entry.rounds, baseRounds, (round) => round[key]);
};

/** The main table, as Markdown. What everything is measured against is the floor, or the first of the run. */
export function speedTable(entries) {
  const base = entries.find(({ name }) => name === 'floor') ?? entries[0];
  const rows = entries.map((entry) => {
    const { name, rounds } = entry;
    const { median, low, high } = compare(entry, base, 'cpu');
    const of = (key) => medianOf(rounds, (round) => round[key]);
    const wrong = rounds.flatMap(({ problems }) => problems).reduce((sum, [, times]) => sum + times, 0);
    return [
      name,
      of('cpu').toFixed(1),
      `**${median.toFixed(2)}**`,
      `${low.toFixed(2)}-${high.toFixed(2)}`,
      Math.round(of('rps')).toLocaleString('en'),
      (of('p50') / 1e3).toFixed(2),
      (of('p99') / 1e3).toFixed(2),
      (Math.max(...rounds.map(({ rss }) => rss)) / 1024 / 1024).toFixed(0),
      String(wrong),
    ];
  });
  const head = [
    'setup',
    'µs CPU/request',
    `x ${base.name}`,
    'middle half',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'peak RSS MB',
  ];
  return table([...head, 'wrong answers'], rows);
}

/** Aligned, so that it reads in a terminal as well. */
export function table(head, rows) {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((c, i) => (i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** RESULTS.md. */
export function document({ entries, added, pieces, memory, scrape, settings }) {
  const { starts, rounds, slices, seconds, rewarm, warmup, connections } = settings;
  const upstream = nginxVersion() ? `nginx ${nginxVersion()}, one worker` : 'a node:http server';
  return `# Benchmark results

Written by \`npm run bench\`; run it to get those of your own machine. Compare the ratios, not the microseconds.

## Method

- Machine: ${machineText()}.
- Everything runs on it at once, on 127.0.0.1: load generator, setup and upstream share the machine. So requests per
  second and latency say what the three reach together, and a setup that is faster than the load generator shows it in
  CPU time only. **CPU time per request of the setup's own process is the figure to read.**
- Each setup is a process of its own, started ${starts} times, since two processes of one program differ for their whole
  life. Each start is warmed up for ${warmup} s and has ${rounds} rounds, in each of which every setup has its
  turn, in an order that rotates. In a turn the setup and the floor run for ${rewarm} s each to get over their rest, then in
  turns for ${seconds} s, ${slices} times, with the same requests: what slows the machine for a while hits both. Each slice
  of a setup is compared with that of the floor right before it; the median of the ratios is shown, with their middle
  half.
- ${pinned ? 'The setup has one core to itself, load generator and upstream have another.' : 'The processes are not tied to cores.'}
- The CPU time is user plus system time of the process with all its threads, read while nothing is in flight, divided
  by the exact count of answers.
- Load: ${connections} keep-alive connections with one request in flight each, from one process that checks status and
  length of every answer. GET with the headers of a browser; the answer is a JSON body of about 200 bytes.
- Where a setup asks for a token, every request carries one of about 300 bytes (HS256) or 600 (RS256), always the same,
  and where it has CORS, an \`Origin\`; the floor that it is compared with carries them, too.
- Upstream: ${upstream}. Every proxy keeps up to 128 connections to it.
- What the protections or a token add is less than what sets two processes apart, so for those figures of the verdict
  one process has the plain gateway and the others, each on a port, in as many starts and rounds of their own. The plain
  one gets the same bytes, the token too.
- \`floor\` is the least that a proxy on Node can do: a bare undici \`Pool.dispatch\` written straight to the response,
  headers forwarded, streamed with back-pressure, and no policy, no routing, no forwarded-for headers, no guards.

## Speed

${speedTable(entries)}

${entries.map(describe).join('\n')}

## Verdict

${speedVerdict(entries, added).join('\n')}

## Pieces

${piecesMethod(pieces)}

${piecesText(pieces)}

## Memory

Each figure is from fresh processes, after a warm-up and a garbage collection. The kernel's socket buffers on the way
hold a few megabytes of what was taken from the upstream; that the floor has them too shows how many.

${memoryText(memory)}

${memoryVerdict(memory).join('\n')}

## Scrape

${scrapeText(scrape)}
`;
}

function describe({ name, what, package: installed }) {
  const note = installed ? `${installed} ${versionOf(installed)}` : name === 'nginx' ? `nginx ${nginxVersion()}` : '';
  const inner = { 'fast-proxy': 'fast-proxy/node_modules/undici' }[name];
  const on = { 'fastify-http-proxy': 'fastify', 'http-proxy-middleware': 'express', 'express-glue': 'express' }[name];
  const extras = [
    note,
    inner && `on undici ${versionOf(inner)}`,
    on && `on ${on} ${versionOf(on)}`,
    isOurs(name) && ownUndici() && `on undici ${ownUndici()}`,
  ];
  const text = extras.filter(Boolean).join(', ');
  return `- \`${name}\`: ${what}${text ? ` (${text})` : ''}`;
}
