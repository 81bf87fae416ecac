import { redactText } from '../core/redact.js';

/** Characters of a reason: certificates, say, are quoted in messages, and can be of any size. */
const MAX_LENGTH = 200;

/** Why a check has failed, in one short line for the operator. */
export function failureReason(error: unknown): string {
  // A name with several addresses, none of which can be connected to, fails with an error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { message, code, syscall } = (first ?? {}) as { message?: unknown; code?: unknown; syscall?: unknown };
  if (typeof syscall === 'string' && typeof code === 'string') return `${syscall} ${code}`;
  const text = typeof first === 'string' ? first : [message, code].find((part) => typeof part === 'string' && part);
  return typeof text === 'string' ? oneLine(text) : 'it failed without a reason';
}

function oneLine(text: string): string {
  const line = redactText(text.slice(0, 2 * MAX_LENGTH)).replace(/[\s\p{Cc}]+/gu, ' ');
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 3)}...` : line;
}
