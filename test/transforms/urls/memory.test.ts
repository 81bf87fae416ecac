import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('long-body.ts', import.meta.url));
const MIB = 1_048_576;

interface Passage {
  /** The most bytes of the heap and of buffers that were in use on the way, beside those in use before. */
  readonly held: number;
  /** Bytes that came out. */
  readonly taken: number;
}

async function passage(mode: 'rewritten' | 'untouched', coding: string): Promise<Passage> {
  const flags = ['--expose-gc', '--import', 'tsx'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, SCRIPT, mode, coding]);
  return JSON.parse(stdout) as Passage;
}

describe('the memory that rewriting takes', () => {
  it.each(['identity', 'gzip'])(
    'is less than 1 MiB for 100 MiB of %s',
    async (coding) => {
      const [rewritten, untouched] = [await passage('rewritten', coding), await passage('untouched', coding)];
      expect(rewritten.held - untouched.held).toBeLessThan(MIB);
      expect(rewritten.taken).toBeGreaterThan(coding === 'gzip' ? 100_000 : 100 * MIB);
      expect(rewritten.taken).not.toBe(untouched.taken);
    },
    120_000,
  );
});
