import { failureReason } from '../core/failure-reason.js';

/** What went wrong with a registry, in one short line for the operator. */
export function apiFailure(origin: string, error: unknown): Error {
  return new Error(`${origin}: ${failureReason(error)}`);
}
