import { after } from '../core/after.js';
import {
  answerResult,
  compileFailureStatuses,
  errorResult,
  failureStatusesField,
  type FailureStatuses,
} from '../core/attempt-result.js';
import type { Context } from '../core/context.js';
import { isGatewayError, isRefusalCode, type RefusalCode } from '../core/errors.js';
import { compileFixedAnswer, fixedAnswerField, type FixedAnswer } from '../core/fixed-answer.js';
import { either, func, object, validate, type Schema } from '../core/options.js';
import type { GatewayResponse, MaybePromise, Middleware } from '../core/types.js';

/** What a fallback answers for. */
export interface FallbackFailure {
  /** The gateway's own code; `null` where the service answered, or where the error is not the gateway's. */
  readonly code: RefusalCode | null;
  /** Of the answer that failed; `null` where there was none. */
  readonly status: number | null;
  /** What was thrown; `null` where there was an answer. */
  readonly error: unknown;
}

/** Makes an answer for a failure; `null` lets the failure go on. */
export type FallbackFunction = (ctx: Context, failure: FallbackFailure) => MaybePromise<GatewayResponse | null>;

export type FallbackAnswer = FixedAnswer | FallbackFunction;

export interface FallbackOptions {
  /** Statuses of answers that are failures, from 400 to 599. @default every 5xx */
  failureStatuses?: FailureStatuses;
}

/** Schema of the answer, for those who put it into their own config. */
export const fallbackField = either(func, fixedAnswerField);

const optionFields = { failureStatuses: failureStatusesField } satisfies Record<keyof FallbackOptions, Schema>;

/** Refusals of the gateway in the place of a service that cannot take the call. */
const IN_PLACE_OF_SERVICE: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'ERR_GATEWAY_CIRCUIT_OPEN',
  'ERR_GATEWAY_NO_TARGETS',
  'ERR_GATEWAY_UPSTREAM_BUSY',
  'ERR_GATEWAY_CONCURRENCY_LIMITED',
]);

/**
 * Answers in the place of a service that failed, or that the gateway does not ask because its circuit is open, its
 * connections are busy or no target is left. Answers below 500 and other refusals pass. `ctx.refusal` and `ctx.error` stay: the log shows what
 * the client is spared.
 *
 * @throws {ConfigError} when the answer or an option is wrong.
 *
 * @example
 * compose([fallback({ body: { items: [], source: 'fallback' } }), circuitBreaker()], proxy({ target }));
 */
export function fallback(answer: FallbackAnswer, options: FallbackOptions = {}): Middleware {
  validate('fallback', answer, fallbackField, 'answer');
  validate('fallback', options, object(optionFields));
  const isFailure = compileFailureStatuses(options.failureStatuses);
  const answerInstead = typeof answer === 'function' ? askedAnswer(answer) : fixedAnswer(answer);

  function onAnswer(response: GatewayResponse, ctx: Context): MaybePromise<GatewayResponse> {
    const failure = failureOfAnswer(response, ctx, isFailure);
    return failure === null ? response : answerInstead(ctx, failure, response);
  }

  function onError(error: unknown, ctx: Context): MaybePromise<GatewayResponse> {
    const failure = failureOfError(error, ctx);
    if (failure === null) throw error;
    ctx.error = error;
    return answerInstead(ctx, failure, null);
  }

  return function fallbackMiddleware(ctx, next) {
    return after(next, ctx, onAnswer, onError);
  };
}

function failureOfAnswer(
  response: GatewayResponse,
  ctx: Context,
  isFailure: (status: number) => boolean,
): FallbackFailure | null {
  if (ctx.aborted !== null) return null;
  const { status } = response;
  if (ctx.refusal !== null && IN_PLACE_OF_SERVICE.has(ctx.refusal)) return { code: ctx.refusal, status, error: null };
  return answerResult(response, ctx, isFailure) === 'failure' ? { code: null, status, error: null } : null;
}

function failureOfError(error: unknown, ctx: Context): FallbackFailure | null {
  if (ctx.aborted !== null) return null;
  const code = isGatewayError(error) && isRefusalCode(error.code) ? error.code : null;
  const applies = (code !== null && IN_PLACE_OF_SERVICE.has(code)) || errorResult(error, ctx) === 'failure';
  return applies ? { code, status: null, error } : null;
}

type Replacement = (
  ctx: Context,
  failure: FallbackFailure,
  failed: GatewayResponse | null,
) => MaybePromise<GatewayResponse>;

function fixedAnswer(answer: FixedAnswer): Replacement {
  const makeAnswer = compileFixedAnswer(answer);
  return function answerFixed(ctx, _failure, failed) {
    discard(failed, ctx);
    return makeAnswer();
  };
}

/** The failed answer stays whole until there is one in its place. */
function askedAnswer(ask: FallbackFunction): Replacement {
  return async function answerAsked(ctx, failure, failed) {
    let answer: GatewayResponse | null;
    try {
      answer = await ask(ctx, failure);
    } catch (error) {
      discard(failed, ctx);
      throw error;
    }
    if (answer !== null) {
      discard(failed, ctx);
      return answer;
    }
    if (failed === null) throw failure.error;
    return failed;
  };
}

/** Frees the connection of an answer that nobody gets. That its body is cut is no error of the exchange. */
function discard(response: GatewayResponse | null, ctx: Context): void {
  const body = response?.body;
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return;
  const { error } = ctx;
  body.destroy();
  ctx.error = error;
}
