/** Why something failed, in one short line for the operator. */
import { show } from './options.js';
import { redactText } from './redact.js';

/** Characters that are shown, and those that are looked at for credentials: the rest of a longer text is dropped. */
const SHOWN = 200;
const READ = 2_000;

/** Of whatever was thrown. */
export function failureReason(error: unknown): string {
  if (typeof error === 'string') return shortLine(error);
  // A connection that fails at each of several addresses has a code and no message.
  const { message, code, name } = (error ?? {}) as { message?: unknown; code?: unknown; name?: unknown };
  const text = [message, code, name].find((part) => typeof part === 'string' && part !== '');
  return typeof text === 'string' ? shortLine(text) : `threw ${show(error)}`;
}

/** A text of whatever origin, without credentials and without what moves the cursor of a terminal. */
export function shortLine(text: string): string {
  // The word that the cut goes through may be half a credential, which nobody would recognise.
  const read = text.length > READ ? text.slice(0, READ).replace(/\S+$/, '') : text;
  const line = redactText(read).replace(/[\s\p{Cc}]+/gu, ' ');
  return line.length > SHOWN || read !== text ? `${line.slice(0, SHOWN - 3)}...` : line;
}
