import type { Context } from '../core/context.js';
import { EVERY, parseBodyPath, type BodyPath } from './body-path.js';
import { compileJsonTemplate } from './json-template.js';
import { compileParameterVerbs, type ParameterEdit, type ParameterPattern } from './parameter-verbs.js';
import { renamed } from './parameters.js';
import type { RequestVerbs } from './types.js';

/** The verbs of bodies, for forms, in their order. */
export function compileFormVerbs(verbs: RequestVerbs): ParameterEdit[] {
  const { pick, omit = [], wrap } = verbs;
  return [
    ...compileParameterVerbs({
      remove: patterns(verbs.remove?.body),
      rename: Object.entries(verbs.rename?.body ?? {}).map(([path, to]) => [patternOf(path), to]),
      replace: values(verbs.replace?.body),
      add: values(verbs.add?.body),
      append: values(verbs.append?.body),
    }),
    ...(pick === undefined ? [] : [keepOnly(patterns(pick))]),
    ...compileParameterVerbs({ remove: patterns(omit), rename: [], replace: [], add: [], append: [] }),
    ...(wrap === undefined ? [] : [wrapIn(wrap)]),
  ];
}

function patterns(paths: readonly string[] = []): ParameterPattern[] {
  return paths.map(patternOf);
}

function values(
  verb: Readonly<Record<string, unknown>> = {},
): [ParameterPattern, (ctx: Context) => string | undefined][] {
  return Object.entries(verb).map(([path, value]) => {
    const valueOf = compileJsonTemplate(value);
    return [patternOf(path), (ctx) => formText(valueOf(ctx))];
  });
}

/** A value of JSON as a form has it: text, or JSON where it is more than that. */
export function formText(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** One name in the name of a field: `user`, and then `[role]` or `.role`. An empty one stands for an element. */
const PART = /\[([^\]]*)\]|[^.[\]]+/g;

/** A path means a field and all that is inside of it. */
function patternOf(text: string): ParameterPattern {
  const path = parseBodyPath(text);
  const [first = '', ...rest] = path;
  return {
    name: path.includes(EVERY) ? null : first + rest.map((part) => `[${part}]`).join(''),
    matches: (name) => isInside(name, path),
    rename: (name, to) => withPart(name, path.length - 1, to),
  };
}

function isInside(name: string, path: BodyPath): boolean {
  const [first = ''] = path;
  // Most fields are none of the rule's: taking their names apart is what costs.
  if (first !== EVERY && !name.includes(first)) return false;
  const parts = [...name.matchAll(PART)];
  return path.every((wanted, index) => {
    const part = parts[index];
    return part !== undefined && (wanted === EVERY || wanted === (part[1] ?? part[0]));
  });
}

function withPart(name: string, index: number, to: string): string {
  const part = [...name.matchAll(PART)][index];
  if (part === undefined) return name;
  const written = part[1] === undefined ? to : `[${to}]`;
  return name.slice(0, part.index) + written + name.slice(part.index + part[0].length);
}

function keepOnly(kept: readonly ParameterPattern[]): ParameterEdit {
  return (parameters) => parameters.filter(({ name }) => kept.some((pattern) => pattern.matches(name)));
}

function wrapIn(wrapper: string): ParameterEdit {
  return function wrap(parameters) {
    return parameters.map((entry) =>
      renamed(
        entry,
        entry.name.replace(/^[^[]*/, (first) => `${wrapper}[${first}]`),
      ),
    );
  };
}
