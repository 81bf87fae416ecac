/**
 * What the gateway keeps in memory: behind a client that stops reading, and for clients that are connected and idle.
 * Alone: `node bench/memory.mjs [setup,setup]`; `run.mjs` calls it at the end of a whole run.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from './lib/connection.mjs';
import { startChild, withChildren } from './lib/children.mjs';
import { installPeers } from './lib/install.mjs';
import { memoryText } from './lib/memory-report.mjs';
import { choose } from './lib/setups.mjs';
import { body, encodeRequest, path } from './lib/traffic.mjs';

const CLIENTS = 1_000;
const REPEATS = 5;
const MEGABYTES = 300;
const execArgv = ['--expose-gc'];

/** @param {string[]} names the setups to measure; those that are not Node processes are left out */
export async function measureMemory(names) {
  const proxies = names.filter((name) => !['nginx', 'node-http-only', 'innergate-10', 'innergate-10k'].includes(name));
  const download = [];
  for (const name of proxies) {
    console.log(`${MEGABYTES} MB to a client that stops reading: ${name}`);
    download.push({ name, ...(await stoppedDownload(name)) });
  }
  const idle = ['node-http-only', 'floor', 'innergate-plain']
    .filter((name) => names.includes(name))
    .map((name) => ({ name, runs: [] }));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    console.log(`${CLIENTS} idle clients, ${repeat + 1}/${REPEATS}`);
    for (const { name, runs } of idle) runs.push(await idleClients(name));
  }
  return { download, idle, megabytes: MEGABYTES, clients: CLIENTS };
}

/** RSS growth of the process, and what it took from the upstream, while the client has read only the head. */
async function stoppedDownload(name) {
  const upstream = await startChild('upstreams/large.mjs');
  const child = await startChild(`setups/${name}.mjs`, { options: optionsFor(upstream), execArgv });
  await get(child, '/8', () => {}); // loads and warms the code of the path
  const before = await settled(child);
  let stalled;
  void get(child, `/${MEGABYTES}`, (socket) => (stalled = socket.pause()));
  let peak = 0;
  for (let sample = 0; sample < 25; sample++) {
    await sleep(100);
    peak = Math.max(peak, (await child.ask('memory', {})).rss);
  }
  const pulled = await upstream.ask('taken');
  const after = await settled(child);
  stalled?.destroy();
  await child.stop();
  await upstream.stop();
  return { peakGrowth: peak - before.rss, growth: after.rss - before.rss, pulled };
}

/** Asks for a path on a connection of its own; resolves when the connection ends. */
function get({ port, headers }, target, onFirstBytes) {
  const keepAlive = encodeRequest(target, headers).toString('latin1');
  const request = keepAlive.replace('Connection: keep-alive', 'Connection: close');
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.once('data', () => onFirstBytes(socket));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.once('close', resolve);
  });
}

/** What 1,000 clients add that have each made one request and stay connected. */
async function idleClients(name) {
  const upstream = await startChild('upstreams/small.mjs');
  const load = await startChild('lib/load.mjs');
  const child = await startChild(`setups/${name}.mjs`, { options: optionsFor(upstream), execArgv });
  await load.ask('open', { port: child.port, headers: child.headers, count: 64 });
  await load.ask('close');
  const before = await settled(child);
  const request = encodeRequest(path, child.headers);
  const clients = [];
  while (clients.length < CLIENTS) {
    const wave = Array.from({ length: 50 }, () => Connection.open(child.port, request, Buffer.byteLength(body)));
    for (const client of await Promise.all(wave)) clients.push(client);
    await Promise.all(clients.slice(-50).map(askOnce));
  }
  const after = await settled(child);
  const left = clients.filter((client) => !client.closed).length;
  for (const client of clients) client.close();
  for (const each of [child, load, upstream]) await each.stop();
  if (left < CLIENTS) throw new Error(`${name}: only ${left} of ${CLIENTS} clients stayed connected`);
  return { rss: (after.rss - before.rss) / CLIENTS, live: (after.live - before.live) / CLIENTS };
}

/** Memory after garbage collections with time between, in which V8 and the allocator give pages back. */
async function settled(child) {
  for (let pass = 0; pass < 3; pass++) {
    await child.ask('memory', { gc: true });
    await sleep(300);
  }
  return child.ask('memory', { gc: true });
}

const askOnce = (client) =>
  new Promise((resolve, reject) => client.send((problem) => (problem ? reject(new Error(problem)) : resolve())));

const optionsFor = (upstream) => ({ upstream: `http://127.0.0.1:${upstream.port}` });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await withChildren(async () => {
    const names = choose(process.argv[2]).map(({ name }) => name);
    installPeers();
    console.log(`\n${memoryText(await measureMemory(names))}`);
  });
}
