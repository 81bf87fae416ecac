import type { Context } from '../core/context.js';
import { parameter, renamed, type Parameter } from './parameters.js';

/** Which parameters a name of a rule means. */
export interface ParameterPattern {
  /** For a parameter of its own; `null` where the name means several. */
  readonly name: string | null;
  matches(name: string): boolean;
  /** What a parameter that it matches is called when that part of its name is `to`. */
  rename(name: string, to: string): string;
}

/** The value of a parameter; `undefined` = it is not written. */
type ValueOf = (ctx: Context) => string | undefined;

/** The verbs of parameters, by pattern. */
export interface ParameterVerbs {
  readonly remove: readonly ParameterPattern[];
  readonly rename: readonly (readonly [ParameterPattern, to: string])[];
  readonly replace: readonly (readonly [ParameterPattern, ValueOf])[];
  readonly add: readonly (readonly [ParameterPattern, ValueOf])[];
  readonly append: readonly (readonly [ParameterPattern, ValueOf])[];
}

/** Changes the parameters of a query or of a form. */
export type ParameterEdit = (parameters: readonly Parameter[], ctx: Context) => readonly Parameter[];

/** The verbs in their order. */
export function compileParameterVerbs({ remove, rename, replace, add, append }: ParameterVerbs): ParameterEdit[] {
  return [
    ...remove.map(removeParameters),
    ...rename.map(([pattern, to]) => renameParameters(pattern, to)),
    ...replace.map(([pattern, value]) => replaceParameters(pattern, value)),
    ...add.map(([pattern, value]) => addParameter(pattern, value)),
    ...append.map(([pattern, value]) => appendParameter(pattern, value)),
  ];
}

function removeParameters(pattern: ParameterPattern): ParameterEdit {
  return (parameters) => parameters.filter(({ name }) => !pattern.matches(name));
}

function renameParameters(pattern: ParameterPattern, to: string): ParameterEdit {
  return function renameMatching(parameters) {
    const names = new Set(parameters.filter(({ name }) => pattern.matches(name)).map(({ name }) => name));
    const taken = new Set([...names].map((name) => pattern.rename(name, to)));
    return parameters
      .filter(({ name }) => names.has(name) || !taken.has(name))
      .map((entry) => (names.has(entry.name) ? renamed(entry, pattern.rename(entry.name, to)) : entry));
  };
}

function replaceParameters(pattern: ParameterPattern, valueOf: ValueOf): ParameterEdit {
  return function replaceMatching(parameters, ctx) {
    const value = valueOf(ctx);
    return parameters.flatMap((entry) => {
      if (!pattern.matches(entry.name)) return [entry];
      return value === undefined ? [] : [parameter(entry.name, value)];
    });
  };
}

function addParameter(pattern: ParameterPattern, valueOf: ValueOf): ParameterEdit {
  const append = appendParameter(pattern, valueOf);
  return function addMissing(parameters, ctx) {
    return parameters.some(({ name }) => pattern.matches(name)) ? parameters : append(parameters, ctx);
  };
}

function appendParameter({ name }: ParameterPattern, valueOf: ValueOf): ParameterEdit {
  return function appendValue(parameters, ctx) {
    const value = name === null ? undefined : valueOf(ctx);
    return name === null || value === undefined ? parameters : [...parameters, parameter(name, value)];
  };
}
