import { redactText } from '../core/redact.js';
import { warnOnce } from '../core/warn.js';
import type { LineSink } from './line-writer.js';
import { cutWhole } from './plain-fields.js';
import { stderrLines, stdoutLines } from './standard-lines.js';

/** A sink of the user's that breaks nothing: the line that it fails to take goes to standard error. */
export function safeSink(sink: LineSink): LineSink {
  if (sink === stdoutLines || sink === stderrLines) return sink;
  const take: (line: string) => unknown = sink;

  return function writeLine(line) {
    try {
      const result = take(line);
      if (!(result instanceof Promise)) return;
      result.catch((error: unknown) => {
        rescue(error, line);
      });
    } catch (error) {
      rescue(error, line);
    }
  };
}

function rescue(error: unknown, line: string): void {
  stderrLines(line);
  tellFailure('ERR_GATEWAY_LOG_SINK', 'A sink of the log failed; its lines go to standard error', error);
}

/** Tells the operator of the first failure of a kind. */
export function tellFailure(code: string, what: string, error: unknown): void {
  warnOnce(code, `${what}: ${redactText(cutWhole(error instanceof Error ? error.message : String(error)))}`);
}
