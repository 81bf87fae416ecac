/** Reads the sources and holds them to the layout that DESIGN.md section 2 prescribes. */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NO_PIECE = ['core', 'gateway', 'adapters'];
const TEST_FOLDERS = ['contract', 'integration', 'security', 'adapters', 'support', 'package', 'types'];

interface Source {
  /** Path below `src`, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Without comments. */
  readonly code: string;
}

interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

const sources = readdirSync(`${ROOT}/src`, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(`${ROOT}/src`, `${entry.parentPath}/${entry.name}`).split(sep).join('/'))
  .sort()
  .map((path): Source => {
    const text = readFileSync(`${ROOT}/src/${path}`, 'utf8');
    return { path, text, code: withoutComments(text) };
  });
const folders = foldersOf('src');
const pieces = folders.filter((folder) => !NO_PIECE.includes(folder));

function foldersOf(path: string): string[] {
  const entries = readdirSync(`${ROOT}/${path}`, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Only what stands at the start of a line or after a space: `/*` in a string is a route pattern. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function importsOf(code: string): Import[] {
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[\w*\s{},$]+?\sfrom\s*)?['"]([^'"\n]+)['"]/gm);
  const calls = code.matchAll(/\b(?:import|require|createRequire\([^)]*\))\s*\(\s*['"]([^'"\n]+)['"]/g);
  return [
    ...[...statements].map(([, type, specifier]) => ({
      specifier: specifier as string,
      isTypeOnly: type !== undefined,
    })),
    ...[...calls].map(([, specifier]) => ({ specifier: specifier as string, isTypeOnly: false })),
  ];
}

/** What a file belongs to: a folder of `src`, `adapters/node` for the bridge, or the name of a file beside them. */
function unitOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'adapters' && second === 'node' ? 'adapters/node' : first === 'adapters' ? path : first;
}

function mayImport(from: string, to: string): boolean {
  const [importer, imported] = [unitOf(from), unitOf(to)];
  if (importer === imported || imported === 'core') return true;
  if (importer === 'index.ts') return true;
  if (importer === 'core') return false;
  if (importer === 'gateway') return !imported.startsWith('adapters') && imported !== 'index.ts';
  if (importer === 'adapters/node') return imported === 'gateway';
  if (importer.startsWith('adapters/')) return imported === 'gateway' || imported === 'adapters/node';
  return false;
}

/** The imports of a file inside `src` that the layout forbids. */
function forbiddenImports({ path, code }: Pick<Source, 'path' | 'code'>): string[] {
  return importsOf(code)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => posix.join(posix.dirname(path), specifier))
    .filter((target) => !mayImport(path, target.replace(/\.js$/, '.ts')))
    .map((target) => `${path} imports ${target}`);
}

