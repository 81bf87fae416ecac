import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/errors.js';
import type { MaybePromise } from '../core/types.js';
import { withDeadline } from '../core/with-deadline.js';
import { compileJsonSchema, type AjvError, type JsonSchema } from './json-schema.js';
import { pointerStep, schemaFault, type SchemaFault } from './schema-fault.js';
import { isStandardSchema, type StandardIssue, type StandardResult, type StandardSchema } from './standard-schema.js';

/** What is wrong with a value; nothing = it is right. `undefined` = there is none. */
export type Check = (value: unknown, clock: Clock) => MaybePromise<readonly SchemaFault[]>;

export interface CheckOptions {
  /** See `compileJsonSchema`. */
  readonly coerce: boolean;
  /** Faults from which on no more are told; 1 = a JSON Schema looks for no more, either. */
  readonly maxErrors: number;
}

/** What a user's validator may take; nobody waits for one that hangs. */
const DEADLINE_MS = 5_000;

const MISSING: readonly SchemaFault[] = [schemaFault('', 'is required')];
const UNEXPECTED: readonly SchemaFault[] = [schemaFault('', 'is not as expected')];
const TOO_DEEP: readonly SchemaFault[] = [schemaFault('', 'is nested too deeply')];

/**
 * Compiles a schema of either kind to a check.
 *
 * The check throws, or rejects with, a {@link GatewayError} where the validator itself fails or hangs. A value that is
 * nested too deeply for it is the client's fault.
 */
export function compileCheck(schema: StandardSchema | JsonSchema, options: CheckOptions): Check {
  const check = isStandardSchema(schema) ? standardCheck(schema, options) : jsonCheck(schema, options);
  return function guardedCheck(value, clock) {
    try {
      const faults = check(value, clock);
      return faults instanceof Promise ? faults.catch(failed) : faults;
    } catch (error) {
      return failed(error);
    }
  };
}

function failed(error: unknown): readonly SchemaFault[] {
  if (error instanceof RangeError && error.message.includes('call stack')) return TOO_DEEP;
  throw new GatewayError('ERR_GATEWAY_INTERNAL', 'a validator of requests failed', { cause: error });
}

function jsonCheck(schema: JsonSchema, { coerce, maxErrors }: CheckOptions): Check {
  const validate = compileJsonSchema(schema, { coerce, allErrors: maxErrors > 1 });
  // `true` asks for nothing, and `false` for there to be nothing.
  const missing = typeof schema === 'boolean' ? [] : MISSING;
  return function checkJson(value) {
    if (value === undefined) return missing;
    return validate(value) === true ? [] : atLeastOne((validate.errors ?? []).slice(0, maxErrors).map(ofAjv));
  };
}

/** Whoever says no, and not why, has said no. */
function atLeastOne(faults: readonly SchemaFault[]): readonly SchemaFault[] {
  return faults.length === 0 ? UNEXPECTED : faults;
}

function ofAjv({ instancePath, message, params, propertyName }: AjvError): SchemaFault {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params;
  const name = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? params.propertyName ?? propertyName;
  const path = typeof name === 'string' ? instancePath + pointerStep(name) : instancePath;
  return schemaFault(path, message ?? 'is not as expected');
}

function standardCheck({ '~standard': standard }: StandardSchema, { maxErrors }: CheckOptions): Check {
  function faultsOf(result: StandardResult): readonly SchemaFault[] {
    if (result.issues) return atLeastOne(result.issues.slice(0, maxErrors).map(ofIssue));
    // A validator that says nothing has not said that the value is right.
    if ('value' in result) return [];
    throw new TypeError(`the validator of ${standard.vendor} has returned no result`);
  }

  return function checkStandard(value, clock) {
    const result = standard.validate(value);
    return 'then' in result ? withDeadline(result, DEADLINE_MS, clock).then(faultsOf) : faultsOf(result);
  };
}

function ofIssue({ message, path = [] }: StandardIssue): SchemaFault {
  const steps = path.map((step) => pointerStep(typeof step === 'object' ? step.key : step));
  return schemaFault(steps.join(''), message);
}
