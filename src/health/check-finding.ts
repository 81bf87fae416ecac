import { failureReason, shortLine } from '../core/failure-reason.js';
import { show } from '../core/options.js';

/** What a run of a check comes to. */
export interface CheckFinding {
  readonly healthy: boolean;
  readonly message: string | null;
}

const PASSED: CheckFinding = { healthy: true, message: null };
const FAILED: CheckFinding = { healthy: false, message: null };

/** Reads what a check has returned. What is no outcome is a failure: it may mean anything. */
export function findingOf(outcome: unknown): CheckFinding {
  if (outcome === true || outcome === undefined) return PASSED;
  if (outcome === false) return FAILED;
  const { healthy, message } = (outcome ?? {}) as { healthy?: unknown; message?: unknown };
  if (typeof healthy === 'boolean')
    return { healthy, message: typeof message === 'string' ? shortLine(message) : null };
  return { healthy: false, message: `returned ${kindOf(outcome)}, expected true, false, nothing, or { healthy }` };
}

/** What a check has found that threw or was rejected. */
export function findingOfError(error: unknown): CheckFinding {
  return { healthy: false, message: failureReason(error) };
}

/** Not the value: it may be a row of a database. */
function kindOf(value: unknown): string {
  return typeof value === 'string' ? 'a text' : typeof value === 'number' ? 'a number' : show(value);
}
