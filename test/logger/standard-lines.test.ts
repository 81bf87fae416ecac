import { execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';

const module = new URL('../../src/logger/standard-lines.ts', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'lines-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const line = (i: number): string => `${i} ${'x'.repeat(90)}`;
const numbered = (count: number): string => Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');

const PRELUDE = `
  const { stdoutLines, stderrLines, flushLines } = await import(${JSON.stringify(module)});
  const line = ${line.toString()};
  const log = (from, to) => { for (let i = from; i < to; i++) stdoutLines(line(i)); };
  const say = (word) => process.stderr.write(word + '\\n');
  const turn = () => new Promise(setImmediate);
`;

interface Running {
  readonly stdout: Readable | null;
  /** Resolves when the process has said so on standard error. */
  said(word: string): Promise<void>;
  readonly stderr: () => string;
  readonly ended: Promise<number | null>;
}

function start(program: string, stdout: 'pipe' | number = 'pipe'): Running {
  const args = ['--import', 'tsx', '--input-type=module', '-e', PRELUDE + program];
  const stdio: StdioOptions = ['ignore', stdout, 'pipe'];
  const child = spawn(process.execPath, args, { stdio });
  let heard = '';
  child.stderr?.setEncoding('utf8').on('data', (data: string) => (heard += data));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const said = async (word: string): Promise<void> => {
    while (!heard.includes(`${word}\n`)) await once(child.stderr as Readable, 'data');
  };
  return { stdout: child.stdout, said, stderr: () => heard, ended };
}

let files = 0;

/** A pipe of the file system: nobody reads it before somebody asks for its text. */
function pipe(): { fd: number; read: () => Promise<string> } {
  const path = join(folder, `pipe-${files++}`);
  execFileSync('mkfifo', [path]);
  return { fd: openSync(path, 'r+'), read: () => text(createReadStream(path)) };
}

/** Runs a program and gives all that came out of it. */
async function output(
  program: string,
  kind: 'file' | 'pipe' | 'socket',
): Promise<{ text: string; code: number | null }> {
  if (kind === 'socket') {
    const { stdout, ended } = start(program);
    const [all, code] = await Promise.all([text(stdout as Readable), ended]);
    return { text: all, code };
  }
  if (kind === 'pipe') {
    const { fd, read } = pipe();
    const reading = read();
    const { ended } = start(program, fd);
    closeSync(fd);
    const [all, code] = await Promise.all([reading, ended]);
    return { text: all, code };
  }
  const path = join(folder, `file-${files++}`);
  const fd = openSync(path, 'w');
  const { ended } = start(program, fd);
  closeSync(fd);
  const code = await ended;
  return { text: readFileSync(path, 'utf8'), code };
}

describe.each(['file', 'pipe', 'socket'] as const)('stdoutLines to a %s', (kind) => {
  it.each([
    ['exits right after 10,000 lines', 'log(0, 10_000); process.exit(3);', 3],
    ['comes to its end', 'log(0, 10_000); process.exitCode = 3;', 3],
    [
      'exits in the middle of writing',
      'for (let i = 0; i < 10_000; i += 500) { log(i, i + 500); await turn(); } process.exit(3);',
      3,
    ],
    ['fails with an uncaught exception', 'log(0, 10_000); setImmediate(() => { throw new Error("planned"); });', 1],
    ['has its lines flushed and is killed', 'log(0, 10_000); await flushLines(); process.kill(process.pid);', null],
  ])('has every line once and whole where the process %s', async (_case, program, code) => {
    const result = await output(program, kind);
    expect(result.code).toBe(code);
    expect(result.text === numbered(10_000), result.text.slice(-200)).toBe(true);
  });

  it('writes what a listener of the exit logs', async () => {
    const program = 'stdoutLines("1"); process.on("exit", () => stdoutLines("2"));';
    expect((await output(program, kind)).text).toBe('1\n2\n');
  });
});

/** Other work goes on: turns of the loop, and as many jobs as the pool has threads, and more. */
const WORK = `
  const { readFile } = await import('node:fs/promises');
  for (let i = 0; i < 20; i++) { await turn(); log(10_000, 10_000); }
  await Promise.all(Array.from({ length: 16 }, () => readFile('/dev/null')));
`;

const SPAWN = "(await import('node:child_process')).execSync('true', { stdio: 'inherit' });";

describe('stdoutLines to a pipe that is not read for a while', () => {
  it.each([
    ['a pipe', ''],
    ['a pipe that a child process has inherited, which makes it block', SPAWN],
  ])('blocks neither the loop nor the pool, and has every line later: %s', async (_case, spawnChild) => {
    const { fd, read } = pipe();
    const program = `log(0, 1); await flushLines(); ${spawnChild} log(1, 10_000); ${WORK} say('free');
      await flushLines(); await flushLines();`;
    const { said, ended } = start(program, fd);
    closeSync(fd);
    await said('free');
    const [all, code] = await Promise.all([read(), ended]);
    expect(code).toBe(0);
    expect(all === numbered(10_000), all.slice(-200)).toBe(true);
  });

  it('lets the process exit where nobody ever reads', async () => {
    const { fd } = pipe();
    const { ended } = start(`log(0, 10_000); ${WORK} process.exit(0);`, fd);
    closeSync(fd);
    expect(await ended).toBe(0);
  });
});

describe('stdoutLines to what cannot be written', () => {
  const program = `
    const busy = setInterval(() => log(0, 100), 5);
    await new Promise((resolve) => process.once('warning', resolve));
    clearInterval(busy);
    ${WORK}
    log(0, 1000);
  `;

  it('goes on where the reader has left, and tells so once', async () => {
    const { stdout, ended, stderr } = start(program);
    await once(stdout as Readable, 'readable');
    stdout?.destroy();
    expect(await ended, stderr()).toBe(0);
    expect(stderr().match(/ERR_GATEWAY_LOG_WRITE/g)).toHaveLength(1);
    expect(stderr()).toContain('EPIPE');
  });

  it.skipIf(!existsSync('/dev/full'))('goes on where the disk is full, and tells so once', async () => {
    const fd = openSync('/dev/full', 'w');
    const { ended, stderr } = start(program, fd);
    closeSync(fd);
    expect(await ended, stderr()).toBe(0);
    expect(stderr().match(/ERR_GATEWAY_LOG_WRITE/g)).toHaveLength(1);
    expect(stderr()).toContain('ENOSPC');
  });
});

describe('stderrLines', () => {
  it('goes to standard error', async () => {
    const { stdout, ended, stderr } = start("stderrLines('to stderr'); stdoutLines('to stdout');");
    const [all] = await Promise.all([text(stdout as Readable), ended]);
    expect([all, stderr()]).toEqual(['to stdout\n', 'to stderr\n']);
  });
});
