/** How an exchange is told to a permit. */
import { errorResult, type AttemptResult } from '../core/attempt-result.js';
import type { Context, Outcome } from '../core/context.js';
import { isGatewayError } from '../core/errors.js';
import { headerValue } from '../core/headers.js';
import type { GatewayResponse } from '../core/types.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { CircuitPermit } from './circuit-permit.js';

function report(permit: CircuitPermit, result: AttemptResult): void {
  if (result === 'success') permit.success();
  else if (result === 'failure') permit.failure();
  else permit.cancel();
}

/** Reports what was thrown, and throws it on. */
export function reportError(permit: CircuitPermit, error: unknown, ctx: Context): never {
  report(permit, errorResult(error, ctx));
  throw error;
}

/**
 * Reports an answer whose head is there. A good one may still break off, so it counts when the exchange is over, save
 * where there is no body to wait for, or where the body is endless. A probe counts at its head: a client that reads slowly
 * must not keep the circuit from closing. Where its body then breaks off, that is a failure of the closed circuit.
 */
export function reportAnswer(
  breaker: CircuitBreaker,
  permit: CircuitPermit,
  result: AttemptResult,
  response: GatewayResponse,
  ctx: Context,
): void {
  if (result !== 'success' || !mayBreakOff(response)) {
    report(permit, result);
  } else if (permit.isProbe) {
    permit.success();
    ctx.onFinish((_ctx, outcome) => {
      if (breaker.state === 'closed' && finalResult(ctx, outcome) === 'failure') breaker.acquire()?.failure();
    });
  } else {
    permit.answered();
    ctx.onFinish((_ctx, outcome) => {
      report(permit, finalResult(ctx, outcome));
    });
  }
}

function mayBreakOff({ body, headers }: GatewayResponse): boolean {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return false;
  return !/^text\/event-stream\b/i.test(headerValue(headers, 'content-type') ?? '');
}

/** What became of an answer with a good head. One that breaks off before its head leaves is refused. */
function finalResult(ctx: Context, { aborted }: Outcome): AttemptResult {
  if (!aborted && ctx.refusal === null) return 'success';
  // Any other error is not the service's: it comes from the writing of the answer, or from a layer further out.
  return isGatewayError(ctx.error) ? errorResult(ctx.error, ctx) : 'neither';
}
