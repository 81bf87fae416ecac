import {
  either,
  func,
  inspect,
  integer,
  isPlainObject,
  list,
  literal,
  member,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import {
  bodyPath,
  bodyValue,
  fieldTemplate,
  memberName,
  named,
  parameterName,
  pathPattern,
  pathTemplate,
  requestFieldName,
  responseFieldName,
  textTemplate,
  wholePathTemplate,
} from './fields.js';
import type { BodyShape, RequestVerbs, ResponseVerbs, TransformOptions } from './types.js';

/** What names and values are, by the places that verbs work on. */
interface Places {
  readonly names: Readonly<Record<string, Schema>>;
  readonly renames: Readonly<Record<string, Schema>>;
  readonly values: Readonly<Record<string, Schema>>;
}

function placesOf(fieldName: Schema): Places {
  return {
    names: { headers: list(fieldName), body: list(bodyPath) },
    renames: { headers: named(fieldName, fieldName), body: named(bodyPath, memberName) },
    values: { headers: named(fieldName, fieldTemplate), body: named(bodyPath, bodyValue) },
  };
}

const ofResponses = placesOf(responseFieldName);
const others = placesOf(requestFieldName);
const ofRequests: Places = {
  names: { ...others.names, query: list(parameterName) },
  renames: { ...others.renames, query: named(parameterName, parameterName) },
  values: { ...others.values, query: named(parameterName, textTemplate) },
};

const shape = {
  pick: list(bodyPath),
  omit: list(bodyPath),
  wrap: string('the name of a member'),
} satisfies Record<keyof BodyShape, Schema>;

function verbsOf({ names, renames, values }: Places): Schema {
  const verbs = {
    remove: object(names),
    rename: object(renames),
    replace: object(values),
    add: object(values),
    append: object(values),
    ...shape,
  } satisfies Record<keyof RequestVerbs & keyof ResponseVerbs, Schema>;
  const fields = object(verbs);
  return {
    ...fields,
    inspect(given: object, path, faults) {
      fields.inspect?.(given as never, path, faults);
      if (Object.keys(given).length === 0)
        faults.push({ path, message: `says nothing to do; the verbs are ${Object.keys(verbs).join(', ')}` });
    },
  };
}

/** Rules of the short form, by their type. */
type Rules = Readonly<Record<string, Schema>>;

function headerRules(fieldName: Schema): Rules {
  const type = { expected: 'the type of a rule', accepts: () => true };
  return {
    'add-header': object({ type, key: fieldName, value: fieldTemplate }, { required: ['key', 'value'] }),
    'remove-header': object({ type, key: fieldName }, { required: ['key'] }),
  };
}

const rewriteFields = { type: literal('rewrite-path'), key: pathPattern };
const rewritePart = object({ ...rewriteFields, value: pathTemplate }, { required: ['value'] });
const rewriteWhole = object({ ...rewriteFields, value: wholePathTemplate }, { required: ['value'] });

const rewritePath: Schema = {
  ...rewritePart,
  inspect(rule: { key?: unknown }, path, faults) {
    const fields = rule.key === undefined ? rewriteWhole : rewritePart;
    fields.inspect?.(rule as never, path, faults);
  },
};

const bodyMapping = object({ body: func }, { required: ['body'] });

const mediaTypeName = string("a media type such as 'text/html' or 'text/*'", (text) =>
  /^[\w.+-]+\/(?:\*|[\w.+-]+)$/.test(text),
);

const bytesMapping = object({ bytes: func, types: list(mediaTypeName) }, { required: ['bytes', 'types'] });

/** The form of a transform is told by its members. */
function transformOf(rules: Rules, verbs: Schema): Schema {
  return {
    expected: 'a rule, an object of verbs, a mapping of bodies, or a function',
    accepts: (value) => typeof value === 'function' || isPlainObject(value),
    inspect(value: object, path, faults) {
      if (typeof value === 'function') return;
      if (Object.hasOwn(value, 'type')) inspectRule(value as { type: unknown }, path, faults);
      else if (Object.hasOwn(value, 'bytes')) inspect(bytesMapping, value, path, faults);
      else inspect(Object.hasOwn(value, 'body') ? bodyMapping : verbs, value, path, faults);
    },
  };

  function inspectRule(rule: { type: unknown }, path: string, faults: Fault[]): void {
    const { type } = rule;
    if (typeof type === 'string' && Object.hasOwn(rules, type)) inspect(rules[type] as Schema, rule, path, faults);
    else inspect(oneOf(...Object.keys(rules)), type, member(path, 'type'), faults);
  }
}

const requestTransform = transformOf(
  { ...headerRules(requestFieldName), 'rewrite-path': rewritePath },
  verbsOf(ofRequests),
);
const responseTransform = transformOf(headerRules(responseFieldName), verbsOf(ofResponses));

const transformFields = {
  request: either(requestTransform, list(requestTransform, { min: 0 })),
  response: either(responseTransform, list(responseTransform, { min: 0 })),
  maxBodyBytes: integer({ min: 1 }),
} satisfies Record<keyof TransformOptions, Schema>;

const fields = object(transformFields);

/** Adds everything that is wrong with the options. */
export function inspectTransformOptions(options: TransformOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
}

export const transformSchema: Schema = { ...fields, inspect: inspectTransformOptions };
