import type { Context } from '../core/context.js';
import type { Draft } from '../core/draft.js';
import type { GatewayResponse, MaybePromise } from '../core/types.js';

/** Gives a header field a value, in the place of the one it has; a `Set-Cookie` is a further one. */
export interface AddHeaderRule {
  type: 'add-header';
  /** Name of the field. */
  key: string;
  /** A template. Where a part of it has no value, the field is not sent. */
  value: string;
}

/** Takes a header field away. */
export interface RemoveHeaderRule {
  type: 'remove-header';
  /** Name of the field. */
  key: string;
}

/**
 * Decides the path that is asked for, below the path of the target. It works on the whole path that the client sent, or
 * on what a transform before it has made of it, and it replaces the route's own rule (`stripPrefix`, `rewrite`,
 * `pathRewrite`). The query stays. A path that comes out ambiguous is refused with 400.
 */
export interface RewritePathRule {
  type: 'rewrite-path';
  /**
   * Regular expression; a path that it does not match is left to the route's own rule. A pattern that an input could
   * make slow does not start, and a path over 2048 characters is answered with 414. @default the whole path
   */
  key?: string;
  /** A template, in which `$1` is the first group of `key`. Where a part of it has no value, the request is refused. */
  value: string;
}

/** What a verb names. A path of a body is names with dots; `*` is every element of a list: `items.*.secret`. */
export interface RequestNames {
  headers?: readonly string[];
  query?: readonly string[];
  body?: readonly string[];
}

/** Old names to new ones. A member of a body keeps its place: its new name is one without dots. */
export interface RequestRenames {
  headers?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  body?: Readonly<Record<string, string>>;
}

/** Names to values. Every text in them is a template; one without a value is not written. */
export interface RequestValues {
  headers?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  /** Anything that JSON can carry. */
  body?: Readonly<Record<string, unknown>>;
}

/** What becomes of a body as a whole. */
export interface BodyShape {
  /** Keep these members and no others. Of a list, that is nothing, unless the paths begin with `*`. */
  pick?: readonly string[];
  /** Another way to write `remove: { body }`. */
  omit?: readonly string[];
  /** Put the whole body under a member of this name. */
  wrap?: string;
}

/**
 * What is done to a request, in this order. Names of header fields are compared without case. Bodies are those of JSON
 * and of forms, where `user.role` is `user[role]` as much as `user.role`; others pass as they are.
 */
export interface RequestVerbs extends BodyShape {
  /** Take away. */
  remove?: RequestNames;
  /** Give another name, in the place of what has that name already. */
  rename?: RequestRenames;
  /** Give a value to what is there. */
  replace?: RequestValues;
  /** Give a value to what is not there. */
  add?: RequestValues;
  /** Give a further value: of a header field, a parameter, or a list in a body. */
  append?: RequestValues;
}

type OfResponse<Named> = Omit<Named, 'query'>;

/** What is done to an answer, in this order, as with {@link RequestVerbs}. Bodies are those of JSON. */
export interface ResponseVerbs extends BodyShape {
  remove?: OfResponse<RequestNames>;
  rename?: OfResponse<RequestRenames>;
  replace?: OfResponse<RequestValues>;
  add?: OfResponse<RequestValues>;
  append?: OfResponse<RequestValues>;
}

/**
 * Makes another body of a body of JSON, on requests also of a form: `{ name: text }`, a list where a name is there
 * twice.
 */
export interface BodyMapping {
  /**
   * Gets the value, returns the one to send; `undefined` = the same value, which may have been changed. An integer
   * beyond 2^53 has lost digits by then, as `JSON.parse` has it.
   */
  body: (value: unknown, ctx: Context) => unknown;
}

/** Makes other bytes of a body, free of its content coding. */
export interface BytesMapping {
  bytes: (body: Uint8Array, ctx: Context) => MaybePromise<Uint8Array | string>;
  /** Media types of the bodies that it gets, such as `'text/html'` or `'text/*'`; never `text/event-stream`. */
  types: readonly string[];
}

/** Changes what goes upstream, or answers in its place by returning an answer, which nothing else here changes. */
export type RequestFunction = (
  draft: Draft,
  ctx: Context,
  // A function that ends without `return` is the usual one.
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type
) => MaybePromise<void | GatewayResponse>;

/** Changes an answer, or returns another one. Whoever leaves its stream unread destroys it. */
export type ResponseFunction = (
  response: GatewayResponse,
  ctx: Context,
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type
) => MaybePromise<void | GatewayResponse>;

export type RequestTransform =
  AddHeaderRule | RemoveHeaderRule | RewritePathRule | RequestVerbs | BodyMapping | BytesMapping | RequestFunction;

export type ResponseTransform =
  AddHeaderRule | RemoveHeaderRule | ResponseVerbs | BodyMapping | BytesMapping | ResponseFunction;

export interface TransformOptions {
  /** What is done to requests on their way upstream, in this order. @default nothing */
  request?: RequestTransform | readonly RequestTransform[];
  /** What is done to answers, in this order; the gateway's own refusals stay as they are. @default nothing */
  response?: ResponseTransform | readonly ResponseTransform[];
  /**
   * Bytes of a body, decoded, that a rule looks into; a longer request is refused with 413, a longer answer is 502. From
   * 1 on. @default 1048576, 1 MiB
   */
  maxBodyBytes?: number;
}
