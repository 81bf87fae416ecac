import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

/** An `etcd` of the test's own, spoken to through its JSON gateway. */
export interface EtcdServer {
  readonly url: string;
  /** With a lease of so many seconds where one is given; one that is not renewed ends with its key. */
  put(key: string, value: string, ttlSeconds?: number): Promise<void>;
  remove(key: string): Promise<void>;
  /** Forgets the history of everything up to now. */
  compact(): Promise<void>;
  /** From now on a name and a password are asked for: those of the user `root`. */
  enableAuth(password: string): Promise<void>;
  /** Shows the password again, after a restart. */
  login(password: string): Promise<void>;
  disableAuth(): Promise<void>;
  /** Stops the process without a word: connections stay open, and nothing answers. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Starts again with the data of before. */
  start(): Promise<void>;
  /** Removes the data; only while it does not run. */
  wipe(): Promise<void>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a cluster of one member on free ports of 127.0.0.1 and waits until it answers. */
export async function startEtcd(): Promise<EtcdServer> {
  const dir = await mkdtemp(join(tmpdir(), 'innergate-etcd-'));
  const data = join(dir, 'data');
  const url = `http://127.0.0.1:${await freePort()}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const options = ['--data-dir', data, '--name', 'test', '--listen-client-urls', url, '--advertise-client-urls', url];
  options.push('--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl);
  options.push('--initial-cluster', `test=${peerUrl}`, '--logger', 'zap');
  let child: ChildProcess | null = null;
  let token = '';

  async function call(path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      ...(token === '' ? {} : { headers: { authorization: token } }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  }

  async function login(password: string): Promise<void> {
    token = String((await call('/v3/auth/authenticate', { name: 'root', password })).token);
  }

  const server: EtcdServer = {
    url,
    async put(key, value, ttlSeconds) {
      const lease = ttlSeconds === undefined ? {} : { lease: (await call('/v3/lease/grant', { TTL: ttlSeconds })).ID };
      await call('/v3/kv/put', { key: base64(key), value: base64(value), ...lease });
    },
    async remove(key) {
      await call('/v3/kv/deleterange', { key: base64(key) });
    },
    async compact() {
      const { header } = await call('/v3/kv/range', { key: base64('any') });
      await call('/v3/kv/compaction', { revision: (header as { revision: string }).revision, physical: true });
    },
    async enableAuth(password) {
      await call('/v3/auth/user/add', { name: 'root', password });
      await call('/v3/auth/role/add', { name: 'root' });
      await call('/v3/auth/user/grant', { user: 'root', role: 'root' });
      await call('/v3/auth/enable', {});
      await login(password);
    },
    login,
    async disableAuth() {
      await call('/v3/auth/disable', {});
      token = '';
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async kill() {
      if (child?.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async start() {
      const started = spawn('etcd', options, { stdio: 'ignore' });
      child = started;
      const end = (): void => void started.kill('SIGKILL');
      process.once('exit', end);
      started.once('exit', () => process.off('exit', end));
      await once(started, 'spawn');
      await eventually(async () => (await fetch(`${url}/health`)).ok, { withinMs: 20_000 });
    },
    async wipe() {
      await rm(data, { recursive: true });
    },
    async stop() {
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
