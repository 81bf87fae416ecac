// Proves the package as users get it: packs it, lints the tarball, installs it into fresh projects and serves a request in each.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { esmProgram, cjsProgram, typedProgram, listNames } from './consumers.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
const specifiers = subpaths.map((subpath) => manifest.name + subpath.slice(1));
let remark = '';
const work = mkdtempSync(join(tmpdir(), 'innergate-package-'));

process.on('exit', () => {
  rmSync(work, { recursive: true, force: true });
});

check('the manifest has no script that runs on install', () => {
  const found = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in manifest.scripts);
  if (found.length > 0) fail(found.join(', '));
});

check('it builds', () => {
  run(root, 'npm', ['run', '--silent', 'build']);
});

const tarball = check('it packs', () => {
  const output = run(root, 'npm', ['pack', '--silent', '--json', '--ignore-scripts', '--pack-destination', work]);
  const report = JSON.parse(output);
  const [{ filename, files, size, unpackedSize }] = Array.isArray(report) ? report : Object.values(report);
  const paths = files.map(({ path }) => path);
  const missing = ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'].filter((path) => !paths.includes(path));
  if (missing.length > 0) fail(`not in the tarball: ${missing.join(', ')}`);
  const stray = paths.filter(
    (path) => path.includes('/') && !/^(?:dist\/[\w-]+(\.d)?\.c?[jt]s|docs\/[\w-]+\.md)$/.test(path),
  );
  if (stray.length > 0) fail(`should not be in the tarball: ${stray.join(', ')}`);
  remark = `${files.length} files, ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked`;
  return join(work, filename);
});

check('publint finds nothing', () => {
  run(root, 'npx', ['--no-install', 'publint', 'run', tarball, '--strict']);
});

check('the types resolve under node10, node16 and bundler, from ESM and from CommonJS', () => {
  run(root, 'npx', ['--no-install', 'attw', tarball, '--no-definitely-typed', '--no-emoji', '--format', 'ascii']);
});

const esm = project('esm', { type: 'module' });
const names = check('an ESM project installs it', () => {
  install(esm, [tarball]);
  const packages = installed(esm);
  const known = [manifest.name, ...Object.keys(manifest.dependencies)].sort();
  if (packages.join() !== known.join()) fail(`installed ${packages.join(', ')} in place of ${known.join(', ')}`);
  remark = packages.join(', ');
  return JSON.parse(node(esm, 'names.mjs', listNames(specifiers)));
});

check('it imports every name and serves a request', () => {
  node(esm, 'main.js', esmProgram(names));
});

const cjs = project('cjs', { type: 'commonjs' });
check('a CommonJS project installs it', () => {
  install(cjs, [tarball]);
});

check('it requires the same names and serves a request', () => {
  node(cjs, 'main.js', cjsProgram(names));
});

const typed = project('typescript', {});
check('a TypeScript project installs it with no types but those of Node', () => {
  const { typescript } = manifest.devDependencies;
  install(typed, [tarball, `typescript@${typescript}`, `@types/node@${manifest.devDependencies['@types/node']}`]);
  const types = readdirSync(join(typed, 'node_modules/@types'));
  if (types.join() !== 'node') fail(`@types holds ${types.join(', ')}`);
});

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  target: 'ES2022',
  types: ['node'],
};

check('it compiles an .mts and a .cts file, libraries checked too, and both serve a request', () => {
  const declared = Object.fromEntries(specifiers.map((specifier) => [specifier, declaredNames(specifier)]));
  for (const extension of ['mts', 'cts']) writeFileSync(join(typed, `main.${extension}`), typedProgram(declared));
  compile('nodenext', { ...strict, module: 'NodeNext', outDir: 'out' }, ['main.mts', 'main.cts']);
  run(typed, process.execPath, ['out/main.mjs']);
  run(typed, process.execPath, ['out/main.cjs']);
});

check('it compiles under the older `moduleResolution: node10` as well', () => {
  const declared = Object.fromEntries(specifiers.map((specifier) => [specifier, declaredNames(specifier)]));
  writeFileSync(join(typed, 'classic.ts'), typedProgram(declared));
  compile('node10', { ...strict, module: 'CommonJS', moduleResolution: 'node10', outDir: 'classic' }, ['classic.ts']);
  run(typed, process.execPath, ['classic/classic.js']);
});

console.log('The package is fit to publish.');

/** Runs one check and prints its line, with the `remark` that it left; the first failure ends the run. */
function check(title, body) {
  remark = '';
  try {
    const result = body();
    console.log(`ok    ${title}${remark && ` (${remark})`}`);
    return result;
  } catch (error) {
    console.log(`FAIL  ${title}\n${error.message}`);
    process.exit(1);
  }
}

function fail(message) {
  throw new Error(message);
}

function run(cwd, command, args) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 180_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (error) throw error;
  if (status !== 0) fail(`${command} ${args.join(' ')} ended with ${signal ?? status}\n${stdout}${stderr}`);
  return stdout;
}

function project(name, fields) {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `consumer-${name}`, private: true, ...fields }));
  return folder;
}

function install(folder, packages) {
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error', '--prefer-offline'];
  run(folder, 'npm', ['install', '--engine-strict', ...quiet, ...packages]);
}

function installed(folder) {
  return readdirSync(join(folder, 'node_modules'))
    .filter((name) => !name.startsWith('.'))
    .sort();
}

/** Writes a program into the project and runs it; it must end by itself. */
function node(folder, file, text) {
  writeFileSync(join(folder, file), text);
  return run(folder, process.execPath, ['--trace-warnings', file]);
}

function compile(name, compilerOptions, files) {
  writeFileSync(join(typed, `${name}.json`), JSON.stringify({ compilerOptions, files }));
  run(typed, process.execPath, ['node_modules/typescript/bin/tsc', '--project', `${name}.json`]);
}

/** What the declaration file of an entry exports: values and types. */
function declaredNames(specifier) {
  const entry = manifest.exports[specifier.replace(manifest.name, '.')].import.types;
  const text = readFileSync(join(typed, 'node_modules', manifest.name, entry), 'utf8');
  return [...text.matchAll(/^export \{([^}]*)\}/gm)]
    .flatMap(([, list]) => list.split(','))
    .map((item) => item.trim().replace(/^(type )?.* as /, '$1'))
    .filter((item) => item !== '');
}

function kilobytes(bytes) {
  return `${(bytes / 1024).toFixed(0)} KB`;
}
