import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

/** A program of the tests as one file that Node starts at once, which to compile it each time does not. */
export interface Bundle {
  readonly path: string;
  remove(): void;
}

export async function bundle(script: string): Promise<Bundle> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'innergate-program-')));
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'), 'dir');
  await build({
    entry: [script],
    outDir: join(folder, 'dist'),
    format: ['esm'],
    platform: 'node',
    target: 'es2022',
    config: false,
    silent: true,
    splitting: false,
    skipNodeModulesBundle: true,
    outExtension: () => ({ js: '.mjs' }),
  });
  return {
    path: join(folder, 'dist', basename(script).replace(/\.ts$/, '.mjs')),
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
