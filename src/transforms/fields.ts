/** Schemas of what transforms name and of the values that they give. */
import { GATEWAY_FIELDS, hasField, HOP_BY_HOP, isFieldName, isFieldValue } from '../core/headers.js';
import { inspect, isPlainObject, member, string, type Fault, type Schema } from '../core/options.js';
import { patternFault } from '../core/slow-pattern.js';
import { EVERY, isBodyPath } from './body-path.js';
import { parseTemplate } from './template.js';

/** What a proxy writes itself, whatever a draft says. */
const OF_REQUESTS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...GATEWAY_FIELDS,
  'content-length',
  'expect',
  'host',
  'traceparent',
  'tracestate',
]);

const OF_RESPONSES: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length']);

function fieldName(reserved: ReadonlySet<string>): Schema {
  return {
    expected: 'a header field name',
    accepts: (value) => typeof value === 'string' && isFieldName(value),
    inspect(name: string, path, faults) {
      if (hasField(reserved, name.toLowerCase()))
        faults.push({ path, message: 'is a field that the gateway writes itself' });
    },
  };
}

export const requestFieldName = fieldName(OF_REQUESTS);
export const responseFieldName = fieldName(OF_RESPONSES);

export const parameterName = string('the name of a parameter');

export const bodyPath = string(
  "a path of a body such as 'user.name' or 'items.*.id', which ends with a name",
  isBodyPath,
);

export const memberName = string(
  'a name without dots: the member keeps its place',
  (name) => name !== '' && name !== EVERY && !name.includes('.'),
);

/** A template, the fixed parts of which pass `test`. */
function template(expected: string, message: string, test: (fixed: string) => boolean): Schema {
  return {
    expected,
    accepts: (value) => typeof value === 'string',
    inspect(text: string, path, faults) {
      const parts = parseTemplate(text, (fault) => faults.push({ path, message: fault }));
      // Without the text: it can have a variable of the environment in it.
      if (!parts.every((part) => typeof part !== 'string' || test(part))) faults.push({ path, message });
    },
  };
}

export const textTemplate = template('a text', '', () => true);

const fieldText = template(
  'the value of a header field',
  'has a character that no header field can have: one that is not of Latin-1, or a control character',
  isFieldValue,
);

export const fieldTemplate: Schema = { ...fieldText, accepts: (value) => typeof value === 'string' && value !== '' };

export const pathTemplate = template(
  'a path',
  'has a character that stands in no path; percent-encode it',
  (fixed) => !/[^\x21-\x7e]|[?#]/.test(fixed),
);

export const wholePathTemplate: Schema = {
  ...pathTemplate,
  expected: "a path from '/' on",
  accepts: (value) => typeof value === 'string' && value.startsWith('/'),
};

export const pathPattern: Schema = {
  expected: 'a regular expression, as a text',
  accepts: (value) => typeof value === 'string' && value !== '',
  inspect(pattern: string, path, faults) {
    const message = patternFault(pattern);
    if (message !== null) faults.push({ path, message });
  },
};

/** A value of JSON, the texts of which are templates. */
export const bodyValue: Schema = {
  expected: 'a value that JSON can carry',
  accepts: isJson,
  inspect(value: unknown, path, faults) {
    if (typeof value === 'string') textTemplate.inspect?.(value as never, path, faults);
    else if (Array.isArray(value))
      for (const [index, item] of value.entries()) inspectIn(item, `${path}[${index}]`, faults);
    else if (isPlainObject(value))
      for (const [name, item] of Object.entries(value)) inspectIn(item, member(path, name), faults);
  },
};

function inspectIn(value: unknown, path: string, faults: Fault[]): void {
  inspect(bodyValue, value, path, faults);
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return (Array.isArray(value) || isPlainObject(value)) && isWritable(value);
}

/** An object that has itself in it is not. */
function isWritable(value: object): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

/** An object of names to values, both of which are checked. */
export function named(name: Schema, value: Schema): Schema {
  return {
    expected: `an object of ${name.expected} to ${value.expected}`,
    accepts: isPlainObject,
    inspect(values: object, path, faults) {
      for (const [key, entry] of Object.entries(values)) {
        inspect(name, key, member(path, key), faults);
        inspect(value, entry, member(path, key), faults);
      }
    },
  };
}
