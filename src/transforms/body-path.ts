/** Paths to members of a body: names with dots, `*` = every element of a list. */
export type BodyPath = readonly string[];

export const EVERY = '*';

export function parseBodyPath(text: string): BodyPath {
  return text.split('.');
}

/** True for names with nothing empty between dots, the last of which is no `*`: that one names no member. */
export function isBodyPath(text: string): boolean {
  const path = parseBodyPath(text);
  return !path.includes('') && path.at(-1) !== EVERY;
}

/** An object of JSON: what it inherits is none of its members. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Gives an object a member of its own, whatever its name: `__proto__` assigned would be its prototype. */
export function setMember(object: JsonObject, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, ...PLAIN });
  else object[name] = value;
}

const PLAIN = { writable: true, enumerable: true, configurable: true };

/**
 * Calls `visit` with each object that has the member of a path, or could have it.
 *
 * @param isCreating Make the objects on the way that are missing.
 */
export function eachHolder(
  value: unknown,
  path: BodyPath,
  visit: (holder: JsonObject, name: string) => void,
  isCreating = false,
): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (name === EVERY) {
    if (Array.isArray(value)) for (const item of value) eachHolder(item, rest, visit, isCreating);
  } else if (isJsonObject(value)) {
    if (rest.length === 0) visit(value, name);
    else {
      if (isCreating && rest[0] !== EVERY && !Object.hasOwn(value, name)) setMember(value, name, {});
      if (Object.hasOwn(value, name)) eachHolder(value[name], rest, visit, isCreating);
    }
  }
}
