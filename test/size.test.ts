import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPackage, type BuiltPackage } from './support/built-package.js';

/**
 * How much code an import may load, not minified: a third above what it is. A number that has to grow a lot says that a piece has begun
 * to pull in another one.
 */
const BUDGET_KB: Record<string, number> = {
  innergate: 1000,
  'innergate/express': 1030,
  'innergate/koa': 1030,
  'innergate/node': 1040,
  'innergate/core': 33,
  'innergate/router': 64,
  'innergate/proxy': 76,
  'innergate/body-limit': 16,
  'innergate/health': 50,
  'innergate/logger': 56,
  'innergate/request-id': 16,
  'innergate/rate-limiter': 105,
  'innergate/circuit-breaker': 50,
  'innergate/retry': 40,
  'innergate/concurrency': 30,
  'innergate/load-shedding': 30,
  'innergate/auth': 190,
  'innergate/cors': 26,
  'innergate/security-headers': 22,
  'innergate/ip-filter': 28,
  'innergate/transforms': 127,
  'innergate/compression': 36,
  'innergate/validation': 45,
  'innergate/metrics': 76,
  'innergate/tracing': 45,
  'innergate/load-balancer': 107,
  'innergate/health-check': 64,
  'innergate/discovery': 122,
  'innergate/traffic-split': 51,
  'innergate/mirror': 53,
  'innergate/api-version': 45,
  'innergate/tenants': 53,
};

const HAS_AUTHENTICATION = /^innergate(?:\/(?:auth|express|koa|node))?$/;

const root = fileURLToPath(new URL('../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> };
const specifiers = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => subpath.replace('.', 'innergate'));

let built: BuiltPackage;
let copy: string;

beforeAll(async () => {
  built = await buildPackage();
  copy = built.folder;
}, 60_000);

afterAll(() => {
  built.remove();
});

describe.each(specifiers)('the entry %s', (specifier) => {
  it.each([
    ['import', `import '${specifier}';`],
    ['require', `require('${specifier}');`],
  ])('%s loads no other package, but for lru-cache where there is authentication', async (kind, program) => {
    const files = await loadedFiles(program, kind === 'import' ? 'mjs' : 'cjs');
    const others = files.filter((file) => !file.startsWith('dist/'));
    expect(others.filter((file) => !file.includes('node_modules/lru-cache/'))).toEqual([]);
    expect(others.length).toBe(HAS_AUTHENTICATION.test(specifier) ? 1 : 0);
    expect(files.length).toBeGreaterThan(0);
  });

  it('loads no more code than its budget allows', async () => {
    const files = await loadedFiles(`import '${specifier}';`, 'mjs');
    const own = files.filter((file) => file.startsWith('dist/'));
    const bytes = own.reduce((sum, file) => sum + statSync(join(copy, file)).size, 0);
    expect(bytes / 1024).toBeLessThan(BUDGET_KB[specifier] ?? 0);
  });
});

/** Folders of `src` whose files make up what is loaded. */
function foldersOf(files: readonly string[]): string[] {
  const metafile = readFileSync(join(copy, 'dist/metafile-esm.json'), 'utf8');
  const { outputs } = JSON.parse(metafile) as { outputs: Record<string, { inputs: Record<string, unknown> }> };
  const byName = new Map(Object.entries(outputs).map(([path, { inputs }]) => [basename(path), Object.keys(inputs)]));
  const sources = files.flatMap((file) => byName.get(basename(file)) ?? [`${file}/?`]);
  return [...new Set(sources.map((source) => source.replace(/^.*src\//, '').replace(/\/.*/, '')))].sort();
}

const pieces = specifiers.filter((name) => !/^innergate(?:$|\/(?:core|express|koa|node)$)/.test(name));

it.each(pieces)('%s loads its own modules and those of core, and no other', async (specifier) => {
  const files = await loadedFiles(`import '${specifier}';`, 'mjs');
  const own = files.filter((file) => file.startsWith('dist/'));
  expect(foldersOf(own)).toEqual(['core', specifier.slice('innergate/'.length)].sort());
});

it.each([
  ['import', 'mjs', `import { Context } from 'innergate'; import * as core from 'innergate/core';`],
  ['require', 'cjs', `const { Context } = require('innergate'); const core = require('innergate/core');`],
])('%s gives the same class from every entry', async (_kind, extension, program) => {
  await loadedFiles(`${program} if (Context !== core.Context) throw new Error('two classes');`, extension);
});

it.each([
  ['import', 'mjs', `import 'undici';`],
  ['require', 'cjs', `require('undici');`],
])('the measure sees a package that %s loads', async (_kind, extension, program) => {
  const files = await loadedFiles(program, extension);
  expect(files.filter((file) => file.includes('node_modules/undici/')).length).toBeGreaterThan(10);
});

const execute = promisify(execFile);
let runs = 0;

/** Runs a program in the copy and lists the files that V8 has loaded for it, whichever module system asked for them. */
async function loadedFiles(program: string, extension: string): Promise<string[]> {
  const run = `run-${++runs}`;
  const report = join(copy, run);
  const main = join(copy, `${run}.${extension}`);
  writeFileSync(main, program);
  await execute(process.execPath, [main], { cwd: copy, env: { ...process.env, NODE_V8_COVERAGE: report } });
  const [file] = readdirSync(report);
  const { result } = JSON.parse(readFileSync(join(report, file as string), 'utf8')) as { result: { url: string }[] };
  return result
    .map(({ url }) => url)
    .filter((url) => url.startsWith('file:') && url !== pathToFileURL(main).href)
    .map((url) => relative(copy, fileURLToPath(url)));
}
