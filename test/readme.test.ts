/** Holds the README to the source: every program in it compiles and runs, every table has the names and numbers of the code. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOrders, startUsers } from '../examples/services.js';
import { listen, type Running } from '../examples/support.js';
import { REFUSALS } from '../src/core/errors.js';
import { eventually } from './support/eventually.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const readme = read('README.md');
const manifest = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };

const programs = blocks('ts');
const tables = [...readme.matchAll(/(?:^\|.*\n)+/gm)].map(([text]) => rowsOf(text));

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code ?? '',
  );
}

/** The cells of a table, without its head. */
function rowsOf(table: string): string[][] {
  const [, , ...rows] = table.trim().split('\n');
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

describe('the README', () => {
  it('has at most 180 lines and shows code before line 15', () => {
    const lines = readme.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(180);
    expect(lines.findIndex((line) => line.startsWith('```ts'))).toBeLessThan(14);
  });

  it('names only files and scripts that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path as string);
    // Written by `npm run bench`.
    expect(links.filter((path) => path !== 'bench/RESULTS.md' && !existsSync(ROOT + path))).toEqual([]);
    const scripts = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name as string);
    const known = [...Object.keys(manifest.scripts), 'ci', 'install'];
    expect(scripts.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('keeps the place for the figures', () => {
    expect(readme).toMatch(/<!-- figures -->\n[\s\S]*<!-- \/figures -->/);
  });
});

describe('the changelog', () => {
  it('has the version of package.json as its newest', () => {
    const [newest] = [...read('CHANGELOG.md').matchAll(/^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/gm)];
    expect(newest?.[1]).toBe(manifest.version);
  });
});

const compiler = compile(programs);

/** Compiles texts as if they were files in examples/, with the settings of this repository. */
function compile(texts: readonly string[]): { program: ts.Program; names: readonly string[] } {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const names = texts.map((_, index) => `${ROOT}examples/readme-${index}.ts`);
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  const textOf = (name: string): string | undefined => texts[names.indexOf(name)];
  host.fileExists = (name) => textOf(name) !== undefined || disk.fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = textOf(name);
    return text === undefined
      ? disk.getSourceFile(name, ...rest)
      : ts.createSourceFile(name, text, {
          languageVersion: ts.ScriptTarget.ES2022,
          impliedNodeFormat: ts.ModuleKind.ESNext,
        });
  };
  const sources = ['src/gateway/config.ts', 'src/proxy/options.ts', 'src/adapters/node/serve.ts'];
  return { program: ts.createProgram([...names, ...sources.map((path) => ROOT + path)], options, host), names };
}

/** The options of an interface, and where `@default` is a number or a boolean, that. */
function optionsOf(file: string, name: string): Map<string, string | null> {
  const { program } = compiler;
  const checker = program.getTypeChecker();
  const declaration = program
    .getSourceFile(ROOT + file)
    ?.statements.find(
      (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === name,
    );
  if (declaration === undefined) throw new Error(`${file} declares no interface ${name}`);
  return new Map(
    checker.getPropertiesOfType(checker.getTypeAtLocation(declaration)).map((property) => {
      const tag = property.getJsDocTags(checker).find((entry) => entry.name === 'default');
      const text = ts.displayPartsToString(tag?.text);
      return [property.name, /^(?:true|false|Infinity|\d+)\b/.exec(text)?.[0] ?? null];
    }),
  );
}

/** The same of a table: names in the first cell, their defaults in the second, one for all or one for each. */
function optionsIn(rows: readonly string[][]): Map<string, string | null> {
  return new Map(
    rows.flatMap(([names = '', cell = '']) => {
      const defaults = cell.startsWith('`') ? [...cell.matchAll(/`([^`]+)`/g)].map(([, value]) => value as string) : [];
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name], index): [string, string | null] => [
        name as string,
        defaults[index] ?? defaults[0] ?? null,
      ]);
    }),
  );
}

function sorted(map: Map<string, string | null>): [string, string | null][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('the tables', () => {
  it('tell every option of a route and its default', () => {
    const options = optionsOf('src/gateway/config.ts', 'RouteConfig');
    expect(options.size).toBeGreaterThan(20);
    expect(sorted(optionsIn(tables[0] ?? []))).toEqual(sorted(options));
  });

  it('tell every option of the gateway and its default', () => {
    const options = optionsOf('src/gateway/config.ts', 'GatewayConfig');
    options.delete('routes');
    expect(sorted(optionsIn(tables[1] ?? []))).toEqual(sorted(options));
  });

  it('tell every deadline and its default', () => {
    expect(sorted(optionsIn(tables[2] ?? []))).toEqual(sorted(optionsOf('src/proxy/options.ts', 'Timeouts')));
  });

  it('tell every error code and its status', () => {
    const told = (tables[3] ?? []).flatMap(([statuses = '', codes = '']) =>
      [...codes.matchAll(/`(ERR_\w+)`/g)].map(([, code]) => [code as string, statuses] as const),
    );
    expect(told.map(([code]) => code).sort()).toEqual(Object.keys(REFUSALS).sort());
    for (const [code, statuses] of told)
      expect(statuses).toContain(String(REFUSALS[code as keyof typeof REFUSALS].status));
  });

  it('and the text tells every option of serve() with its default', () => {
    const text = readme.split('\n').find((line) => line.startsWith('`serve()`')) ?? '';
    for (const [name, value] of optionsOf('src/adapters/node/serve.ts', 'ServeOptions')) {
      expect(text).toContain(value === null ? `\`${name}\`` : `\`${name}\` (${value})`);
    }
  });
});

