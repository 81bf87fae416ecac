import type { Context } from '../core/context.js';
import type { GatewayResponse, MaybePromise } from '../core/types.js';
import { compileAnswerSteps, guarded, readsBody } from './answer-steps.js';
import { askForDecodable } from './decodable.js';
import { inTurn, type Step } from './in-turn.js';
import { compileRequestSteps, type RequestStep } from './request-steps.js';
import type { TransformOptions } from './types.js';

/** What is done to a request and to its answer. */
export interface CompiledTransforms {
  /** Returns the answer where there is one already. */
  readonly onRequest: RequestStep;
  /** `null` where answers stay as they are. */
  readonly onAnswer: Step<GatewayResponse> | null;
}

const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/** Compiles the options once. */
export function compileTransforms(options: TransformOptions): CompiledTransforms {
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = options;
  const answerTransforms = [options.response ?? []].flat();
  const requestSteps = compileRequestSteps([options.request ?? []].flat(), maxBodyBytes);
  const answerSteps = compileAnswerSteps(answerTransforms, maxBodyBytes);
  if (answerTransforms.some(readsBody)) requestSteps.push(prepareAnswer);
  return {
    onRequest: untilAnswered(requestSteps),
    onAnswer: answerSteps.length === 0 ? null : guarded(inTurn(answerSteps)),
  };
}

/** The last step: it goes by the fields that the others leave. */
function prepareAnswer(ctx: Context): undefined {
  askForDecodable(ctx);
}

/** Runs steps one after the other until one of them answers; what is synchronous stays so. */
function untilAnswered(steps: readonly RequestStep[]): RequestStep {
  function runFrom(index: number, ctx: Context): MaybePromise<GatewayResponse | undefined> {
    for (let i = index; i < steps.length; i++) {
      const result = (steps[i] as RequestStep)(ctx);
      if (result instanceof Promise) return result.then((answer) => answer ?? runFrom(i + 1, ctx));
      if (result !== undefined) return result;
    }
    return undefined;
  }
  return (ctx) => runFrom(0, ctx);
}
