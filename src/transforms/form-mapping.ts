import type { Context } from '../core/context.js';
import { isJsonObject, setMember, type JsonObject } from './body-path.js';
import { formText } from './form-verbs.js';
import type { Step } from './in-turn.js';
import { formatParameters, parameter, type Parameter } from './parameters.js';

/** Shows a form to a function as an object: name to text, or to a list of texts where the name is there twice. */
export function compileFormMapping(map: (value: unknown, ctx: Context) => unknown): Step<readonly Parameter[]> {
  return function mapForm(parameters, ctx) {
    const result = map(toObject(parameters), ctx);
    return result instanceof Promise ? result.then(toParameters) : toParameters(result);
  };
}

function toObject(parameters: readonly Parameter[]): JsonObject {
  const form = new URLSearchParams(formatParameters(parameters));
  const object: JsonObject = {};
  for (const name of new Set(form.keys())) {
    const values = form.getAll(name);
    setMember(object, name, values.length === 1 ? values[0] : values);
  }
  return object;
}

/** @throws {TypeError} where the value is no object. */
function toParameters(value: unknown): Parameter[] {
  if (!isJsonObject(value)) throw new TypeError('a function that maps a form returned no object');
  return Object.entries(value).flatMap(([name, given]) => {
    const texts = [given].flat().map(formText);
    return texts.filter((text) => text !== undefined).map((text) => parameter(name, text));
  });
}
