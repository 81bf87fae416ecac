import { integer, isPlainObject, member, object, type Fault, type Schema } from '../core/options.js';
import { compileJsonSchema, type JsonSchema } from './json-schema.js';
import { claimsStandard, isStandardSchema, type StandardSchema } from './standard-schema.js';

/**
 * What the parts of a request are to be like, each as a validator of any library that speaks Standard Schema, or as a
 * JSON Schema. At least one part is to be named.
 */
export interface ValidationOptions {
  /**
   * Of the body, JSON or a form; others are refused with 415. The members of a form are texts, or lists of texts. A
   * request that usually has no body, such as GET or DELETE, need not have one; any other must, unless the schema is
   * `true` or takes `undefined`. The schema `false` = there must be none. @default none
   */
  body?: StandardSchema | JsonSchema;
  /**
   * Of the query, as an object; a name that is there several times has a list. A JSON Schema sees the values as what it
   * asks for: `'5'` is a number where one is wanted, and a list where a list is. @default none
   */
  query?: StandardSchema | JsonSchema;
  /** Of the values that the pattern of the route has captured, decoded; a JSON Schema as with `query`. @default none */
  params?: StandardSchema | JsonSchema;
  /** Of the header fields, by lower-case name, all of them; a JSON Schema as with `query`. @default none */
  headers?: StandardSchema | JsonSchema;
  /**
   * Bytes of a body that are read, before as well as after it is decompressed; a longer one is refused with 413. From 0
   * on. @default 1048576
   */
  maxBodyBytes?: number;
  /**
   * Faults of each part that are told to the client. From 1 on. Of a body over 64 KiB a JSON Schema tells the first
   * alone. @default 100
   */
  maxErrors?: number;
}

/** The parts that can be checked. */
export type RequestPart = 'params' | 'query' | 'headers' | 'body';

function schemaOf(part: RequestPart): Schema {
  return {
    expected: 'a JSON Schema, or a validator that speaks Standard Schema version 1',
    accepts: (value) => {
      return isStandardSchema(value) || typeof value === 'boolean' || (isPlainObject(value) && !claimsStandard(value));
    },
    inspect(schema: StandardSchema | JsonSchema, path, faults) {
      if (isStandardSchema(schema)) return;
      try {
        compileJsonSchema(schema, { coerce: part !== 'body', allErrors: true });
      } catch (error) {
        faults.push({ path, message: `cannot be used: ${error instanceof Error ? error.message : String(error)}` });
      }
    },
  };
}

const validationFields = {
  body: schemaOf('body'),
  query: schemaOf('query'),
  params: schemaOf('params'),
  headers: schemaOf('headers'),
  maxBodyBytes: integer(),
  maxErrors: integer({ min: 1 }),
} satisfies Record<keyof ValidationOptions, Schema>;

const fields = object(validationFields);

/** Adds everything that is wrong with the options. */
export function inspectValidationOptions(options: ValidationOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const { body, query, params, headers } = options;
  if ([body, query, params, headers].every((schema) => schema === undefined))
    faults.push({ path: member(at, 'body'), message: 'missing, expected it, or query, params or headers' });
}

export const validationSchema: Schema = { ...fields, inspect: inspectValidationOptions };
