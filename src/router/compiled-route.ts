import { Conditions } from './conditions.js';
import { parsePathPattern, type PathPattern } from './path-pattern.js';
import type { FoundRoute, RoutePattern, RouterRequest } from './types.js';

/** A route as the tree holds it: everything that a request needs is ready. */
export class CompiledRoute<Value> {
  readonly index: number;
  readonly id: string;
  readonly path: string;
  readonly value: Value;
  readonly pattern: PathPattern;
  readonly isExact: boolean;
  /** With the `HEAD` that `GET` brings; `null` for every method. */
  readonly methods: ReadonlySet<string> | null;
  /** `null` where there is none: the usual route is not asked. */
  readonly conditions: Conditions | null;
  /** As configured; `null` for every host. */
  readonly hosts: readonly string[] | null;
  readonly #declaredMethods: readonly string[];
  readonly #sortConditions: Conditions;

  constructor(index: number, pattern: RoutePattern, value: Value, caseSensitive: boolean) {
    const { path, exact = false, methods, host, id = path } = pattern;
    this.index = index;
    this.id = id;
    this.path = path;
    this.value = value;
    this.pattern = parsePathPattern(path, caseSensitive);
    this.isExact = exact && !this.pattern.isOpen;
    this.#declaredMethods = methods ?? [];
    this.methods = methods === undefined ? null : new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
    this.#sortConditions = new Conditions(pattern);
    this.conditions = this.#sortConditions.isEmpty ? null : this.#sortConditions;
    this.hosts = host === undefined ? null : [host].flat();
  }

  /** As configured, without the `HEAD` that `GET` brings. */
  get declaredMethods(): readonly string[] {
    return this.#declaredMethods;
  }

  /** Negative where this comes before `other` for a method; both are routes of one path. */
  compare(other: CompiledRoute<Value>, method: string): number {
    return (
      Number(other.isExact) - Number(this.isExact) ||
      other.#methodRank(method) - this.#methodRank(method) ||
      this.#sortConditions.compare(other.#sortConditions) ||
      this.index - other.index
    );
  }

  /** A method by name counts more than the `HEAD` that `GET` brings, and that more than no methods at all. */
  #methodRank(method: string): number {
    if (this.methods === null) return 0;
    return this.#declaredMethods.includes(method) ? 2 : 1;
  }

  /** @param end Where the matched segments end in the path. */
  found(request: RouterRequest, end: number): FoundRoute<Value> {
    const { path, rawPath = path } = request;
    const { params, values } = this.pattern.read(path, rawPath);
    const rest = rawPath === path ? path.slice(end) : this.pattern.restOf(rawPath);
    return {
      kind: 'found',
      id: this.id,
      path: this.path,
      params,
      names: this.pattern.names,
      values,
      rest,
      value: this.value,
    };
  }

  /** The first condition besides host and path that is not met, as a sentence; `null` where all are. */
  failure(request: RouterRequest): string | null {
    const { method = 'GET' } = request;
    if (this.methods !== null && !this.methods.has(method)) {
      return `method ${method} is not ${[...this.methods].sort().join(', ')}`;
    }
    return this.conditions?.failure(request) ?? null;
  }
}
