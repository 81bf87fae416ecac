import { loadPeer } from '../core/load-peer.js';
import { warn } from '../core/warn.js';

/**
 * A JSON Schema. It is of draft 2020-12 where its `$schema` names no other; 2019-09 and draft-07 are known, too. It can
 * refer to itself, and nothing is ever fetched.
 */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

/** The part of a fault of ajv that is read here. */
export interface AjvError {
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Of a fault in the name of a member. */
  readonly propertyName?: string;
}

/** A compiled schema: true where the value is right, else `errors` tells why. */
export interface JsonValidator {
  (value: unknown): unknown;
  readonly errors?: readonly AjvError[] | null;
  readonly $async?: boolean;
}

interface Ajv {
  compile(schema: JsonSchema): JsonValidator;
  validateSchema(schema: JsonSchema, throwIfWrong: true): unknown;
}

type AjvClass = new (options: object) => Ajv;

const DRAFT_2020 = 'https://json-schema.org/draft/2020-12/schema';

/** The module of ajv for each draft. */
const DRAFTS: ReadonlyMap<unknown, string> = new Map([
  [DRAFT_2020, 'ajv/dist/2020.js'],
  ['https://json-schema.org/draft/2019-09/schema', 'ajv/dist/2019.js'],
  ['http://json-schema.org/draft-07/schema', 'ajv'],
]);

const OPTIONS = {
  // Words that a schema has beside those of the standard are legal.
  strict: false,
  // What every object inherits, such as `constructor`, is no member that a client has sent.
  ownProperties: true,
  validateSchema: false,
};

/** What schemas themselves are checked with, by the module of ajv: it takes tens of milliseconds to set up. */
const checkers = new Map<string, Ajv>();

export interface JsonSchemaSettings {
  /** True where all values are texts: `'5'` is a number then where one is wanted, and a list of one item. */
  readonly coerce: boolean;
  /** False = it stops at the first fault. */
  readonly allErrors: boolean;
}

/** Schemas that are compiled, for as long as somebody has them, by their settings. */
const compiled = new Map<string, WeakMap<object, JsonValidator>>();

/**
 * Compiles a schema, once for each object.
 *
 * @throws {Error} with words for the operator, when the schema is wrong or ajv is not installed.
 */
export function compileJsonSchema(schema: JsonSchema, settings: JsonSchemaSettings): JsonValidator {
  if (typeof schema === 'boolean') return compile(schema, {}, settings);
  const key = JSON.stringify(settings);
  const known = compiled.get(key) ?? new WeakMap<object, JsonValidator>();
  compiled.set(key, known);
  const validator = known.get(schema) ?? compile(schema, schema, settings);
  known.set(schema, validator);
  return validator;
}

function compile(
  schema: JsonSchema,
  { $schema = DRAFT_2020 }: { $schema?: unknown },
  { coerce, allErrors }: JsonSchemaSettings,
): JsonValidator {
  const module = DRAFTS.get(typeof $schema === 'string' ? $schema.replace(/#$/, '') : $schema);
  if (module === undefined) throw new Error(`$schema is to be one of ${[...DRAFTS.keys()].join(', ')}`);
  const found = loadPeer(module) as { default: AjvClass } | null;
  if (found === null) throw new Error('a JSON Schema needs the package ajv: npm install ajv');
  const { default: AjvOfDraft } = found;

  const checker = checkers.get(module) ?? new AjvOfDraft({ strict: false, logger: false });
  checkers.set(module, checker);
  checker.validateSchema(schema, true);

  const notes = new Set<string>();
  const logger = { log: ignore, warn: (note: string) => notes.add(note), error: ignore };
  // One of its own: names that schemas give themselves must not meet, and what it keeps goes with it.
  const ajv = new AjvOfDraft({ ...OPTIONS, allErrors, logger, coerceTypes: coerce ? 'array' : false });
  const formats = loadPeer('ajv-formats') as { default: (ajv: Ajv) => void } | null;
  formats?.default(ajv);
  const validator = ajv.compile(schema);
  // It would return a promise, which is true whatever becomes of it.
  if (validator.$async === true) throw new Error('$async is not for here');
  for (const note of notes) warn('ERR_GATEWAY_SCHEMA', `${note}; npm install ajv-formats for the usual formats`);
  return validator;
}

function ignore(): void {}
