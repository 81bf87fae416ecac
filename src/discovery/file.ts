import { watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemClock, type Clock } from '../core/clock.js';
import { clockField, func, integer, milliseconds, object, string, validate, type Schema } from '../core/options.js';
import type { TargetOptions } from '../core/target-options.js';
import type { DiscoverySource } from './source.js';
import { watchLoop } from './watch-loop.js';

export interface FileSourceOptions {
  /** Of the file. It need not be there yet. */
  path: string;
  /**
   * Makes of the text what JSON would give: a list of targets, or an object with `targets`. For YAML, say.
   * @default JSON
   */
  parse?: (text: string) => unknown;
  /**
   * How often the file is read although no change was seen, in ms: network file systems tell of none. From 1 on.
   * @default 30000
   */
  pollMs?: number;
  /** Bytes that the file may have. From 1 on. @default 1048576 */
  maxBytes?: number;
  /** @default systemClock */
  clock?: Clock;
}

const fileSourceFields = {
  path: string('a path', (path) => path !== '' && !path.includes('\0')),
  parse: func,
  pollMs: milliseconds(),
  maxBytes: integer({ min: 1 }),
  clock: clockField,
} satisfies Record<keyof FileSourceOptions, Schema>;

const fields = object(fileSourceFields, { required: ['path'] });

/** After a change, so that a writer which writes in pieces has come to its end. */
const SETTLE_MS = 50;

/**
 * Targets in a file, read again as soon as it changes: written in place, put in its place by a rename, or as Kubernetes
 * swaps the files of a ConfigMap. Its text is a list of targets, each a URL or an object with `url`, `weight`, `zone` and
 * `priority`; or an object with such a list as `targets`.
 *
 * @throws {ConfigError} when an option is wrong. A file that is missing or malformed is an error of the source.
 *
 * @example
 * const source = fileSource({ path: '/etc/gateway/users.json' });
 */
export function fileSource(options: FileSourceOptions): DiscoverySource {
  validate('fileSource', options, fields);
  const { clock = systemClock, pollMs = 30_000 } = options;
  return {
    name: 'file',
    subscribe(onTargets, onError) {
      async function round(signal: AbortSignal): Promise<number> {
        // Begun before the file is read, so that a change meanwhile is seen.
        const change = nextChange(options.path, pollMs, clock, signal);
        try {
          const targets = await readTargets(options);
          if (!signal.aborted) onTargets(targets);
        } catch (error) {
          // Told here, and not thrown: what makes up for it is a change, for which nobody has to be asked less often.
          if (!signal.aborted) onError(error instanceof Error ? error : new Error(String(error)));
        }
        await change;
        return 0;
      }
      return watchLoop(round, onError, { clock });
    },
  };
}

async function readTargets({
  path,
  parse = JSON.parse,
  maxBytes = 1024 * 1024,
}: FileSourceOptions): Promise<TargetOptions[]> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(`${path} is no file`);
  if (found.size > maxBytes) throw new Error(`${path} has ${found.size} bytes, more than maxBytes, ${maxBytes}`);
  const text = await readFile(path, 'utf8');
  const entries = listOf(parsed(text, parse, path));
  if (entries === null) throw new Error(`${path} has neither a list of targets nor an object with one`);
  return entries.map((entry) => (typeof entry === 'string' ? { url: entry } : (entry as TargetOptions)));
}

function parsed(text: string, parse: (text: string) => unknown, path: string): unknown {
  try {
    return parse(text);
  } catch {
    // What a parser says may quote the file.
    throw new Error(`${path} cannot be parsed`);
  }
}

function listOf(content: unknown): readonly unknown[] | null {
  const list = Array.isArray(content) ? content : (content as { targets?: unknown } | null | undefined)?.targets;
  return Array.isArray(list) ? list : null;
}

/**
 * Resolves when the file may have changed, when `pollMs` are over, and when the signal is aborted. The directory is
 * watched, not the file: a watch of a file stays with the one that a rename has taken away.
 */
function nextChange(path: string, pollMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let watcher: FSWatcher | null = null;
    let isSettling = false;
    let timer = clock.setTimer(finish, pollMs);

    function finish(): void {
      clock.clearTimer(timer);
      signal.removeEventListener('abort', finish);
      watcher?.close();
      resolve();
    }
    function onEvent(_event: string, name: string | null): void {
      // The files of a ConfigMap are links that lead through `..data`, and that is what is swapped.
      if (isSettling || !(name === null || name === basename(path) || name.startsWith('..'))) return;
      isSettling = true;
      clock.clearTimer(timer);
      timer = clock.setTimer(finish, SETTLE_MS);
    }

    signal.addEventListener('abort', finish, { once: true });
    try {
      watcher = watch(dirname(path), { persistent: false }, onEvent);
      // It has come to its end by itself, as has the directory perhaps: the poll goes on.
      watcher.on('error', () => undefined);
    } catch {
      // There is no directory yet, or the system watches enough already: the poll goes on.
    }
  });
}
