import { fork, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const host = fileURLToPath(new URL('./host.mjs', import.meta.url));
const running = new Set();

/** @typedef {{ port: number, headers?: object, pid: number, ask(question: string, rest?: object, timeoutMs?: number): Promise<any> }} Child */

/**
 * Starts a module in a process of its own and waits until it listens. Its standard output goes nowhere.
 * @param {string} path the module, relative to bench/
 * @param {{ options?: object, execArgv?: string[] }} [how]
 * @returns {Promise<Child & { stop(): Promise<void> }>}
 */
export async function startChild(path, { options = {}, execArgv = [] } = {}) {
  const url = new URL(`../${path}`, import.meta.url).href;
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = fork(host, [url, JSON.stringify(options)], { ...onItsCore(path, execArgv), stdio });
  const waiting = new Map();
  let nextId = 1;
  running.add(child);

  const answerTo = (id, timeoutMs) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${path} did not answer within ${timeoutMs} ms`)), timeoutMs);
      waiting.set(id, { resolve, reject, timer });
    });
  const settle = (id, error, answer) => {
    const { resolve, reject, timer } = waiting.get(id) ?? {};
    waiting.delete(id);
    clearTimeout(timer);
    if (error) reject?.(new Error(`${path}: ${error}`));
    else resolve?.(answer);
  };
  child.on('message', ({ id, error, answer }) => settle(id, error, answer));
  child.once('exit', (code) => {
    running.delete(child);
    for (const id of waiting.keys()) settle(id, `the process ended with code ${code}`);
  });

  const { port, headers } = await answerTo(0, 30_000);
  return {
    port,
    headers,
    pid: child.pid,
    ask(question, rest = {}, timeoutMs = 15_000) {
      const id = nextId++;
      const answer = answerTo(id, timeoutMs);
      child.send({ id, ask: question, ...rest });
      return answer;
    },
    stop: () => stop(child),
  };
}

/** True where each process can have a core: what is measured has the first to itself, load and upstream have the second. */
export const pinned = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0;

function onItsCore(path, execArgv) {
  if (!pinned) return { execArgv };
  const core = path.startsWith('setups/') ? '0' : '1';
  return { execPath: 'taskset', execArgv: ['-c', core, process.execPath, ...execArgv] };
}

/** Asks a process to end, and ends it if it does not. */
function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export const stopAll = () => Promise.all([...running].map(stop));

/** Runs `work` and leaves no process behind, however it ends. */
export async function withChildren(work) {
  const interrupted = (signal) => {
    console.error(`\n${signal}: stopping`);
    void stopAll().then(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, interrupted);
  process.once('exit', () => running.forEach((child) => child.kill('SIGTERM')));
  try {
    return await work();
  } finally {
    await stopAll();
  }
}
