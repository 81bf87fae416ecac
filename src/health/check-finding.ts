import { show } from '../core/options.js';
import { redactText } from '../core/redact.js';

/** What a run of a check comes to. */
export interface CheckFinding {
  readonly healthy: boolean;
  readonly message: string | null;
}

const PASSED: CheckFinding = { healthy: true, message: null };
const FAILED: CheckFinding = { healthy: false, message: null };

/** Characters that are shown, and those that are looked at for credentials: the rest of a longer text is dropped. */
const SHOWN = 200;
const READ = 2_000;

/** Reads what a check has returned. What is no outcome is a failure: it may mean anything. */
export function findingOf(outcome: unknown): CheckFinding {
  if (outcome === true || outcome === undefined) return PASSED;
  if (outcome === false) return FAILED;
  const { healthy, message } = (outcome ?? {}) as { healthy?: unknown; message?: unknown };
  if (typeof healthy === 'boolean') return { healthy, message: typeof message === 'string' ? shown(message) : null };
  return { healthy: false, message: `returned ${kindOf(outcome)}, expected true, false, nothing, or { healthy }` };
}

/** What a check has found that threw or was rejected. */
export function findingOfError(error: unknown): CheckFinding {
  return { healthy: false, message: shown(reasonOf(error)) };
}

/** Not the value: it may be a row of a database. */
function kindOf(value: unknown): string {
  return typeof value === 'string' ? 'a text' : typeof value === 'number' ? 'a number' : show(value);
}

/** A connection that fails at each of several addresses has a code and no message. */
function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const { message, code, name } = (error ?? {}) as { message?: unknown; code?: unknown; name?: unknown };
  const text = [message, code, name].find((part) => typeof part === 'string' && part !== '');
  return typeof text === 'string' ? text : `threw ${show(error)}`;
}

function shown(text: string): string {
  // The word that the cut goes through may be half a credential, which nobody would recognise.
  const read = text.length > READ ? text.slice(0, READ).replace(/\S+$/, '') : text;
  const clean = redactText(read);
  return clean.length > SHOWN ? `${clean.slice(0, SHOWN - 3)}...` : clean;
}
