import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../', import.meta.url));

/** Installs the peers into bench/ when they are not there. */
export function installPeers() {
  if (existsSync(new URL('../node_modules', import.meta.url))) return;
  console.log('installing the peers: npm ci in bench/');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: directory,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci in bench/ failed');
}