/** What runs on the ports that the README names. */
const ports = new Map<string, string>();
const services: Running[] = [];
const children = new Set<ChildProcess>();

beforeAll(async () => {
  services.push(await startUsers(), await startOrders('a'), await startOrders('b'));
  for (const [index, { url }] of services.entries()) ports.set(String(4001 + index), new URL(url).port);
  for (const port of ['3000', '3001']) {
    const free = await listen(createServer());
    ports.set(port, new URL(free.url).port);
    await free.close();
  }
});

afterEach(async () => {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.kill('SIGKILL')) await ended;
  }
  children.clear();
});

afterAll(() => Promise.all(services.map((service) => service.close())));

/** The text with the ports of the README replaced by those of the test. */
function onFreePorts(text: string): string {
  return text.replace(/\b[34]00\d\b/g, (port) => ports.get(port) ?? port);
}

/** Runs a program as if it were a file in this folder. */
function runProgram(code: string): { output: () => string } {
  const { outputText } = ts.transpileModule(onFreePorts(code), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', outputText], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { output: () => output };
}

/** Waits for a program that has just been started. */
function fetchSoon(url: string): Promise<Response> {
  return eventually(() => fetch(onFreePorts(url)), { withinMs: 10_000 });
}

async function answerOf(url: string): Promise<unknown> {
  return (await fetchSoon(url)).json();
}

const hasCurl = ((): boolean => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

describe('the programs', () => {
  /** What each does when it runs, in the order of the README. */
  const runs: readonly (readonly [string, () => Promise<void>])[] = [
    [
      'the quickstart serves two services, and leaves the rest to the app',
      async () => {
        expect(await answerOf('http://localhost:3000/api/users/1')).toEqual({ id: 1, name: 'Ada' });
        const answers = [
          await answerOf('http://localhost:3000/api/orders'),
          await answerOf('http://localhost:3000/api/orders'),
        ] as { instance: string }[];
        expect(answers.map(({ instance }) => instance).sort()).toEqual(['a', 'b']);
        const own = await fetchSoon('http://localhost:3000/none');
        expect([own.status, await own.text()]).toEqual([404, expect.stringContaining('Cannot GET /none')]);
      },
    ],
    [
      'Koa',
      async () => {
        expect(await answerOf('http://localhost:3000/api/users/2')).toEqual({ id: 2, name: 'Grace' });
        expect((await fetchSoon('http://localhost:3000/none')).status).toBe(404);
      },
    ],
    [
      'node:http and serve()',
      async () => {
        for (const port of ['3000', '3001']) {
          expect(await answerOf(`http://localhost:${port}/api/users/2`)).toEqual({ id: 2, name: 'Grace' });
          expect(await answerOf(`http://localhost:${port}/none`)).toMatchObject({
            code: 'ERR_GATEWAY_ROUTE_NOT_FOUND',
          });
        }
      },
    ],
    [
      'one piece',
      async () => {
        expect(await answerOf('http://localhost:3000/1')).toEqual({ id: 1, name: 'Ada' });
      },
    ],
    ['explain()', () => Promise.resolve()],
  ];

  it('have one run each', () => {
    expect(programs).toHaveLength(runs.length);
  });

  it('compile with the settings of this repository', () => {
    const { program, names } = compiler;
    const found = names.flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(name)));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
    expect(names.every((name) => program.getSourceFile(name) !== undefined)).toBe(true);
  });

  it('would not compile with a mistake', () => {
    const { program, names } = compile([(programs[0] ?? '').replace('target:', 'targets:')]);
    expect(ts.getPreEmitDiagnostics(program, program.getSourceFile(names[0] ?? ''))).toHaveLength(1);
  });

  it.each(runs.map(([name, check], index) => ({ name, check, index })))('run: $name', async ({ check, index }) => {
    const code = programs[index] ?? '';
    const { output } = runProgram(code);
    await check();
    for (const [, said] of code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)) {
      await eventually(
        () =>
          output()
            .split('\n')
            .includes(onFreePorts(said as string)),
        { withinMs: 10_000 },
      );
    }
    expect(output()).not.toMatch(/error/i);
  });

  it.skipIf(!hasCurl)('answer the curl lines of the quickstart', async () => {
    runProgram(programs[0] ?? '');
    await fetchSoon('http://localhost:3000/health');
    const lines = blocks('sh').flatMap((text) => text.trim().split('\n'));
    const answers: unknown[] = [];
    for (const line of lines) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `${onFreePorts(line)} --silent --fail`]);
      answers.push(JSON.parse(stdout));
    }
    expect(answers).toMatchObject([{ name: 'Ada' }, { product: 1, id: 2 }, { status: 'healthy' }]);
  });
});
