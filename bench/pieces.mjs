/**
 * Measures single pieces against their peers, in one process and in interleaved rounds.
 *
 *   node bench/pieces.mjs                      all of them (about 2 minutes); run.mjs calls it as well
 *   node bench/pieces.mjs --only limiter --rounds 4 --ms 50
 *   node bench/pieces.mjs --json
 *   node --cpu-prof bench/pieces.mjs --only 'limiter, 1 key' --contender sliding-window
 */
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { installPeers } from './lib/install.mjs';
import { piecesText } from './lib/pieces-report.mjs';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const WARM_UP_MS = 500;
const FLOOD_ROUNDS = 3;

/**
 * @param {{ only?: string, contender?: string, rounds?: number, ms?: number }} [settings] the loads and contenders whose
 * names hold these texts; how many slices each contender gets, and about how long one takes
 */
export async function measurePieces({ only = '', contender = '', rounds = 12, ms = 100 } = {}) {
  const { limiterLoads } = await import('./lib/limiters.mjs');
  const { breakerLoads } = await import('./lib/breakers.mjs');
  const { tokenLoads } = await import('./lib/tokens.mjs');
  const results = [];
  for (const { prepare, contenders, promise, ...rest } of [...breakerLoads, ...limiterLoads, ...tokenLoads]) {
    const chosen = contenders.filter(({ name }) => name.includes(contender));
    if (!rest.name.includes(only) || chosen.length === 0) continue;
    console.error(rest.name);
    const load = { ...rest, ...prepare?.() };
    const entries = await (load.fresh ? measureFlood(load, chosen) : measureLoad(load, chosen, rounds, ms));
    results.push({ name: load.name, entries, promise });
  }
  return { rounds, ms, floodRounds: FLOOD_ROUNDS, loads: results };
}

/** Every contender keeps one engine, and no garbage is collected by force: V8 would forget what it knows of their code. */
async function measureLoad(load, contenders, rounds, ms) {
  const entries = [];
  for (const { open, ...shown } of contenders) {
    const engine = open(load);
    entries.push({ shown, engine, count: await warmUp(engine, load, ms), rounds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < entries.length; place++) {
      const { engine, count, rounds } = entries[(round + place) % entries.length];
      await turn(); // for the timers that are due
      rounds.push({ ns: await timed(engine, load, count) });
    }
  }
  for (const { engine } of entries) await engine.close();
  return entries.map(({ shown, rounds }) => ({ ...shown, rounds }));
}

/** Runs until the code is compiled. @returns how many calls take about `ms` */
async function warmUp(engine, load, ms) {
  let count = 1_000;
  await engine.run(count); // a key that has a limit is over it from now on
  for (const until = performance.now() + WARM_UP_MS; performance.now() < until;) {
    const ns = await timed(engine, load, count);
    count = Math.ceil(Math.min(count * 10, (ms * 1e6) / ns));
  }
  return count;
}

/** The CPU time of a call, with the garbage that it makes. */
async function timed(engine, load, count) {
  const before = process.cpuUsage();
  const passed = await engine.run(count);
  const { user, system } = process.cpuUsage(before);
  if (passed !== load.passes * count) throw new Error(`${load.name}: ${passed} of ${count} calls came through`);
  return ((user + system) * 1e3) / count;
}

/** Every round floods an engine of its own, and says how much is then kept. The first is for the compiler. */
async function measureFlood(load, contenders) {
  const entries = contenders.map((contender) => ({ ...contender, rounds: [] }));
  for (let round = 0; round <= FLOOD_ROUNDS; round++) {
    for (const { open, rounds } of entries) {
      const before = await settledHeap();
      const engine = open(load);
      const ns = await timed(engine, load, load.keys.length);
      const heap = (await settledHeap()) - before;
      if (round > 0) rounds.push({ ns, heap });
      await engine.close();
    }
  }
  return entries.map(({ open, ...entry }) => entry);
}

async function settledHeap() {
  await turn();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What a child process answers, for run.mjs. */
export const start = () => ({ port: 0, questions: { measure: () => measurePieces() } });

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      contender: { type: 'string' },
      rounds: { type: 'string', default: '12' },
      ms: { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
    },
  });
  const settings = { ...values, rounds: Number(values.rounds), ms: Number(values.ms) };
  if (settings.rounds >= 1 && settings.ms >= 1) return settings;
  throw new Error('--rounds and --ms: expected numbers of at least 1');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { json, ...settings } = readOptions();
    installPeers();
    const pieces = await measurePieces(settings);
    console.log(json ? JSON.stringify(pieces, null, 2) : piecesText(pieces));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
