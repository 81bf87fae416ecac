/** Texts with `{names}` in them: checked and taken apart once, filled for each request. */
import type { Context } from '../core/context.js';
import { isFieldName, isVouchedField } from '../core/headers.js';
import { nearestName, show } from '../core/options.js';

/** A text that is always the same, or one for each exchange; `undefined` where a part of it has no value. */
export type Text = string | ((ctx: Context) => string | undefined);

export function textFor(text: Text, ctx: Context): string | undefined {
  return typeof text === 'string' ? text : text(ctx);
}

/** Reads a value of an exchange; `undefined` and `''` = there is none. */
type Read = (ctx: Context) => string | undefined;

/** A `{name}` of a template. */
export interface Slot {
  /** Set where it takes a parameter of the route. */
  readonly param: string | null;
  readonly read: Read;
  /** The same as it stands in a path, where that is known without encoding it. */
  readonly readWire: Read | null;
}

const PLAIN: Readonly<Record<string, Slot>> = {
  requestId: slot((ctx) => ctx.requestId),
  clientIp: slot((ctx) => ctx.request.clientIp),
  method: slot((ctx) => ctx.request.method),
  path: slot(rawPath, rawPath),
  host: slot((ctx) => ctx.request.host),
  route: slot((ctx) => ctx.route?.id),
  traceId: slot((ctx) => ctx.trace?.traceId),
  'identity.id': slot((ctx) => ctx.identity?.id),
  'identity.tenant': slot((ctx) => ctx.identity?.tenant),
  'identity.consumer': slot((ctx) => ctx.identity?.consumer),
};

/** Slots whose name goes on as the user likes; each returns a fault where it cannot. */
const FAMILIES: Readonly<Record<string, (name: string) => Slot | string>> = {
  'params.': (name) => ({ ...slot(paramOf(name), wireParamOf(name)), param: name }),
  'query.': (name) => slot((ctx) => new URLSearchParams(ctx.request.query).get(name) ?? undefined),
  'headers.': (name) => {
    const lower = name.toLowerCase();
    if (isVouchedField(lower)) return 'is what the client claims of itself; write {identity.id}, or its like';
    return isFieldName(name) ? slot((ctx) => ctx.request.headers[lower]?.toString()) : 'names no header field';
  },
  'identity.claims.': (name) => slot(claimOf(name.split('.'))),
};

const ENVIRONMENT = 'env.';

function slot(read: Read, readWire: Read | null = null): Slot {
  return { param: null, read, readWire };
}

function rawPath({ request }: Context): string {
  return request.rawPath;
}

function paramOf(name: string): Read {
  return ({ params }) => (Object.hasOwn(params, name) ? params[name] : undefined);
}

/** Parameters go back as they stood on the wire, so an encoded slash stays encoded. */
function wireParamOf(name: string): Read {
  return ({ route }) => route?.values[route.names.indexOf(name)];
}

function claimOf(path: readonly string[]): Read {
  return function readClaim({ identity }) {
    let value: unknown = identity?.claims;
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Record<string, unknown>)[name];
    }
    if (value === null) return undefined;
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
}

const BRACES = /\{\{([\w.*-]+)\}\}|\{\{|\{([^{}]*)\}|\{/g;

/**
 * Takes a template apart: fixed texts with a slot between each two. `{{` is a brace; variables of the environment are
 * filled in at once.
 *
 * @param fault Is told what is wrong. No value of the environment is in it.
 */
export function parseTemplate(text: string, fault: (message: string) => void): (string | Slot)[] {
  const parts: (string | Slot)[] = [];
  let fixed = '';
  let end = 0;
  for (const match of text.matchAll(BRACES)) {
    const [whole, doubled, name] = match;
    fixed += text.slice(end, match.index);
    end = match.index + whole.length;
    if (doubled !== undefined) fault(`has ${show(whole)}; a value has one brace on each side`);
    else if (whole === '{{') fixed += '{';
    else if (name === undefined) fault("has a '{' without its '}'; write '{{' for a brace");
    else {
      const filled = fillName(name, fault);
      if (typeof filled === 'string') fixed += filled;
      else {
        parts.push(fixed, filled);
        fixed = '';
      }
    }
  }
  parts.push(fixed + text.slice(end));
  return parts;
}

function fillName(name: string, fault: (message: string) => void): Slot | string {
  if (Object.hasOwn(PLAIN, name)) return PLAIN[name] as Slot;
  if (name.startsWith(ENVIRONMENT)) return variable(name.slice(ENVIRONMENT.length), fault);
  const family = Object.keys(FAMILIES).find((prefix) => name.startsWith(prefix) && name !== prefix);
  const found = family === undefined ? unknownName(name) : FAMILIES[family]?.(name.slice(family.length));
  if (typeof found === 'object') return found;
  fault(`{${name.slice(0, 60)}} ${found ?? ''}`);
  return '';
}

function variable(name: string, fault: (message: string) => void): string {
  const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined;
  if (value) return value;
  const nearest = nearestName(name, Object.keys(process.env));
  const help = nearest === null ? '' : `; did you mean {${ENVIRONMENT}${nearest}}?`;
  fault(`{${ENVIRONMENT}${name.slice(0, 60)}} is a variable of the environment that is not set, or empty${help}`);
  return '';
}

function unknownName(name: string): string {
  const families = [...Object.keys(FAMILIES), ENVIRONMENT];
  const dot = name.lastIndexOf('.') + 1;
  const family = dot === 0 ? null : nearestName(name.slice(0, dot), families);
  const nearest = nearestName(name, Object.keys(PLAIN)) ?? (family && family + name.slice(dot));
  if (nearest !== null && nearest !== name) return `names nothing; did you mean {${nearest}}?`;
  const names = [...Object.keys(PLAIN), ...families.map((prefix) => `${prefix}*`)];
  return `names nothing; the names are ${names.join(', ')}`;
}

/** Compiles a template that has been checked. @param read Reads a slot, as it is to be written. */
export function compileTemplate(text: string, read = readSlot): Text {
  const parts = parseTemplate(text, ignore);
  const [first, ...rest] = parts;
  if (rest.length === 0) return first as string;
  return function fillTemplate(ctx) {
    let filled = '';
    for (const part of parts) {
      const value = typeof part === 'string' ? part : read(part, ctx) || undefined;
      if (value === undefined) return undefined;
      filled += value;
    }
    return filled;
  };
}

function readSlot(part: Slot, ctx: Context): string | undefined {
  return part.read(ctx);
}

function ignore(): void {
  // It was told when the options were checked.
}
