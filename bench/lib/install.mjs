import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../', import.meta.url));

/** Installs the peers into bench/ where they are not there, or not as the lock file has them by now. */
export function installPeers() {
  const installed = new URL('../node_modules/.package-lock.json', import.meta.url);
  const wanted = new URL('../package-lock.json', import.meta.url);
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.log('installing the peers: npm ci in bench/');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: directory,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci in bench/ failed');
}
