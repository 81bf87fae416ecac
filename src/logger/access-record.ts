import type { Attempt } from '../core/attempt.js';
import type { Context, Outcome } from '../core/context.js';
import { isGatewayError, type GatewayErrorCode, type RefusalCode } from '../core/errors.js';
import { isoTime } from '../core/iso-time.js';
import type { HeaderMap } from '../core/types.js';
import { cut } from './plain-fields.js';
import type { Redaction } from './redaction.js';

/**
 * What the access log tells of an exchange. What does not apply is `undefined`. Texts that a client or an upstream has a
 * say in are bounded, and without credentials; they may hold control characters.
 */
export interface AccessRecord {
  /** When the exchange was over: ISO 8601, UTC. */
  readonly timestamp: string;
  /** `error` from 500 on, `warn` from 400 on and where the answer was cut short. */
  readonly level: 'info' | 'warn' | 'error';
  readonly requestId: string | undefined;
  /** Of the trace that the exchange belongs to, and of its own span in it (W3C Trace Context). */
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly method: string;
  readonly path: string;
  /** With its `?`, where the options ask for it; the values of credentials are kept back. */
  readonly query: string | undefined;
  /** Id of the route. */
  readonly route: string | undefined;
  /** Tenant, version of the API and side of a split that the request went to, by the names of the config. */
  readonly tenant: string | undefined;
  readonly apiVersion: string | undefined;
  readonly variant: string | undefined;
  /** Origin of the upstream that was asked last. */
  readonly target: string | undefined;
  /** What the client got; 499 = it left before. */
  readonly status: number;
  /** Of the whole exchange; this and the other times are in ms. */
  readonly durationMs: number;
  /** How long the last call of an upstream waited for a connection, beside the time that it took to make one. */
  readonly queueMs: number | undefined;
  /** Making that connection, TLS included; 0 over an open one. */
  readonly connectMs: number | undefined;
  /** From the start of sending to the head of the answer. */
  readonly firstByteMs: number | undefined;
  /** From there to the end of the answer, or of the exchange, where that came first. */
  readonly bodyMs: number | undefined;
  /** Bytes of the body of the request, and of that of the answer, as far as they are known. */
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  /** Id of whoever has been proven to call. */
  readonly identity: string | undefined;
  /** How often an upstream was asked, where it was more than once. */
  readonly attempts: number | undefined;
  /** What a cache made of it, in a word. */
  readonly cache: string | undefined;
  /** Code that a piece in dry run would have refused with. */
  readonly dryRun: RefusalCode | undefined;
  /** Code of the gateway's own answer, or of what went wrong. */
  readonly code: GatewayErrorCode | undefined;
  /** Why the gateway refused. */
  readonly reason: string | undefined;
  /** True where the answer was cut short. */
  readonly aborted: true | undefined;
  /** Message of what went wrong. */
  readonly error: string | undefined;
  /** The header fields of the request that the options name. */
  readonly headers: Readonly<HeaderMap> | undefined;
  /** `GET /users/42 200` */
  readonly message: string;
}

/** Level of the record of an exchange that ended so. */
export function levelOf({ status, aborted }: Outcome): AccessRecord['level'] {
  if (status >= 500) return 'error';
  return status >= 400 || aborted ? 'warn' : 'info';
}

/** Sums an exchange up that is over, maybe for some time. */
export function accessRecord(ctx: Context, outcome: Outcome, redaction: Redaction): AccessRecord {
  const { request, route, requestId, trace, target, attempt, lastAttempt, identity, clock, finishedAt } = ctx;
  const { cache, refusal, reason, dryRefusal, error } = ctx;
  const { status, aborted, bytesIn, bytesOut } = outcome;
  const { method, headers } = request;
  const path = redaction.path(cut(request.path));
  return {
    timestamp: isoTime(clock.wall() - (clock.now() - finishedAt)),
    level: levelOf(outcome),
    requestId: requestId || undefined,
    traceId: trace?.traceId,
    spanId: trace?.spanId,
    method,
    path,
    query: redaction.query(request.query),
    route: route?.id,
    tenant: ctx.tenant ?? undefined,
    apiVersion: ctx.apiVersion ?? undefined,
    variant: ctx.variant ?? undefined,
    target: target ?? undefined,
    status,
    durationMs: rounded(finishedAt - ctx.startedAt),
    queueMs: lastAttempt === null ? undefined : part(queueMs(lastAttempt)),
    connectMs: lastAttempt === null || Number.isNaN(lastAttempt.sentAt) ? undefined : part(lastAttempt.connectMs),
    firstByteMs: lastAttempt === null ? undefined : part(lastAttempt.answeredAt - lastAttempt.sentAt),
    bodyMs: lastAttempt === null ? undefined : part(bodyMs(lastAttempt, finishedAt)),
    bytesIn,
    bytesOut,
    clientIp: request.clientIp,
    userAgent: redaction.field(headers, 'user-agent'),
    identity: identity === null ? undefined : cut(identity.id),
    attempts: attempt > 1 ? attempt : undefined,
    cache: cache ?? undefined,
    dryRun: dryRefusal ?? undefined,
    code: refusal ?? (isGatewayError(error) ? error.code : undefined),
    reason: reason === null ? undefined : redaction.text(reason),
    aborted: aborted || undefined,
    error: error instanceof Error ? redaction.text(error.message) : undefined,
    headers: redaction.headers(headers),
    message: `${method} ${path} ${status}`,
  };
}

function queueMs({ startedAt, sentAt, connectMs }: Attempt): number {
  return sentAt - startedAt - connectMs;
}

function bodyMs({ answeredAt, endedAt }: Attempt, finishedAt: number): number {
  return (endedAt < finishedAt ? endedAt : finishedAt) - answeredAt;
}

/** `NaN` is the time of what has not happened. */
function part(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : rounded(Math.max(0, ms));
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
