/**
 * Option validation: a few combinators that check a value and collect every fault with its path.
 * They check and never coerce; defaults are applied where an option is used.
 */
import type { Clock } from './clock.js';
import { GatewayError } from './errors.js';

export interface Fault {
  /** Where, such as `routes[2].target`. */
  readonly path: string;
  /** What is wrong: what was got, what was expected, what to write instead. */
  readonly message: string;
}

/** A description of valid values. */
export interface Schema {
  /** Completes "expected ...". */
  readonly expected: string;
  /** True where the value is of this kind at all, so that its inner faults are worth telling. */
  readonly accepts: (value: unknown) => boolean;
  /** Adds the faults inside a value that `accepts` let pass. */
  readonly inspect?: (value: never, path: string, faults: Fault[]) => void;
}

/** Thrown where options are wrong: `faults` has every one of them. */
export class ConfigError extends GatewayError {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];

  constructor(what: string, faults: readonly Fault[]) {
    const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
    super('ERR_GATEWAY_CONFIG_INVALID', `${what} cannot start, ${count(faults.length)}:\n${lines.join('\n')}`);
    this.faults = faults;
  }
}

function count(faults: number): string {
  return faults === 1 ? '1 fault' : `${faults} faults`;
}

/** @throws {ConfigError} with every fault, when there is any. */
export function validate(what: string, value: unknown, schema: Schema, root = ''): void {
  const faults: Fault[] = [];
  inspect(schema, value, root, faults);
  if (faults.length > 0) throw new ConfigError(what, faults);
}

/** Adds what is wrong with `value` to `faults`. */
export function inspect(schema: Schema, value: unknown, path: string, faults: Fault[]): void {
  if (schema.accepts(value)) schema.inspect?.(value as never, path, faults);
  else faults.push({ path: path || 'options', message: `got ${show(value)}, expected ${schema.expected}` });
}

export const boolean: Schema = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const func: Schema = { expected: 'a function', accepts: (value) => typeof value === 'function' };

/** What a piece takes its time from: every part of a `Clock`. */
export const clockField: Schema = {
  expected: 'a Clock',
  accepts: (value) => {
    const clock = value as Partial<Record<keyof Clock, unknown>> | null | undefined;
    return [clock?.now, clock?.wall, clock?.setTimer, clock?.clearTimer].every(
      (method) => typeof method === 'function',
    );
  },
};

/** Exactly this value. */
export function literal(wanted: boolean | string | null): Schema {
  return { expected: show(wanted), accepts: (value) => value === wanted };
}

/** A string that passes `test`. */
export function string(
  expected = 'a string that is not empty',
  test: (value: string) => boolean = (value) => value !== '',
): Schema {
  return { expected, accepts: (value) => typeof value === 'string' && test(value) };
}

export function oneOf(...values: readonly string[]): Schema {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

/** A whole number in a range; `Infinity` passes where `max` is. */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}): Schema {
  const range = max === Infinity ? `from ${min} on, or Infinity` : `from ${min} to ${max}`;
  return {
    expected: `a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : range}`,
    accepts: (value) =>
      typeof value === 'number' && value >= min && value <= max && (Number.isInteger(value) || value === Infinity),
  };
}

/** A share of something. */
export const share: Schema = {
  expected: 'a number from 0 to 1',
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
};

/** What a timer can wait for: Node fires a longer one at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds that a timer waits; with `endless`, `Infinity` = it never fires. */
export function milliseconds({ min = 1, endless = false }: { min?: number; endless?: boolean } = {}): Schema {
  const whole = integer({ min, max: LONGEST_TIMER_MS });
  return endless
    ? {
        expected: `${whole.expected}, or Infinity`,
        accepts: (value) => value === Infinity || whole.accepts(value),
      }
    : whole;
}

/** A list with at least `min` items. */
export function list(item: Schema, { min = 1 }: { min?: number } = {}): Schema {
  return {
    expected: `a list of at least ${min}: ${item.expected}`,
    accepts: (value) => Array.isArray(value) && value.length >= min,
    inspect(values: readonly unknown[], path, faults) {
      for (const [index, value] of values.entries()) inspect(item, value, `${path}[${index}]`, faults);
    },
  };
}

/** An object with names of the user's own. */
export function record(value: Schema): Schema {
  return {
    expected: `an object of names to ${value.expected}`,
    accepts: isPlainObject,
    inspect(values: object, path, faults) {
      for (const [name, entry] of Object.entries(values)) inspect(value, entry, member(path, name), faults);
    },
  };
}

/** The first alternative that the value is of the kind of. */
export function either(...alternatives: readonly Schema[]): Schema {
  return {
    expected: alternatives.map(({ expected }) => expected).join(', or '),
    accepts: (value) => alternatives.some((alternative) => alternative.accepts(value)),
    inspect(value: unknown, path, faults) {
      const match = alternatives.find((alternative) => alternative.accepts(value));
      if (match) inspect(match, value, path, faults);
    },
  };
}

/** Adds a fault for each of `names` that is given beside `shared`, an engine that has been made with its own. */
export function inspectBeside(
  shared: string,
  names: readonly string[],
  options: object,
  at: string,
  faults: Fault[],
): void {
  for (const name of names) {
    if ((options as Readonly<Record<string, unknown>>)[name] !== undefined)
      faults.push({ path: member(at, name), message: `${shared} has its own ${name}; keep one of the two` });
  }
}

/** An object with these names and no others; those in `required` must be there. */
export function object(
  fields: Readonly<Record<string, Schema>>,
  { required = [] }: { required?: readonly string[] } = {},
): Schema {
  const names = Object.keys(fields);
  return {
    expected: names.length > 10 ? 'an object of options' : `an object with ${names.join(', ')}`,
    accepts: isPlainObject,
    inspect(options: Readonly<Record<string, unknown>>, path, faults) {
      for (const name of Object.keys(options)) {
        const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
        if (field === undefined) faults.push({ path: member(path, name), message: unknownOption(name, names) });
        else if (options[name] !== undefined) inspect(field, options[name], member(path, name), faults);
        else if (required.includes(name)) faults.push(missing(path, name, field));
      }
      for (const name of required) {
        if (!Object.hasOwn(options, name)) faults.push(missing(path, name, fields[name] as Schema));
      }
    },
  };
}

function missing(path: string, name: string, { expected }: Schema): Fault {
  return { path: member(path, name), message: `missing, expected ${expected}` };
}

/** True for an object literal, be its prototype `null`. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** `path.name`, or `path["odd name"]`. */
export function member(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

function unknownOption(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  const help = nearest === null ? `the options here are ${names.join(', ')}` : `did you mean ${nearest}?`;
  return `unknown option; ${help}`;
}

/** The name that is a typing slip away, or `null`. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const lower = name.toLowerCase();
  let nearest: string | null = null;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** Levenshtein distance; names of options are short. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] as number) + 1, (current[j - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}

/** A value in a message: short, and without what could be a secret inside an object or a URL. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const safe = value.replace(/(:[\\/]*|[\\/]{2})[^\s,]*@/g, '$1***@');
    return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 57)}...` : safe);
  }
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
