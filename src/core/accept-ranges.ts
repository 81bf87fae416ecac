/** An element of `Accept` (RFC 9110 12.5.1). */
export interface AcceptRange {
  /** `type/subtype` in lower case. */
  readonly type: string;
  /** By lower-case name, without its weight; of a name that comes twice the first. */
  readonly parameters: ReadonlyMap<string, string>;
  /** How much it is liked, above 0 and up to 1 (RFC 9110 12.4.2). */
  readonly weight: number;
}

/** What the client would take, from the most liked on. What it will not take (`q=0`), or weighs with a word, is left out. */
export function acceptRanges(accept: string | string[] | undefined): AcceptRange[] {
  if (accept === undefined) return [];
  const ranges = splitUnquoted(String(accept), ',').map(parseRange);
  return ranges.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
}

function parseRange(text: string): AcceptRange {
  const [type = '', ...rest] = splitUnquoted(text, ';');
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const equals = parameter.indexOf('=');
    const name = parameter.slice(0, equals).trim().toLowerCase();
    if (equals !== -1 && !parameters.has(name)) parameters.set(name, unquoted(parameter.slice(equals + 1).trim()));
  }
  const weight = Number(parameters.get('q') ?? 1);
  parameters.delete('q');
  return { type: type.trim().toLowerCase(), parameters, weight };
}

/** A separator inside of quotes is text (RFC 9110 5.6.4). One pass, whatever a client has left open. */
function splitUnquoted(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '"') isQuoted = !isQuoted;
    else if (isQuoted && char === '\\') index++;
    else if (!isQuoted && char === separator) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function unquoted(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(.)/g, '$1');
}
