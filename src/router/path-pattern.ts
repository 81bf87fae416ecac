import { NO_PARAMS } from '../core/context.js';
import { parseSegment, segmentShape, type MixedSegment, type Segment } from './segment.js';

/** What a pattern took out of a path. */
export interface Captures {
  readonly params: Readonly<Record<string, string>>;
  readonly values: readonly string[];
}

const NO_CAPTURES: Captures = { params: NO_PARAMS, values: Object.freeze([]) };

/** A path of the configuration, read once. */
export class PathPattern {
  readonly segments: readonly Segment[];
  /** One for each value, in their order: empty for a `*` inside, `*` for a `/*` at the end. */
  readonly names: readonly string[];
  /** Equal for two patterns that take the same paths. */
  readonly shape: string;
  /** The pattern ends in `/*`. */
  readonly isOpen: boolean;
  /** Segments up to the last that captures; 0 where none does. */
  readonly #captureDepth: number;
  readonly #isNamed: boolean;

  constructor(segments: readonly Segment[], isOpen: boolean) {
    this.segments = segments;
    this.isOpen = isOpen;
    this.names = Object.freeze([...segments.flatMap(segmentNames), ...(isOpen ? ['*'] : [])]);
    this.#isNamed = this.names.some((name) => name !== '');
    this.shape = segments.map((segment) => `/${segmentShape(segment)}`).join('');
    this.#captureDepth = isOpen ? segments.length : segments.findLastIndex(({ kind }) => kind !== 'literal') + 1;
  }

  /**
   * The values of a path that this pattern takes. Params are for policies and come from `path`; values are for
   * forwarding and come from `rawPath`. Both have the same segments, but not the same lengths.
   */
  read(path: string, rawPath: string): Captures {
    if (this.names.length === 0) return NO_CAPTURES;
    const params = this.#isNamed ? (Object.create(null) as Record<string, string>) : NO_PARAMS;
    const captures: MutableCaptures = { params, values: [] };
    const isSame = rawPath === path;
    let start = 0;
    let rawStart = 0;
    for (let depth = 0; depth < this.#captureDepth; depth++) {
      const end = segmentEnd(path, start);
      const rawEnd = isSame ? end : segmentEnd(rawPath, rawStart);
      const segment = this.segments[depth] as Segment;
      if (segment.kind !== 'literal') {
        const text = path.slice(start + 1, end);
        const raw = isSame ? text : rawPath.slice(rawStart + 1, rawEnd);
        if (segment.kind === 'any') take(captures, segment.name, text, raw);
        else takeMixed(captures, segment.mix, text, raw);
      }
      start = end;
      rawStart = rawEnd;
    }
    if (this.isOpen) take(captures, '*', path.slice(start + 1), rawPath.slice(rawStart + 1));
    return captures;
  }

  /** What follows the matched segments on the wire, where lengths of `path` do not count. */
  restOf(rawPath: string): string {
    let end = 0;
    for (let depth = 0; depth < this.segments.length; depth++) end = segmentEnd(rawPath, end);
    return rawPath.slice(end);
  }
}

/** Reads a path that its schema has let pass. */
export function parsePathPattern(path: string, caseSensitive: boolean): PathPattern {
  const { texts, isOpen } = splitPath(path);
  return new PathPattern(
    texts.map((text) => parseSegment(text, caseSensitive) as Segment),
    isOpen,
  );
}

/** The segments of a pattern, without the slash or the `/*` at its end. */
export function splitPath(path: string): { texts: string[]; isOpen: boolean } {
  const texts = path.slice(1).split('/');
  const isOpen = texts[texts.length - 1] === '*';
  if (isOpen || texts[texts.length - 1] === '') texts.pop();
  return { texts, isOpen };
}

/** One name for each value of a segment; empty for `*`. */
export function segmentNames(segment: Segment): readonly string[] {
  if (segment.kind === 'mixed') return segment.mix.names;
  return segment.kind === 'any' ? [segment.name] : [];
}

/** Where the segment behind the slash at `start` ends. */
export function segmentEnd(path: string, start: number): number {
  const slash = path.indexOf('/', start + 1);
  return slash === -1 ? path.length : slash;
}

interface MutableCaptures {
  readonly params: Record<string, string>;
  readonly values: string[];
}

function take({ params, values }: MutableCaptures, name: string, text: string, raw: string): void {
  values.push(raw);
  if (name !== '') params[name] = decode(text);
}

/**
 * `;parameters` only ever follow the text of a segment, so offsets hold in both and the value at the end takes them.
 */
function takeMixed(captures: MutableCaptures, mix: MixedSegment, text: string, raw: string): void {
  const bounds: number[] = [];
  mix.matches(text, bounds);
  mix.names.forEach(function takeNamed(name, index) {
    const start = bounds[2 * index] as number;
    const end = bounds[2 * index + 1] as number;
    take(captures, name, text.slice(start, end), raw.slice(start, end === text.length ? raw.length : end));
  });
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
