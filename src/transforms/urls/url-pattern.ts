/**
 * What may stand behind the prefix of a URL: anything that does not make its host or its segment a longer one, plain or
 * percent-encoded. A full stop ends a sentence where no word follows.
 */
const BOUNDARY = String.raw`(?=[^\w.~%:@!*+=\x80-\xff-]|\.(?:[\s"'<]|$)|%(?:0[9AaDd]|2[023679CcFf]|3[BbCcEeFf]|5[CcDd]|7[Dd])|$)`;

/** The same, cut short by the end of the text; what stands before it may still become a match, or none. */
const UNFINISHED_BOUNDARY = String.raw`(?:[.%]|%[\dA-Fa-f])?$`;

/** Characters of {@link UNFINISHED_BOUNDARY}, and the one that decides. */
const BOUNDARY_LENGTH = 3;

/** Where a URL without a scheme may begin: not inside of another URL, path or word. */
const START = String.raw`(?<![\w:/.%\\-])`;

const SLASH = spellings('/');
const SLASHES = SLASH + SLASH;

/**
 * Finds the prefixes of URLs in text, be they plain, with the escaped slashes of JSON (`http:\/\/users`),
 * percent-encoded (`http%3A%2F%2Fusers`), or without their scheme (`//users`). Schemes and hosts match in any case, and
 * of several prefixes the longest.
 */
export class UrlPattern {
  /** Every prefix; it remembers its place in `lastIndex`. */
  readonly complete: RegExp;
  /** What the end of a text leaves open: it finds at least the empty text there. */
  readonly unfinished: RegExp;
  /** From how many characters on, with those that decide its end, every match is complete. */
  readonly longest: number;
  readonly #each: readonly RegExp[];

  /** @param prefixes Such as `http://users:3001/v1`, longer ones first. */
  constructor(prefixes: readonly string[]) {
    const parts = prefixes.map(partsOf);
    const [schemes, rests] = [parts.map(({ scheme }) => scheme.join('')), parts.map(({ rest }) => rest.join(''))];
    const absolute = [...new Set(schemes)].map((scheme) => {
      return scheme + SLASHES + anyOf(rests.filter((_, index) => schemes[index] === scheme));
    });
    this.complete = new RegExp(anyOf([...absolute, START + SLASHES + anyOf(rests)]) + BOUNDARY, 'g');
    const beginnings = parts.flatMap(({ scheme, rest }) => [
      beginningOf([...scheme, SLASH, SLASH, ...rest]),
      START + beginningOf([SLASH, SLASH, ...rest]),
    ]);
    this.unfinished = new RegExp(anyOf(beginnings), 'g');
    this.longest = Math.max(...prefixes.map((prefix) => encodeURIComponent(prefix).length)) + BOUNDARY_LENGTH;
    this.#each = rests.map((rest, index) => new RegExp(`^(?:${String(schemes[index])})?${SLASHES}${rest}$`));
  }

  /** Which of the prefixes it is that {@link complete} has found. */
  indexOf(match: string): number {
    return this.#each.findIndex((prefix) => prefix.test(match));
  }
}

/** `//users:3001`, from `http://users:3001`. */
export function withoutScheme(url: string): string {
  return url.slice(url.indexOf('//'));
}

function anyOf(patterns: readonly string[]): string {
  return `(?:${patterns.join('|')})`;
}

/** Patterns of the characters of a prefix: those of its scheme, and those behind the slashes. */
function partsOf(prefix: string): { scheme: string[]; rest: string[] } {
  const [, scheme = '', host = '', path = ''] = /^(.*?)\/\/([^/]*)(.*)$/.exec(prefix) ?? [];
  return {
    scheme: Array.from(scheme, anyCase),
    rest: [...Array.from(host, anyCase), ...Array.from(path, spellings)],
  };
}

function anyCase(char: string): string {
  return /[a-z]/i.test(char) ? `[${char.toLowerCase()}${char.toUpperCase()}]` : spellings(char);
}

/** A character as it is, percent-encoded, and as JSON may escape it. */
function spellings(char: string): string {
  const plain = char.replace(/\W/, String.raw`\$&`);
  const escape = encodeURIComponent(char);
  if (escape === char) return plain;
  const encoded = escape.replace(/[A-F]/, anyCase);
  return char === '/' ? String.raw`(?:\/|\\\/|${encoded})` : `(?:${plain}|${encoded})`;
}

/** Matches the atoms as far as they go before the text ends, be it in the middle of an escape. */
function beginningOf(atoms: readonly string[]): string {
  return atoms.reduceRight(
    (rest, atom) => anyOf([String.raw`(?:\\|%[\dA-Fa-f]?)?$`, atom + rest]),
    UNFINISHED_BOUNDARY,
  );
}
