import type { Context } from '../core/context.js';
import {
  EVERY,
  eachHolder,
  isJsonObject,
  parseBodyPath,
  setMember,
  type BodyPath,
  type JsonObject,
} from './body-path.js';
import { compileJsonTemplate, type JsonTemplate } from './json-template.js';
import type { ResponseVerbs } from './types.js';

/** Works on a value of JSON that it may change, and returns what is to be sent. */
export type JsonEdit = (value: unknown, ctx: Context) => unknown;

/** The verbs of bodies of JSON in their order. */
export function compileJsonVerbs(verbs: ResponseVerbs): JsonEdit[] {
  const { remove, rename, replace, add, append, pick, omit, wrap } = verbs;
  return [
    ...(remove?.body ?? []).map((path) => removeMember(parseBodyPath(path))),
    ...Object.entries(rename?.body ?? {}).map(([path, to]) => renameMember(parseBodyPath(path), to)),
    ...values(replace?.body, replaceMember),
    ...values(add?.body, addMember),
    ...values(append?.body, appendValue),
    ...(pick === undefined ? [] : [pickMembers(pick.map(parseBodyPath))]),
    ...(omit ?? []).map((path) => removeMember(parseBodyPath(path))),
    ...(wrap === undefined ? [] : [wrapIn(wrap)]),
  ];
}

function values(
  verb: Readonly<Record<string, unknown>> = {},
  compile: (path: BodyPath, valueOf: JsonTemplate) => JsonEdit,
): JsonEdit[] {
  return Object.entries(verb).map(([path, value]) => compile(parseBodyPath(path), compileJsonTemplate(value)));
}

function removeMember(path: BodyPath): JsonEdit {
  return function remove(body) {
    eachHolder(body, path, (holder, name) => delete holder[name]);
    return body;
  };
}

function renameMember(path: BodyPath, to: string): JsonEdit {
  return function rename(body) {
    eachHolder(body, path, (holder, name) => {
      if (!Object.hasOwn(holder, name)) return;
      const value = holder[name];
      delete holder[name];
      setMember(holder, to, value);
    });
    return body;
  };
}

function replaceMember(path: BodyPath, valueOf: JsonTemplate): JsonEdit {
  return function replace(body, ctx) {
    eachHolder(body, path, (holder, name) => {
      if (!Object.hasOwn(holder, name)) return;
      const value = valueOf(ctx);
      // What has no new value does not keep the old one: it was not to be sent.
      if (value === undefined) delete holder[name];
      else setMember(holder, name, value);
    });
    return body;
  };
}

function addMember(path: BodyPath, valueOf: JsonTemplate): JsonEdit {
  return function add(body, ctx) {
    if (valueOf(ctx) === undefined) return body;
    const visit = (holder: JsonObject, name: string): void => {
      if (!Object.hasOwn(holder, name)) setMember(holder, name, valueOf(ctx));
    };
    eachHolder(body, path, visit, true);
    return body;
  };
}

function appendValue(path: BodyPath, valueOf: JsonTemplate): JsonEdit {
  return function append(body, ctx) {
    if (valueOf(ctx) === undefined) return body;
    const visit = (holder: JsonObject, name: string): void => {
      const present = Object.hasOwn(holder, name) ? [holder[name]].flat() : [];
      setMember(holder, name, [...present, valueOf(ctx)]);
    };
    eachHolder(body, path, visit, true);
    return body;
  };
}

/** What is kept of a value, by the names of its members; an empty one keeps all. */
type Kept = Map<string, Kept>;

function pickMembers(paths: readonly BodyPath[]): JsonEdit {
  const root: Kept = new Map();
  for (const path of paths) keep(root, path);
  return (body) => pickFrom(body, root) ?? null;
}

/** A path that ends above or at another one keeps what that one names, too. */
function keep(kept: Kept, path: BodyPath): void {
  const [name, ...rest] = path as [string, ...string[]];
  const inner = kept.get(name);
  if (rest.length === 0) kept.set(name, new Map());
  else if (inner === undefined) {
    const fresh: Kept = new Map();
    keep(fresh, rest);
    kept.set(name, fresh);
  } else if (inner.size > 0) keep(inner, rest);
}

/** `undefined` where a value is of another kind than the paths go through: what they do not name is not sent. */
function pickFrom(value: unknown, kept: Kept): unknown {
  if (kept.size === 0) return value;
  if (Array.isArray(value)) {
    const each = kept.get(EVERY);
    return each === undefined ? [] : value.map((item) => pickFrom(item, each)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(value)) return undefined;
  const picked: JsonObject = {};
  for (const [name, inner] of kept) {
    const member = Object.hasOwn(value, name) ? pickFrom(value[name], inner) : undefined;
    if (member !== undefined) setMember(picked, name, member);
  }
  return picked;
}

function wrapIn(name: string): JsonEdit {
  return function wrap(body) {
    const wrapper: JsonObject = {};
    setMember(wrapper, name, body);
    return wrapper;
  };
}
