/** Something that a schema says is wrong with a value. */
export interface SchemaFault {
  /** Where in it, as a JSON Pointer (RFC 6901), cut where it is long; `''` = the value itself. */
  readonly path: string;
  readonly message: string;
}

/** Names in a path, and in messages of some libraries, are the client's, and may be as long as its body. */
const MAX_LENGTH = 200;

/** A fault of a length that is bounded. */
export function schemaFault(path: string, message: string): SchemaFault {
  return { path: cut(path), message: cut(message) };
}

function cut(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 3)}...`;
}

/** One step of a JSON Pointer. */
export function pointerStep(name: PropertyKey): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
