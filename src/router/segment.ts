/**
 * One segment of a pattern: a literal, a capture of the whole segment, or a mix. No regular expression ever meets a
 * request.
 */

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'mixed'; readonly mix: MixedSegment }
  /** `name` is empty for `*`. */
  | { readonly kind: 'any'; readonly name: string };

const NAME = /^[A-Za-z_]\w*/;

/** Reads one segment of a pattern; a string says what is wrong with it. */
export function parseSegment(text: string, caseSensitive: boolean): Segment | string {
  if (text === '*') return { kind: 'any', name: '' };
  if (text.includes('*'))
    return `'*' stands for a whole segment, write '*' or a name such as ':name' in place of '${text}'`;
  const [head = '', ...tails] = text.split(':');
  const literals = [head];
  const names: string[] = [];
  for (const tail of tails) {
    const name = NAME.exec(tail)?.[0];
    if (name === undefined) return `a name must follow ':' in '${text}', such as ':id'`;
    if (names.length > 0 && literals[names.length] === '') {
      return `nothing separates two names in '${text}', write a character between them, such as ':a-:b'`;
    }
    names.push(name);
    literals.push(tail.slice(name.length));
  }
  if (names.length === 0) return { kind: 'literal', text: caseSensitive ? text : text.toLowerCase() };
  if (text === `:${names[0]}`) return { kind: 'any', name: names[0] as string };
  return { kind: 'mixed', mix: new MixedSegment(literals, names, caseSensitive) };
}

/** Equal for two segments that take the same texts, whatever their names. A literal never holds `:`. */
export function segmentShape(segment: Segment): string {
  if (segment.kind === 'literal') return segment.text;
  return segment.kind === 'any' ? ':' : segment.mix.shape;
}

/**
 * Literals and names in turn, such as `:from-:to.json`. Each name takes the shortest text that is not empty; the last
 * takes what is left.
 */
export class MixedSegment {
  readonly names: readonly string[];
  readonly shape: string;
  readonly #caseSensitive: boolean;
  readonly #first: string;
  readonly #inner: readonly string[];
  readonly #last: string;
  readonly #literalLength: number;

  /** @param literals One more than names; the first and the last may be empty. */
  constructor(literals: readonly string[], names: readonly string[], caseSensitive: boolean) {
    const texts = caseSensitive ? literals : literals.map((literal) => literal.toLowerCase());
    this.names = names;
    this.shape = texts.join(':');
    this.#caseSensitive = caseSensitive;
    this.#first = texts[0] as string;
    this.#inner = texts.slice(1, -1);
    this.#last = texts[texts.length - 1] as string;
    this.#literalLength = texts.join('').length;
  }

  /** Negative where this is the more specific: more literal text, then more of it at the start. */
  compare(other: MixedSegment): number {
    return other.#literalLength - this.#literalLength || other.#first.length - this.#first.length;
  }

  /**
   * True for a segment of this form, in one pass from left to right: the leftmost place of each literal leaves the most
   * for the ones to come, so no other choice ever has to be tried.
   *
   * @param bounds Gets start and end of each value.
   */
  matches(segment: string, bounds?: number[]): boolean {
    const text = this.#caseSensitive ? segment : fold(segment);
    if (!text.startsWith(this.#first)) return false;
    let position = this.#first.length;
    for (const literal of this.#inner) {
      const found = text.indexOf(literal, position + 1);
      if (found === -1) return false;
      bounds?.push(position, found);
      position = found + literal.length;
    }
    const end = text.length - this.#last.length;
    if (end <= position || !text.endsWith(this.#last)) return false;
    bounds?.push(position, end);
    return true;
  }
}

/** Lower case with every character in its place; a few letters outside ASCII grow and are left alone. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}
