import { isStream } from '../core/buffer-body.js';
import type { Context } from '../core/context.js';
import type { Body, ByteStream, GatewayResponse } from '../core/types.js';
import { compileAnswerBody } from './answer-body.js';
import { compileBytesEdit, compileValueEdits, editOfMapping, editOfVerbs, type ValueEdit } from './body-edit.js';
import {
  changesType,
  compileHeaderVerbs,
  removedFields,
  removeFields,
  setField,
  type HeaderEdit,
} from './header-edits.js';
import type { Step } from './in-turn.js';
import { joinNeighbours } from './join-neighbours.js';
import { compileTemplate } from './template.js';
import type { ResponseFunction, ResponseTransform, ResponseVerbs } from './types.js';

type AnswerStep = Step<GatewayResponse>;

/** A step, or edits of a body, which cost less together with their neighbours. */
type Part = AnswerStep | readonly ValueEdit[];

/** The steps of transforms, in their order. */
export function compileAnswerSteps(transforms: readonly ResponseTransform[], maxBodyBytes: number): AnswerStep[] {
  const parts = transforms.flatMap((transform) => partsOf(transform, maxBodyBytes));
  return joinNeighbours(parts, join).map((part) =>
    typeof part === 'function' ? part : compileAnswerBody(compileValueEdits(part, false), maxBodyBytes),
  );
}

function join(first: Part, second: Part): Part | null {
  return typeof first === 'object' && typeof second === 'object' ? [...first, ...second] : null;
}

/** True where a transform looks into bodies by a rule, so that they must be such as can be read. */
export function readsBody(transform: ResponseTransform): boolean {
  if (typeof transform === 'function' || 'type' in transform) return false;
  return 'bytes' in transform || 'body' in transform || editOfVerbs(transform) !== null;
}

function partsOf(transform: ResponseTransform, maxBodyBytes: number): Part[] {
  if (typeof transform === 'function') return [runFunction(transform)];
  if ('bytes' in transform) return [compileAnswerBody(compileBytesEdit(transform), maxBodyBytes)];
  if ('body' in transform) return [[editOfMapping(transform)]];
  if (!('type' in transform)) return partsOfVerbs(transform);
  const name = transform.key.toLowerCase();
  return [
    editingHeaders(
      transform.type === 'add-header' ? setField(name, compileTemplate(transform.value)) : removeFields([name]),
    ),
  ];
}

function partsOfVerbs(verbs: ResponseVerbs): Part[] {
  const removed = removedFields(verbs);
  const bodyEdit = editOfVerbs(verbs);
  const ofHeaders: Part[] = [
    ...(removed.length === 0 ? [] : [editingHeaders(removeFields(removed))]),
    ...compileHeaderVerbs(verbs).map(editingHeaders),
  ];
  const ofBody: Part[] = bodyEdit === null ? [] : [[bodyEdit]];
  // The body is of the type that it came with.
  return changesType(verbs) ? [...ofBody, ...ofHeaders] : [...ofHeaders, ...ofBody];
}

function editingHeaders(edit: HeaderEdit): AnswerStep {
  return function editHeaders(response, ctx) {
    edit(response.headers, ctx);
    return response;
  };
}

function runFunction(run: ResponseFunction): AnswerStep {
  return function runResponseFunction(response, ctx) {
    const { body } = response;
    const result = run(response, ctx);
    if (result instanceof Promise) return result.then((late) => answerOf(late, response, body, ctx));
    return answerOf(result, response, body, ctx);
  };
}

function answerOf(result: unknown, response: GatewayResponse, before: Body, ctx: Context): GatewayResponse {
  const answer = result === undefined ? response : (result as GatewayResponse);
  // A stream that is not sent, and cannot be part of what is, holds a connection until it is destroyed.
  if (isStream(before) && !isStream(answer.body)) discard(before, ctx);
  return answer;
}

/** That a body is cut which nobody gets is no error of the exchange. */
function discard(body: ByteStream, ctx: Context): void {
  const { error } = ctx;
  body.destroy();
  ctx.error = error;
}

/** Runs the steps of an answer. Where one fails, what is left of the body is not waited for. */
export function guarded(run: AnswerStep): AnswerStep {
  return function runGuarded(response: GatewayResponse, ctx: Context) {
    if (response === ctx.ownAnswer) return response;
    const { body } = response;
    try {
      const result = run(response, ctx);
      return result instanceof Promise ? result.catch((error: unknown) => abandon(body, error)) : result;
    } catch (error) {
      return abandon(body, error);
    }
  };
}

function abandon(body: Body, error: unknown): never {
  if (isStream(body)) body.destroy();
  throw error;
}
