/**
 * How long a scrape of the metrics holds up the event loop while requests come in: the delay of timers in windows with a
 * scrape, beside that in windows of the same length without one. Alone: `node bench/scrape.mjs`; `run.mjs` calls it at
 * the end of a whole run.
 */
import { fork } from 'node:child_process';
import { createServer, request, Agent } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { builtFile } from './lib/innergate.mjs';
import { listen } from './lib/listen.mjs';
import { medianOf } from './lib/stats.mjs';

const WINDOWS = 30;
const CLIENTS = 16;
/** As many as a registry keeps of one metric, unless it is told otherwise. */
const ROUTES = 990;
const LIMIT_MS = 5;

/** @returns what was seen, of each window the longest delay in ms */
export async function measureScrape() {
  const upstream = createServer((_req, res) => res.end('ok'));
  const target = `http://127.0.0.1:${await listen(upstream)}`;
  const child = fork(fileURLToPath(import.meta.url), [target]);
  const ask = (message) => new Promise((resolve) => child.once('message', resolve) && child.send(message));
  const { port } = await new Promise((resolve) => child.once('message', resolve));
  const load = startLoad(port);
  await sleep(2_000);
  const quiet = [];
  const scraped = [];
  let lines = 0;
  for (let window = 0; window < WINDOWS; window++) {
    await ask('reset');
    await sleep(250);
    quiet.push((await ask('delay')).max);
    await ask('reset');
    const text = await scrape(port);
    lines = text.split('\n').length;
    await sleep(200);
    scraped.push((await ask('delay')).max);
  }
  await load.stop();
  child.kill();
  upstream.closeAllConnections();
  upstream.close();
  return { quiet, scraped, lines };
}

/** The result as Markdown. */
export function scrapeText({ quiet, scraped, lines }) {
  const difference = Math.max(0, medianOf(scraped, (max) => max) - medianOf(quiet, (max) => max));
  const verdict = difference < LIMIT_MS ? 'kept' : 'missed';
  return `A scrape of ${lines.toLocaleString('en')} lines (${ROUTES.toLocaleString('en')} routes) under load, ${WINDOWS} times; longest delay of a timer in a
window, median and most: ${shown(scraped)} with a scrape, ${shown(quiet)} without one, both with the load in them.

- What a scrape adds to the longest delay, at the median: ${difference.toFixed(1)} ms, less than ${LIMIT_MS} ms was promised: **${verdict}**`;
}

const shown = (delays) => `${medianOf(delays, (max) => max).toFixed(1)} and ${Math.max(...delays).toFixed(1)} ms`;

function scrape(port) {
  return new Promise((resolve, reject) => {
    request({ port, path: '/metrics' }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      res.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

function startLoad(port) {
  const agent = new Agent({ keepAlive: true });
  let isOver = false;
  async function keepAsking() {
    while (!isOver) {
      await new Promise((resolve, reject) => {
        request({ port, agent, path: '/0/x' }, (res) => res.resume().on('end', resolve))
          .on('error', reject)
          .end();
      });
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, keepAsking));
  return {
    async stop() {
      isOver = true;
      await clients;
      agent.destroy();
    },
  };
}

/** The gateway, with every series that there can be. */
async function serveGateway(target) {
  const { createGateway } = await import(builtFile('.').href);
  const { gateway } = await import(builtFile('./node').href);
  const routes = Array.from({ length: ROUTES }, (_, index) => ({ path: `/${index}`, target }));
  const engine = createGateway({ accessLog: false, metrics: true, routes });
  const port = await listen(createServer(gateway(engine)));
  for (let index = 0; index < ROUTES; index++) {
    for (const method of ['GET', 'HEAD']) await exchange(port, method, `/${index}/x`);
  }
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  process.on('message', (message) => {
    if (message === 'reset') delays.reset();
    process.send({ max: delays.max / 1e6 });
  });
  process.send({ port });
}

function exchange(port, method, path) {
  return new Promise((resolve, reject) => {
    request({ port, method, path }, (res) => res.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , target] = process.argv;
  if (target === undefined) console.log(scrapeText(await measureScrape()));
  else await serveGateway(target);
}
