import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The version of the nginx on this machine, or undefined. */
export function nginxVersion() {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return /nginx\/(\S+)/.exec(stderr ?? '')?.[1];
}

/**
 * Starts nginx as one process (`master_process off`: one worker, one process id, nothing left behind) with the given
 * parts of a configuration.
 * @param {(port: number) => string} httpBlock what stands inside `http { }`
 */
export async function startNginx(httpBlock) {
  const directory = mkdtempSync(join(tmpdir(), 'innergate-bench-nginx-'));
  const port = await freePort();
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `
daemon off; master_process off; pid ${directory}/pid; error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off; tcp_nodelay on; keepalive_timeout 65s; keepalive_requests 1000000000;
  ${temps.map((name) => `${name}_temp_path ${directory}/${name};`).join(' ')}
  ${httpBlock(port)}
}`;
  writeFileSync(join(directory, 'nginx.conf'), config);
  const child = spawn('nginx', ['-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stop = () => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', stop);
  child.once('exit', (code) => code && console.error(`nginx ended with ${code}`));
  await answering(port);
  return { port, questions: { usage: () => usageOf(child.pid) } };
}

/** CPU time and peak memory of a process that is not ours to ask, from /proc. */
function usageOf(pid) {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const ticks = Number(afterName[11]) + Number(afterName[12]);
  const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ').map(Number);
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    cpuMicros: nanoseconds > 0 ? nanoseconds / 1e3 : ticks * 1e4, // a tick is 10 ms, schedstat is exact
    peakRss: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024,
  };
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function answering(port) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nginx did not start');
}
