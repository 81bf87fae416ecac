import { existsSync, readFileSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

interface Manifest {
  exports: Record<string, unknown>;
}

/**
 * The entries are what package.json exports, so a new piece is listed there and nowhere else:
 * `./router` is built from `src/router/index.ts`, `./express` from `src/adapters/express.ts`, both into a flat `dist/`.
 */
export function entries(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as Manifest;
  const names = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
  return Object.fromEntries(
    names.map((subpath) => {
      const name = subpath === '.' ? 'index' : subpath.slice('./'.length);
      return [name, source(name)];
    }),
  );
}

function source(name: string): string {
  const candidates = [
    `src/${name}.ts`,
    `src/${name}/index.ts`,
    `src/adapters/${name}.ts`,
    `src/adapters/${name}/index.ts`,
  ];
  const found = candidates.find((path) => existsSync(new URL(path, import.meta.url)));
  if (found === undefined) throw new Error(`package.json exports ${name}, but none of ${candidates.join(', ')} exists`);
  return found;
}

export const options = {
  entry: entries(),
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'node',
  // Shared chunks: a class is the same object whichever subpath it comes from, in ESM and in CommonJS.
  splitting: true,
  // `import.meta.url` in CommonJS, too: optional packages are found from where this one is installed.
  shims: true,
  dts: true,
  clean: true,
  minify: false,
  sourcemap: false,
} satisfies Options;

export default defineConfig(options);
