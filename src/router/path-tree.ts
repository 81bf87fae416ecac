/**
 * The routes of one host as a tree of segments. A request visits the nodes that fit its path, the most specific first;
 * a node has one way in, so none is visited twice and no path can make the search explode.
 */
import type { CompiledRoute } from './compiled-route.js';
import { segmentEnd } from './path-pattern.js';
import { RouteGroup } from './route-group.js';
import { segmentShape, type MixedSegment, type Segment } from './segment.js';

/** Looks at the routes of a node that fits; `null` continues the search. */
export type Visit<Value, Request, Result> = (
  group: RouteGroup<Value>,
  request: Request,
  /** Where the matched segments end in the path. */
  end: number,
) => Result | null;

const LITERAL_RANK = 0;
/** Behind every mixed segment, however many there are. */
const ANY_RANK = Infinity;

export class PathNode<Value> {
  readonly #parent: PathNode<Value> | null;
  /** Place among the alternatives of the parent: the literal, then the mixed ones from 1 on, then any. */
  #rank: number;
  #literals: Map<string, PathNode<Value>> | null = null;
  #mixed: { readonly mix: MixedSegment; readonly node: PathNode<Value> }[] | null = null;
  #any: PathNode<Value> | null = null;
  /** Routes for the path that ends here: exact ones and prefixes. */
  #atEnd: RouteGroup<Value> | null = null;
  /** Routes for the paths below: prefixes. */
  #below: RouteGroup<Value> | null = null;

  constructor(parent: PathNode<Value> | null = null, rank = LITERAL_RANK) {
    this.#parent = parent;
    this.#rank = rank;
  }

  add(route: CompiledRoute<Value>): void {
    let node: PathNode<Value> = this;
    for (const segment of route.pattern.segments) node = node.#grow(segment);
    (node.#atEnd ??= new RouteGroup()).add(route);
    if (!route.isExact) (node.#below ??= new RouteGroup()).add(route);
  }

  #grow(segment: Segment): PathNode<Value> {
    if (segment.kind === 'literal') {
      this.#literals ??= new Map();
      let node = this.#literals.get(segment.text);
      if (node === undefined) this.#literals.set(segment.text, (node = new PathNode(this)));
      return node;
    }
    if (segment.kind === 'any') return (this.#any ??= new PathNode(this, ANY_RANK));
    this.#mixed ??= [];
    const known = this.#mixed.find(({ mix }) => mix.shape === segmentShape(segment));
    if (known !== undefined) return known.node;
    const node = new PathNode<Value>(this);
    this.#mixed.push({ mix: segment.mix, node });
    this.#mixed.sort((a, b) => a.mix.compare(b.mix));
    this.#mixed.forEach((entry, index) => {
      entry.node.#rank = index + 1;
    });
    return node;
  }

  /**
   * Visits what fits, the most specific first, until `visit` has a result. It goes down while it can and climbs by the
   * parent's pointer to try what is left, so it needs neither a stack nor memory.
   */
  search<Request extends { readonly path: string }, Result>(
    request: Request,
    caseSensitive: boolean,
    visit: Visit<Value, Request, Result>,
  ): Result | null {
    const { path } = request;
    if (path.charCodeAt(0) !== 47 /* / */) return null;
    let node: PathNode<Value> = this;
    let start = 0;
    let rank = LITERAL_RANK;
    for (;;) {
      if (start < path.length && rank !== Infinity && node.#isParent) {
        const end = segmentEnd(path, start);
        const child = end === start + 1 ? null : node.#child(path.slice(start + 1, end), rank, caseSensitive);
        if (child !== null) {
          node = child;
          start = end;
          rank = LITERAL_RANK;
          continue;
        }
      }
      // One slash at the end of a path means nothing.
      const group: RouteGroup<Value> | null = start >= path.length - 1 ? node.#atEnd : node.#below;
      const result: Result | null = group === null ? null : visit(group, request, start);
      if (result !== null || node.#parent === null) return result;
      start = path.lastIndexOf('/', start - 1);
      rank = node.#rank + 1;
      node = node.#parent;
    }
  }

  get #isParent(): boolean {
    return this.#literals !== null || this.#any !== null || this.#mixed !== null;
  }

  /** The first alternative from `rank` on that takes the segment. */
  #child(segment: string, rank: number, caseSensitive: boolean): PathNode<Value> | null {
    if (rank === LITERAL_RANK && this.#literals !== null) {
      const node =
        this.#literals.get(segment) ?? (caseSensitive ? undefined : this.#literals.get(segment.toLowerCase()));
      if (node !== undefined) return node;
    }
    if (this.#mixed !== null) {
      for (let index = Math.max(0, rank - 1); index < this.#mixed.length; index++) {
        const entry = this.#mixed[index] as { mix: MixedSegment; node: PathNode<Value> };
        if (entry.mix.matches(segment)) return entry.node;
      }
    }
    return this.#any;
  }
}
