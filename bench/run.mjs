/**
 * Measures the gateway against the floor and against its peers, in interleaved rounds.
 *
 *   node bench/run.mjs                                     everything, and writes RESULTS.md (about 30 minutes)
 *   node bench/run.mjs --only floor,innergate-plain --rounds 10
 *   node bench/run.mjs --only floor,innergate-plain --profile innergate-plain
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild, withChildren } from './lib/children.mjs';
import { measureMemory } from './memory.mjs';
import { measureScrape, scrapeText } from './scrape.mjs';
import { installPeers } from './lib/install.mjs';
import { memoryText } from './lib/memory-report.mjs';
import { piecesText } from './lib/pieces-report.mjs';
import { document, speedTable } from './lib/report.mjs';
import { additions, choose } from './lib/setups.mjs';
import { speedVerdict } from './lib/verdict.mjs';

const directory = fileURLToPath(new URL('.', import.meta.url));

const { values, settings } = readOptions();

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        starts: { type: 'string', default: '3' },
        rounds: { type: 'string', default: '3' },
        slices: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '0.25' },
        warmup: { type: 'string', default: '5' },
        connections: { type: 'string', default: '64' },
        profile: { type: 'string' },
        'no-memory': { type: 'boolean', default: false },
      },
    });
    const atLeast = (least, name) => {
      const number = Number(values[name]);
      if (number >= least) return number;
      throw new Error(`--${name}: expected a number of at least ${least}, got ${values[name]}`);
    };
    const settings = {
      starts: atLeast(1, 'starts'),
      rounds: atLeast(1, 'rounds'),
      slices: atLeast(1, 'slices'),
      seconds: atLeast(0.1, 'seconds'),
      warmup: atLeast(0.1, 'warmup'),
      // After a rest of some seconds a program on V8 takes up to twice as long for a while, the more the larger it is,
      // and a setup that is one of many rests most of the time.
      rewarm: 1,
      connections: atLeast(1, 'connections'),
    };
    return { values, settings };
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

/** One slice of load on one setup, and what it took. The CPU time is read while nothing is in flight. */
async function slice(load, child, seconds) {
  await load.ask('open', { port: child.port, headers: child.headers, count: settings.connections });
  const before = await child.ask('usage');
  const run = await load.ask('run', { ms: seconds * 1e3 }, seconds * 1e3 + 20_000);
  const after = await child.ask('usage');
  await load.ask('close');
  const cpu = (after.cpuMicros - before.cpuMicros) / run.count;
  return { cpu, rps: run.count / run.seconds, p50: run.p50, p99: run.p99, rss: after.peakRss, ...run };
}

async function measureSpeed(chosen) {
  const entries = chosen.map((setup) => ({ ...setup, rounds: [] }));
  await measureStarts(entries, (options) =>
    inTurn(entries, ({ name }) => startChild(`setups/${name}.mjs`, { options, execArgv: profileArguments(name) })),
  );
  return entries;
}

/**
 * What these setups add is less than what sets two processes of one program apart, so here one process has all of them,
 * and a plain one. That is asked before each of them with the same bytes. Only the differences are worth something.
 */
async function measureAdded(names) {
  const floor = { name: 'floor', rounds: [] };
  const pairs = names.map((name) => {
    const plain = { name: 'innergate-plain', rounds: [] };
    return [plain, { name, rounds: [], plain }];
  });
  const entries = [floor, ...pairs.flat()];
  await measureStarts(entries, async (options) => {
    const bare = await startChild('setups/floor.mjs', { options });
    const together = await startChild('setups/innergate-together.mjs', { options: { ...options, names } });
    const started = await together.ask('started');
    const gateways = names.flatMap((name) => [{ ...started[name], port: together.port }, started[name]]);
    return [bare, ...gateways.map((gateway) => ({ ...together, ...gateway }))];
  });
  return entries;
}

