import type { Context, Outcome } from '../core/context.js';
import { isGatewayError } from '../core/errors.js';
import { isoTime } from '../core/iso-time.js';

/** What the access log tells of an exchange; `undefined` fields are left out. */
export function accessRecord(ctx: Context, { status, aborted }: Outcome): Readonly<Record<string, unknown>> {
  const { request, route, requestId, target, attempt, refusal, reason, dryRefusal, identity, error, clock, startedAt } =
    ctx;
  return {
    timestamp: isoTime(clock.wall()),
    level: levelOf(status, aborted),
    requestId: requestId === '' ? undefined : requestId,
    method: request.method,
    path: request.path,
    route: route?.id,
    status,
    durationMs: Math.round((clock.now() - startedAt) * 1000) / 1000,
    clientIp: request.clientIp,
    identity: identity?.id,
    target: target ?? undefined,
    attempts: attempt > 1 ? attempt : undefined,
    dryRun: dryRefusal ?? undefined,
    code: refusal ?? (isGatewayError(error) ? error.code : undefined),
    reason: reason ?? undefined,
    aborted: aborted || undefined,
    error: error instanceof Error ? error.message : undefined,
    message: `${request.method} ${request.path} ${status}`,
  };
}

function levelOf(status: number, aborted: boolean): 'info' | 'warn' | 'error' {
  if (status >= 500) return 'error';
  return status >= 400 || aborted ? 'warn' : 'info';
}
