import { withoutScheme, type UrlPattern } from './url-pattern.js';

/** Replacements that are kept: as many spellings as honest bodies have, and not as many as there could be. */
const MAX_KNOWN = 256;

/** Puts other URLs in the place of those that a pattern finds, in the spelling in which they stood. */
export class UrlReplacer {
  readonly pattern: UrlPattern;
  readonly #urls: readonly string[];
  readonly #known = new Map<string, string>();

  /** @param urls For each prefix of the pattern, in its order. */
  constructor(pattern: UrlPattern, urls: readonly string[]) {
    this.pattern = pattern;
    this.#urls = urls;
  }

  /** A text that is here as a whole, such as the value of a header field. */
  replaceIn(text: string): string {
    return text.replace(this.pattern.complete, this.replacementOf);
  }

  /** What takes the place of a match. */
  readonly replacementOf = (match: string): string => {
    let replacement = this.#known.get(match);
    if (replacement === undefined) {
      replacement = spelledLike(match, this.#urls[this.pattern.indexOf(match)] as string);
      if (this.#known.size < MAX_KNOWN) this.#known.set(copied(match), replacement);
    }
    return replacement;
  };
}

/** A URL with or without its scheme, with its slashes plain, escaped as in JSON, or percent-encoded: as the model is. */
function spelledLike(model: string, url: string): string {
  const text = /^\w/.test(model) ? url : withoutScheme(url);
  const [escape] = /[/\\%]/.exec(model) ?? [];
  if (escape === '%') return encodeURIComponent(text);
  return escape === '\\' ? text.replaceAll('/', String.raw`\/`) : text;
}

/** A part of a text keeps all of it in memory, which here would be a chunk of a body for each spelling. */
function copied(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1');
}
