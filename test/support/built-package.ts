import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { options } from '../../tsup.config.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A copy of the package as it is built; it finds itself by its name, and what it depends on through a link. */
export interface BuiltPackage {
  readonly folder: string;
  remove(): void;
}

export async function buildPackage(): Promise<BuiltPackage> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'innergate-built-')));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  await build({ ...options, config: false, dts: false, silent: true, outDir: join(folder, 'dist'), metafile: true });
  return {
    folder,
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
