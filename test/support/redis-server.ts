import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';

/** A `redis-server` of the test's own that keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** One command on a connection of its own, so that what a test does to its client does not matter. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** Stops the process without a word: connections stay open, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends the process at once, and every connection with it. */
  kill(): Promise<void>;
  /** Starts an empty server on the port of the one that was killed. */
  restart(): Promise<void>;
  /** From `bytes` on every write is refused; 0 = no bound. */
  setMaxMemory(bytes: number): Promise<void>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** A cluster of this one server, which has all slots. @default false */
  isCluster?: boolean;
}

/** Starts a server on a free port of 127.0.0.1 and waits until it answers. */
export async function startRedis({ isCluster = false }: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'innergate-redis-'));
  const port = await freePort();
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  if (isCluster) {
    options.push('--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`);
    options.push('--cluster-announce-ip', '127.0.0.1');
  }
  let child = await start(port, options);
  if (isCluster) {
    await command(port, 'CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await eventually(async () => String(await command(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'), {
      withinMs: 10_000,
    });
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  return {
    port,
    command: (name, ...args) => command(port, name, ...args),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    async restart() {
      await kill();
      child = await start(port, options);
    },
    async setMaxMemory(bytes) {
      await command(port, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await command(port, 'CONFIG', 'SET', 'maxmemory', bytes);
    },
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function start(port: number, options: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  await once(child, 'spawn');
  await eventually(async () => (await command(port, 'PING')) === 'PONG', { withinMs: 10_000 });
  return child;
}

async function command(port: number, name: string, ...args: (string | number)[]): Promise<unknown> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null });
  client.on('error', ignore);
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function ignore(): void {}
