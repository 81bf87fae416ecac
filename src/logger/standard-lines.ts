import { finishLateWork } from '../core/late-work.js';
import { LineWriter, type LineSink } from './line-writer.js';

const stdout = new LineWriter(1, { unblock: () => unblock(process.stdout) });
const stderr = new LineWriter(2, { unblock: () => unblock(process.stderr) });

let isOwned = false;
let isExiting = false;
/** About a second of them, for both. */
let pausesAtExit = 100;

/**
 * Standard output, those lines together that come within about 20 ms. They never block the event loop: what cannot be
 * written now waits, up to 16 MiB.
 *
 * What waits when the process exits is written then, for at most about a second, be it `process.exit` or an uncaught
 * exception. A signal that nobody handles ends a process without a word: the lines of the last 30 ms go with it. Handle
 * SIGTERM, as `serve()` does, or call `close()` of the gateway: it waits until its lines are out.
 */
export const stdoutLines: LineSink = (line) => {
  add(stdout, line);
};

/** Standard error, in the same way. */
export const stderrLines: LineSink = (line) => {
  add(stderr, line);
};

/** Resolves when all lines that were given to both are out, or when nothing has moved for a second. */
export async function flushLines(): Promise<void> {
  finishLateWork();
  await Promise.all([stdout.flush(), stderr.flush()]);
}

/** From now on nothing that is yet to be written is lost when the process exits. */
export function writeAtExit(): void {
  if (isOwned) return;
  isOwned = true;
  process.on('exit', flushAtExit);
}

function add(writer: LineWriter, line: string): void {
  writeAtExit();
  writer.add(line);
  if (isExiting) flushAtExit();
}

/** Whoever has a line to write from now on, in a listener of his own, writes it at once. */
function flushAtExit(): void {
  finishLateWork();
  isExiting = true;
  pausesAtExit = stderr.flushSync(stdout.flushSync(pausesAtExit));
}

interface StreamHandle {
  setBlocking?(blocking: boolean): number;
}

/**
 * Node makes its own pipes and sockets non-blocking, and that holds for the descriptor; it is not so on Windows. A
 * terminal has to stay as it is: others share it.
 */
function unblock(stream: NodeJS.WriteStream & { readonly _handle?: StreamHandle | null }): boolean {
  return process.platform !== 'win32' && !stream.isTTY && stream._handle?.setBlocking?.(false) === 0;
}
