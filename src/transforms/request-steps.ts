import type { Context } from '../core/context.js';
import type { GatewayResponse, MaybePromise } from '../core/types.js';
import { absentFields, UpstreamFields } from '../core/upstream-fields.js';
import { compileBytesEdit, compileValueEdits, editOfMapping, editOfVerbs, type ValueEdit } from './body-edit.js';
import { changesType, compileHeaderVerbs, fieldText, removedFields } from './header-edits.js';
import { joinNeighbours } from './join-neighbours.js';
import { compileQueryVerbs } from './query-verbs.js';
import { compileRequestBody } from './request-body.js';
import { compileRewritePath } from './rewrite-path.js';
import { compileTemplate } from './template.js';
import type { AddHeaderRule, RequestTransform, RequestVerbs } from './types.js';

/** Changes what goes upstream; an answer that it returns goes to the client in the place of the service's. */
export type RequestStep = (ctx: Context) => MaybePromise<GatewayResponse | undefined>;

/** A step, or what costs less together with its neighbours: fields that are known at start, edits of one body. */
type Part = RequestStep | UpstreamFields | readonly ValueEdit[];

/** The steps of transforms, in their order. */
export function compileRequestSteps(transforms: readonly RequestTransform[], maxBodyBytes: number): RequestStep[] {
  const parts = transforms.flatMap((transform) => partsOf(transform, maxBodyBytes));
  return joinNeighbours(parts, join).map((part) => {
    if (typeof part === 'function') return part;
    if (part instanceof UpstreamFields) return doing((ctx) => ctx.setUpstreamFields(part));
    return compileRequestBody(compileValueEdits(part, true), maxBodyBytes);
  });
}

function join(first: Part, second: Part): Part | null {
  if (first instanceof UpstreamFields && second instanceof UpstreamFields) return first.with(second);
  return isEdits(first) && isEdits(second) ? [...first, ...second] : null;
}

function isEdits(part: Part): part is readonly ValueEdit[] {
  return Array.isArray(part);
}

function partsOf(transform: RequestTransform, maxBodyBytes: number): Part[] {
  if (typeof transform === 'function') return [(ctx) => transform(ctx.draft(), ctx) as ReturnType<RequestStep>];
  if ('bytes' in transform) return [compileRequestBody(compileBytesEdit(transform), maxBodyBytes)];
  if ('body' in transform) return [[editOfMapping(transform)]];
  if (!('type' in transform)) return partsOfVerbs(transform);
  if (transform.type === 'remove-header') return [absentFields([transform.key.toLowerCase()])];
  return [transform.type === 'add-header' ? addHeader(transform) : compileRewritePath(transform)];
}

function addHeader({ key, value }: AddHeaderRule): Part {
  const name = key.toLowerCase();
  const text = compileTemplate(value);
  if (typeof text === 'string') return new UpstreamFields({ [name]: text });
  const taken = absentFields([name]);
  return doing((ctx) => {
    // The client has no say in it, be it that there is no value.
    ctx.setUpstreamFields(taken);
    const given = fieldText(text, ctx);
    if (given !== undefined) ctx.draft().headers[name] = given;
  });
}

function partsOfVerbs(verbs: RequestVerbs): Part[] {
  const removed = removedFields(verbs);
  const headerEdits = compileHeaderVerbs(verbs);
  const editQuery = compileQueryVerbs(verbs);
  const bodyEdit = editOfVerbs(verbs);
  const ofHeaders: Part[] = [
    ...(removed.length === 0 ? [] : [absentFields(removed)]),
    ...headerEdits.map((edit) => doing((ctx) => edit(ctx.draft().headers, ctx))),
    ...(editQuery === null ? [] : [doing(editQuery)]),
  ];
  const ofBody: Part[] = bodyEdit === null ? [] : [[bodyEdit]];
  // The body is of the type that it came with.
  return changesType(verbs) ? [...ofBody, ...ofHeaders] : [...ofHeaders, ...ofBody];
}

/** A step that answers nothing. */
function doing(run: (ctx: Context) => void): RequestStep {
  return function runStep(ctx) {
    run(ctx);
    return undefined;
  };
}
