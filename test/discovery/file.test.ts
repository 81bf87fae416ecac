import { watch as watchDirectory } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { ConfigError } from '../../src/core/options.js';
import { fileSource, type FileSourceOptions } from '../../src/discovery/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';

const A = 'http://a.test';
const B = 'http://b.test';

let directory: string;
let path: string;
const watches: (() => void)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'innergate-'));
  path = join(directory, 'targets.json');
});

afterEach(async () => {
  for (const stop of watches.splice(0)) stop();
  await rm(directory, { recursive: true });
});

function write(content: unknown): Promise<void> {
  return writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
}

/** A file that is watched; by the system's clock, since the file system has no other. */
function watch(options: Partial<FileSourceOptions> = {}) {
  const sets: unknown[] = [];
  const errors: string[] = [];
  const stop = fileSource({ path, clock: systemClock, ...options }).subscribe(
    (targets) => sets.push(targets),
    ({ message }) => errors.push(message),
  );
  watches.push(stop);
  return { sets, errors, stop };
}

/** Until everybody who watches the directory has heard of a change. */
async function seen(name: string, change: () => Promise<void>): Promise<void> {
  const names: (string | null)[] = [];
  const watcher = watchDirectory(directory, (_event, changed) => names.push(changed));
  await change();
  await eventually(() => names.includes(name));
  watcher.close();
}

describe('fileSource', () => {
  it.each([
    ['a list', [A, { url: B, weight: 2 }]],
    ['an object with a list', { targets: [A, { url: B, weight: 2 }] }],
  ])('tells the targets of %s', async (_what, content) => {
    await write(content);
    const { sets } = watch();
    await eventually(() => sets.length > 0);
    expect(sets[0]).toEqual([{ url: A }, { url: B, weight: 2 }]);
  });

  it('sees a file that is written in its place', async () => {
    await write([A]);
    const { sets } = watch();
    await eventually(() => sets.length > 0);
    await write([B]);
    await eventually(() => {
      expect(sets.at(-1)).toEqual([{ url: B }]);
    });
  });

  it('sees a file that a rename puts in its place, time and again', async () => {
    await write([]);
    const { sets } = watch();
    for (let version = 0; version < 3; version++) {
      const before = sets.length;
      await eventually(() => sets.length > before || version > 0);
      await writeFile(`${path}.new`, JSON.stringify([`http://v${version}.test`]));
      await rename(`${path}.new`, path);
      await eventually(() => {
        expect(sets.at(-1)).toEqual([{ url: `http://v${version}.test` }]);
      });
    }
  });

  it('sees the swap of a ConfigMap, of which the file itself is a link that stays', async () => {
    for (const [version, url] of [
      ['..1', A],
      ['..2', B],
    ] as const) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'targets.json'), JSON.stringify([url]));
    }
    await symlink('..1', join(directory, '..data'));
    await symlink(join('..data', 'targets.json'), path);
    const { sets } = watch();
    await eventually(() => sets.length > 0);
    expect(sets[0]).toEqual([{ url: A }]);
    await symlink('..2', join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    await eventually(() => {
      expect(sets.at(-1)).toEqual([{ url: B }]);
    });
  });

  it('tells of a missing file, and sees it come', async () => {
    const { sets, errors } = watch();
    await eventually(() => errors.length > 0);
    expect(errors[0]).toContain('ENOENT');
    await write([A]);
    await eventually(() => {
      expect(sets.at(-1)).toEqual([{ url: A }]);
    });
  });

  it.each([
    ['is half written', '[{"url": "http://secret', 'cannot be parsed'],
    ['is empty', '', 'cannot be parsed'],
    ['is HTML', '<html>', 'cannot be parsed'],
    ['is no list', '{"a": 1}', 'has neither a list of targets nor an object with one'],
    ['is null', 'null', 'has neither a list'],
    ['is too large', `[${' '.repeat(200)}]`, 'has 202 bytes, more than maxBytes, 100'],
  ])('tells of a file that %s, and shows nothing of it', async (_what, content, message) => {
    await write(content);
    const { sets, errors } = watch({ maxBytes: 100 });
    await eventually(() => errors.length > 0);
    expect(errors[0]).toBe(`${path} ${message}${message.endsWith('list') ? ' of targets nor an object with one' : ''}`);
    expect(sets).toEqual([]);
  });

  it('tells of a directory', async () => {
    await mkdir(path);
    const { errors } = watch();
    await eventually(() => errors.length > 0);
    expect(errors[0]).toBe(`${path} is no file`);
  });

  it('reads what `parse` understands', async () => {
    await write(`${A}\n${B}`);
    const { sets } = watch({ parse: (text) => text.split('\n') });
    await eventually(() => sets.length > 0);
    expect(sets[0]).toEqual([{ url: A }, { url: B }]);
  });

  it('reads the file every pollMs, be there no directory to watch', async () => {
    const clock = new FakeClock();
    const missing = join(directory, 'later', 'targets.json');
    const { sets, errors } = watch({ path: missing, clock, pollMs: 5_000 });
    clock.advance(1);
    await eventually(() => errors.length === 1 && clock.nextInMs === 5_000);
    await mkdir(join(directory, 'later'));
    await writeFile(missing, JSON.stringify([A]));
    clock.advance(5_000);
    await eventually(() => clock.nextInMs === 1);
    clock.advance(1);
    await eventually(() => sets.length === 1);
    expect(sets).toEqual([[{ url: A }]]);
  });

  it('does not read the file again for another beside it', async () => {
    await write([A]);
    const clock = new FakeClock();
    const { sets } = watch({ clock, pollMs: 5_000 });
    clock.advance(1);
    await eventually(() => sets.length === 1);
    await seen('another.json', () => writeFile(join(directory, 'another.json'), '[]'));
    expect(clock.nextInMs).toBe(5_000);
    await seen('targets.json', () => write([A]));
    expect(clock.nextInMs).toBe(50);
  });

  it('gives whoever writes a moment to come to an end, and no more', async () => {
    await write([A]);
    const clock = new FakeClock();
    const { sets } = watch({ clock });
    clock.advance(1);
    await eventually(() => sets.length === 1);
    await seen('targets.json', () => write('[{"url":'));
    clock.advance(40);
    await seen('targets.json', () => write([B]));
    expect(clock.nextInMs).toBe(10);
    clock.advance(10);
    await eventually(() => clock.nextInMs === 1);
    clock.advance(1);
    await eventually(() => sets.length === 2);
  });

  it('leaves neither a timer nor a watch behind, and tells nothing more', async () => {
    await write([A]);
    const clock = new FakeClock();
    const { sets, errors, stop } = watch({ clock });
    clock.advance(1);
    await eventually(() => sets.length === 1);
    stop();
    // A watch that was left would start a timer now.
    await seen('targets.json', () => write([B]));
    expect(clock.pending).toBe(0);
    await clock.advanceAsync(100_000);
    expect([sets.length, errors, clock.pending]).toEqual([1, [], 0]);
  });

  it.each([
    [{}, 'path: missing'],
    [{ path: '' }, 'path: got ""'],
    [{ path: 'a\0b' }, 'path: got'],
    [{ path: 'a', pollMs: 0 }, 'pollMs: got 0'],
    [{ path: 'a', maxBytes: 0 }, 'maxBytes: got 0'],
    [{ path: 'a', parse: 'yaml' }, 'parse: got "yaml", expected a function'],
    [{ path: 'a', pollSeconds: 1 }, 'pollSeconds: unknown option'],
  ])('refuses %o', (options, fault) => {
    const create = () => fileSource(options as FileSourceOptions);
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(fault);
  });
});
