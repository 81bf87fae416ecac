/** The parameters of a query or of a form. What no rule names stays as it is, byte for byte. */

export interface Parameter {
  /** Decoded. */
  readonly name: string;
  /** As it stands on the wire. */
  readonly wire: string;
}

/** @param text Without `?`. */
export function parseParameters(text: string): Parameter[] {
  return text === '' ? [] : text.split('&').map(parseParameter);
}

function parseParameter(wire: string): Parameter {
  const equals = wire.indexOf('=');
  const name = equals === -1 ? wire : wire.slice(0, equals);
  return { name: decoded(name), wire };
}

export function formatParameters(parameters: readonly Parameter[]): string {
  return parameters.map(({ wire }) => wire).join('&');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

/** Percent-encodes a text for a query or a segment of a path; half of a surrogate pair has no bytes. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}

export function parameter(name: string, value: string): Parameter {
  return { name, wire: `${percentEncoded(name)}=${percentEncoded(value)}` };
}

/** The same value under another name. */
export function renamed({ wire }: Parameter, name: string): Parameter {
  const equals = wire.indexOf('=');
  return { name, wire: percentEncoded(name) + (equals === -1 ? '' : wire.slice(equals)) };
}
