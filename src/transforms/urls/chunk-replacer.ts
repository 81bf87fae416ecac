import type { UrlReplacer } from './url-replacer.js';

const NOTHING = Buffer.alloc(0);

/**
 * Replaces URLs in bytes that come in chunks: what comes out is the same wherever the chunks begin and end. It holds
 * back only what may be the beginning of a match, so never more than the longest match has.
 *
 * Latin-1 gives each byte a character: the text is searched by regular expressions, and no byte of it is changed by the
 * way, whatever its charset.
 */
export class ChunkReplacer {
  readonly #replacer: UrlReplacer;
  /** How many bytes are still to be looked through. */
  #left: number;
  #held: Uint8Array = NOTHING;
  /** The character in front of those that are held: whether a match begins behind it depends on it. */
  #before = '';

  /** @param maxBytes A match that begins behind so many bytes stays. `Infinity` = none does. */
  constructor(replacer: UrlReplacer, maxBytes: number) {
    this.#replacer = replacer;
    this.#left = maxBytes;
  }

  /** True once more bytes have come than are looked through. */
  get isExceeded(): boolean {
    return this.#left < 0;
  }

  /** Bytes that wait for those that decide on them. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** What can be given on now, in the place of what has come; it may be empty. */
  write(chunk: Uint8Array): Uint8Array {
    return this.#replace(chunk, false);
  }

  /** The last of it. */
  end(): Uint8Array {
    return this.#replace(NOTHING, true);
  }

  #replace(chunk: Uint8Array, ended: boolean): Uint8Array {
    if (this.#left <= 0) return this.#pass(chunk);
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const text = this.#before + latin1(bytes);
    const start = this.#before.length;
    const { complete } = this.#replacer.pattern;
    let [replaced, from] = ['', start];
    let open = ended ? text.length : this.#openEnd(text, from);
    const limit = start + this.#left;
    complete.lastIndex = from;
    for (let match = complete.exec(text); match !== null; match = complete.exec(text)) {
      if (match.index >= open || match.index >= limit) break;
      replaced += text.slice(from, match.index) + this.#replacer.replacementOf(match[0]);
      from = complete.lastIndex;
      if (from > open) open = this.#openEnd(text, from);
    }
    if (open >= limit) open = text.length;
    this.#left -= open - start;
    this.#before = text.charAt(open - 1);
    // A copy: a view would keep the whole chunk.
    this.#held = open === text.length ? NOTHING : Buffer.from(bytes.subarray(open - start));
    return from === start ? bytes.subarray(0, open - start) : Buffer.from(replaced + text.slice(from, open), 'latin1');
  }

  #pass(chunk: Uint8Array): Uint8Array {
    this.#left -= chunk.length;
    return chunk;
  }

  /** Where the part of the text begins that only what follows can decide on. */
  #openEnd(text: string, from: number): number {
    const { unfinished, longest } = this.#replacer.pattern;
    unfinished.lastIndex = Math.max(from, text.length - longest);
    return unfinished.exec(text)?.index ?? text.length;
  }
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
