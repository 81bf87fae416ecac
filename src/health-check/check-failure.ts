import { failureReason } from '../core/failure-reason.js';

/** Why a check has failed, in one short line for the operator. */
export function checkFailure(error: unknown): string {
  // A name with several addresses, none of which can be connected to, fails with an error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (first === undefined) return 'it failed without a reason';
  const { code, syscall } = (first ?? {}) as { code?: unknown; syscall?: unknown };
  return typeof syscall === 'string' && typeof code === 'string' ? `${syscall} ${code}` : failureReason(first);
}
