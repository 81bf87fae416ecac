import { redactText } from '../core/redact.js';

/** Characters of a text that a registry or a user's function wrote. */
const MAX_TEXT = 200;

/** What went wrong with a registry, in one short line for the operator. */
export function apiFailure(origin: string, error: unknown): Error {
  return new Error(`${origin}: ${failureText(error)}`);
}

/** Bounded, without credentials and without what moves the cursor of a terminal, be it of an error of whatever origin. */
export function failureText(error: unknown): string {
  const text = redactText(messageOf(error).slice(0, 4 * MAX_TEXT)).replace(/[\s\p{Cc}]+/gu, ' ');
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}

/** A connection that failed at each address of a name has no message, only a code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