/** The first ring of files that need each other before any of them has run; types need nobody. */
function importRing(): string | null {
  const states = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  function visit(path: string): string | null {
    if (states.get(path) === 'open') return [...trail.slice(trail.indexOf(path)), path].join(' > ');
    if (states.has(path)) return null;
    states.set(path, 'open');
    trail.push(path);
    const { code = '' } = sources.find((source) => source.path === path) ?? {};
    for (const { specifier, isTypeOnly } of importsOf(code)) {
      if (isTypeOnly || !specifier.startsWith('.')) continue;
      const ring = visit(posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'));
      if (ring !== null) return ring;
    }
    trail.pop();
    states.set(path, 'done');
    return null;
  }
  return sources.map(({ path }) => visit(path)).find((ring) => ring !== null) ?? null;
}

function linesOf(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}

function longerThan(limit: number, files: readonly Source[]): string[] {
  return files.filter(({ text }) => linesOf(text) > limit).map(({ path, text }) => `${path}: ${linesOf(text)} lines`);
}

describe('imports', () => {
  it('core imports core, a piece core and itself, the gateway both, an adapter core, gateway and the node bridge', () => {
    expect(sources.flatMap(forbiddenImports)).toEqual([]);
  });

  it('no file needs itself through others', () => {
    expect(importRing()).toBeNull();
  });

  it('core imports no package', () => {
    const core = sources.filter(({ path }) => unitOf(path) === 'core');
    const packages = core.flatMap(({ path, code }) =>
      importsOf(code)
        .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(core.length).toBeGreaterThan(0);
    expect(packages).toEqual([]);
  });

  it('built-in modules are named with node:', () => {
    const bare = sources.flatMap(({ path, code }) =>
      importsOf(code)
        .filter(({ specifier }) => isBuiltin(specifier) && !specifier.startsWith('node:'))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(bare).toEqual([]);
  });

  it('what is imported at run time is a declared dependency', () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Record<string, object | undefined>;
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const undeclared = sources.flatMap(({ path, code }) =>
      importsOf(code)
        .filter(({ specifier, isTypeOnly }) => !isTypeOnly && !/^(\.|node:)/.test(specifier))
        .filter(({ specifier }) => !declared.some((name) => specifier === name || specifier.startsWith(`${name}/`)))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(undeclared).toEqual([]);
  });

  describe('the rule itself', () => {
    it.each([
      ['core/a.ts', `import { x } from '../router/router.js';`],
      ['core/a.ts', `import type { X } from '../gateway/config.js';`],
      ['core/a.ts', `export * from '../router/index.js';`],
      ['router/a.ts', `import {\n  x,\n  type Y,\n} from '../proxy/proxy.js';`],
      ['router/a.ts', `const { x } = await import('../proxy/index.js');`],
      ['router/a.ts', `import '../proxy/index.js';`],
      ['router/a.ts', `type X = import('../proxy/index.js').X;`],
      ['router/a.ts', `import * as gateway from '../gateway/index.js';`],
      ['router/a.ts', `import { x } from '../index.js';`],
      ['router/a.ts', `import { x } from '../adapters/node/index.js';`],
      ['gateway/a.ts', `import { x } from '../adapters/node/index.js';`],
      ['gateway/a.ts', `import { x } from '../index.js';`],
      ['adapters/express.ts', `import { x } from '../proxy/index.js';`],
      ['adapters/express.ts', `import { x } from './koa.js';`],
      ['adapters/node/a.ts', `import { x } from '../express.js';`],
      ['adapters/node/a.ts', `import { x } from '../../router/index.js';`],
    ])('forbids in %s: %s', (path, code) => {
      expect(forbiddenImports({ path, code })).toHaveLength(1);
    });

    it.each([
      ['core/a.ts', `import { x } from './b.js';`],
      ['router/a.ts', `import { x } from '../core/types.js';`],
      ['router/a.ts', `import { x } from './tree/node.js';`],
      ['router/a.ts', withoutComments(`/**\n * import { x } from '../proxy/index.js';\n */`)],
      ['gateway/a.ts', `import { x } from '../router/index.js';`],
      ['adapters/koa.ts', `import { x } from './node/index.js';`],
      ['adapters/koa.ts', `import { x } from '../gateway/index.js';`],
      ['adapters/node/a.ts', `import { x } from '../../core/context.js';`],
      ['index.ts', `export { x } from './router/index.js';`],
    ])('allows in %s: %s', (path, code) => {
      expect(forbiddenImports({ path, code })).toEqual([]);
    });
  });
});

describe('sizes', () => {
  it('no source file is longer than 250 lines, but for the list of public names', () => {
    const code = sources.filter(({ path }) => path !== 'index.ts');
    expect(longerThan(250, code)).toEqual([]);
  });

  it('express.ts, koa.ts and every middleware.ts have at most 60 lines', () => {
    const glue = sources.filter(({ path }) => /^adapters\/(express|koa)\.ts$|(^|\/)middleware\.ts$/.test(path));
    expect(longerThan(60, glue)).toEqual([]);
  });
});

describe('folders', () => {
  it('every piece has an index.ts, and so have gateway and adapters/node', () => {
    const published = [...pieces, ...folders.filter((name) => name === 'gateway')];
    if (folders.includes('adapters')) published.push('adapters/node');
    const paths = sources.map(({ path }) => path);
    expect(published.filter((folder) => !paths.includes(`${folder}/index.ts`))).toEqual([]);
  });

  it('every test folder mirrors one of src or is of a known kind', () => {
    expect(foldersOf('test').filter((name) => !folders.includes(name) && !TEST_FOLDERS.includes(name))).toEqual([]);
  });

  it('files are named in kebab-case', () => {
    expect(sources.map(({ path }) => path).filter((path) => !/^[a-z0-9/-]+\.ts$/.test(path))).toEqual([]);
  });
});

describe('side effects', () => {
  it('nothing but the logger writes to the console', () => {
    const talkers = sources.filter(({ path, code }) => unitOf(path) !== 'logger' && /\bconsole\s*[.[]/.test(code));
    expect(talkers.map(({ path }) => path)).toEqual([]);
  });

  it('nothing ends the process', () => {
    const enders = sources.filter(({ code }) => /\bprocess\s*\.\s*(exit|abort|kill|exitCode)\b/.test(code));
    expect(enders.map(({ path }) => path)).toEqual([]);
  });
});