/** Fresh processes for every start: two processes of one program differ for their whole life. */
async function measureStarts(entries, startChildren) {
  const upstream = await startChild('upstreams/small.mjs');
  const load = await startChild('lib/load.mjs');
  for (let start = 1; start <= settings.starts; start++) {
    console.log(`start ${start}/${settings.starts}: warming up`);
    const children = await startChildren({ upstream: `http://127.0.0.1:${upstream.port}` });
    await measureRounds(entries, children, load);
    await inTurn(children, (child) => child.stop());
  }
  await inTurn([load, upstream], (child) => child.stop());
}

async function measureRounds(entries, children, load) {
  const floorAt = entries.findIndex(({ name }) => name === 'floor');
  await inTurn(children, (child) => slice(load, child, settings.warmup));
  for (let round = 0; round < settings.rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const at = (round + turn) % entries.length;
      const floor =
        at === floorAt || floorAt === -1 ? undefined : { ...children[floorAt], headers: children[at].headers };
      entries[at].rounds.push(...(await measureTurn(load, children[at], floor)));
    }
    const figures = entries.map(({ name, rounds }) => `${name} ${rounds.at(-1).cpu.toFixed(1)}`);
    console.log(`round ${round + 1}/${settings.rounds} (µs CPU/request): ${figures.join(' · ')}`);
  }
}

/** Slices of a setup and of the floor, one by one: what slows the machine for a while hits both. */
async function measureTurn(load, child, floor) {
  const slices = [];
  await slice(load, child, settings.rewarm);
  if (floor !== undefined) await slice(load, floor, settings.rewarm);
  while (slices.length < settings.slices) {
    const before = floor && (await slice(load, floor, settings.seconds));
    slices.push({ ...(await slice(load, child, settings.seconds)), floor: before });
  }
  return slices;
}

async function inTurn(items, work) {
  const results = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function profileArguments(name) {
  if (name !== values.profile) return [];
  const target = mkdtempSync(join(tmpdir(), 'innergate-bench-profile-'));
  console.log(`profiling ${name} (its own figures are off by that): ${target}`);
  return ['--cpu-prof', `--cpu-prof-dir=${target}`];
}

/** In a process of their own, which has compiled nothing yet. */
async function measurePiecesApart() {
  console.log('the pieces');
  const child = await startChild('pieces.mjs');
  const pieces = await child.ask('measure', {}, 20 * 60_000);
  await child.stop();
  return pieces;
}

/** A stopped client and idle ones take minutes to measure; the others behave like one of these. */
const MEMORY_SETUPS = new Set(['floor', 'innergate-plain', 'node-http-only', 'fast-proxy', 'http-proxy-3']);

async function main() {
  const chosen = choose(values.only);
  const isChosen = (name) => chosen.some((setup) => setup.name === name);
  if (values.profile !== undefined && !isChosen(values.profile)) {
    throw new Error(`--profile ${values.profile}: that setup is not in this run`);
  }
  installPeers();
  const entries = await measureSpeed(chosen);
  console.log(`\n${speedTable(entries)}\n`);
  const groups = additions.map((names) => names.filter(isChosen)).filter((names) => names.length > 0);
  const added = (await inTurn(groups, measureAdded)).flat();
  console.log(`\n${speedVerdict(entries, added).join('\n')}\n`);
  const failed = [...entries, ...added].filter(({ rounds }) => rounds.some(({ problems }) => problems.length > 0));
  for (const { name, rounds } of failed) {
    console.error(`${name} gave wrong answers:`, rounds.flatMap(({ problems }) => problems).slice(0, 5));
  }
  if (failed.length > 0) process.exitCode = 1;

  const whole = values.only === undefined && values.profile === undefined;
  if (!whole || values['no-memory']) return;
  const memory = await measureMemory(chosen.map(({ name }) => name).filter((name) => MEMORY_SETUPS.has(name)));
  console.log(`\n${memoryText(memory)}\n`);
  const scrape = await measureScrape();
  console.log(`\n${scrapeText(scrape)}\n`);
  const pieces = await measurePiecesApart();
  console.log(`\n${piecesText(pieces)}`);
  writeFileSync(join(directory, 'RESULTS.md'), document({ entries, added, pieces, memory, scrape, settings }));
  console.log('wrote bench/RESULTS.md');
}

try {
  await withChildren(main);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
